"""The files of needs and capabilities: adding, listing, opening and removing them; and what other files share."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlmodel import Session, col, select

from backend.attachments import checks, names, policy
from backend.attachments.errors import FileRefused
from backend.attachments.kinds import IMAGES, MEDIA_TYPES, FileKind
from backend.attachments.models import Attachment, Holder
from backend.attachments.storage import Storage
from backend.attachments.stripping import Stripped, digest_of
from backend.audit.events import Event, record
from backend.capabilities import service as capabilities
from backend.db import utc_now
from backend.disclosure.models import SubjectKind
from backend.disclosure.policy import Opened
from backend.disclosure.service import opened_to, read_for
from backend.errors import Conflict, DomainError, NotFound
from backend.needs import service as needs
from backend.organisations.policy import Viewer

MAX_FILES = 10
MAX_TOTAL_BYTES = 60_000_000

OPENERS: Mapping[SubjectKind, Callable[[Session, Viewer, str], Opened]] = {
    SubjectKind.NEED: needs.opened,
    SubjectKind.CAPABILITY: capabilities.opened,
}


@dataclass(frozen=True)
class Upload:
    """A file as it came in. `id` is that of the form, so that one that is sent twice makes one attachment."""

    id: str
    name: str
    content: BinaryIO
    strip: bool


@dataclass(frozen=True)
class Entry:
    """One file of a list, under the name that the viewer may see."""

    id: str
    name: str
    size: int
    created_at: datetime
    media_type: str
    is_image: bool
    stripped: bool


@dataclass(frozen=True)
class Files:
    """The files of a subject, and whether the viewer may change them."""

    subject: Opened
    entries: tuple[Entry, ...]
    is_own: bool
    can_change: bool


@dataclass(frozen=True)
class Reading:
    """A content that is read: the caller closes it."""

    content: BinaryIO
    name: str
    media_type: str
    size: int
    is_image: bool


def megabytes(size: int) -> str:
    """A limit in words: 20 MB."""
    return f"{size / 1_000_000:g} MB"


def check_can_add(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> Opened:
    """What is asked before a file is received at all; raises NotFound, Forbidden or Conflict."""
    opened = OPENERS[kind](session, viewer, subject_id)
    policy.check_can_change(viewer, opened)
    return opened


def read_upload(upload: Upload, max_bytes: int) -> tuple[FileKind, checks.Content]:
    """Check an upload and make of it what is kept, before the database is asked; raises FileRefused or ChecksBusy."""
    kind = names.kind_of_name(upload.name)
    size = upload.content.seek(0, 2)
    if size == 0:
        raise FileRefused("文件是空的，请重新选择。", "The file is empty. Please choose another one.")
    if size > max_bytes:
        limit = megabytes(max_bytes)
        raise FileRefused(
            f"文件超过 {limit}，请压缩或拆分后上传。", f"The file is larger than {limit}. Please compress or split it."
        )
    content = checks.accept(upload.content, kind, strip=upload.strip)
    if content.file.seek(0, 2) > max_bytes:
        # An image may grow when it is encoded anew.
        raise FileRefused("图片处理后过大，请缩小后上传。", "The image is too large. Please make it smaller.")
    return kind, content


def add(
    session: Session,
    storage: Storage,
    viewer: Viewer,
    subject_kind: SubjectKind,
    subject_id: str,
    upload: Upload,
    max_bytes: int,
) -> tuple[Attachment, bool]:
    """Take a file in; returns it and whether it is new.

    The content is checked and stored before the database is asked for anything, so that nobody waits for it. It is
    discarded where the row is refused, and swept later where the row never comes. Raises FileRefused, ChecksBusy,
    StorageUnavailable, NotFound, Forbidden or Conflict.
    """
    attachment = receive(storage, Holder(subject_kind), subject_id, upload, max_bytes, viewer.user_id)
    stored_name = attachment.stored_name
    try:
        kept = _add_row(session, viewer, attachment)
    except DomainError:
        storage.discard(stored_name)
        raise
    is_new = kept.stored_name == stored_name
    if not is_new:
        storage.discard(stored_name)
    return kept, is_new


def receive(
    storage: Storage, holder: Holder, holder_id: str, upload: Upload, max_bytes: int, user_id: str | None
) -> Attachment:
    """Check and store a content; returns its row, which nobody has added yet.

    Whoever does not add it discards the content. Raises FileRefused, ChecksBusy or StorageUnavailable.
    """
    kind, content = read_upload(upload, max_bytes)
    try:
        stored_name = storage.put(content.file)
        return Attachment(
            id=upload.id,
            subject_kind=holder,
            subject_id=holder_id,
            name=names.clean_name(upload.name),
            kind=kind,
            size=content.file.seek(0, 2),
            digest=digest_of(content.file),
            stored_name=stored_name,
            stripped=content.stripped,
            uploaded_by=user_id,
        )
    finally:
        content.file.close()


def of_holders(session: Session, holder: Holder, ids: Collection[str]) -> Mapping[str, Sequence[Attachment]]:
    """The files of several things, by their ids; whether they may be seen is for the caller to know."""
    query = select(Attachment).where(
        Attachment.subject_kind == holder, col(Attachment.subject_id).in_(ids), col(Attachment.removed_at).is_(None)
    )
    found: dict[str, list[Attachment]] = {}
    for row in session.exec(query.order_by(col(Attachment.created_at), col(Attachment.id))).all():
        found.setdefault(row.subject_id, []).append(row)
    return found


def read_content(storage: Storage, attachment: Attachment) -> Reading:
    """The content of a file that the viewer may open; raises StorageUnavailable."""
    content = storage.open(attachment.stored_name)
    is_image = attachment.kind in IMAGES
    return Reading(content, attachment.name, MEDIA_TYPES[attachment.kind], attachment.size, is_image)


def _add_row(session: Session, viewer: Viewer, attachment: Attachment) -> Attachment:
    """The row of a stored content, or the one that the same form has made before."""
    kind, subject_id = SubjectKind(attachment.subject_kind), attachment.subject_id
    opened = OPENERS[kind](session, viewer, subject_id)
    policy.check_can_change(viewer, opened)
    known = session.get(Attachment, attachment.id)
    if known is not None:
        if (known.subject_kind, known.subject_id) != (attachment.subject_kind, subject_id):
            raise NotFound
        if known.removed_at is not None:
            raise Conflict
        return known
    _check_room(_rows(session, kind, subject_id), attachment.size)
    session.add(attachment)
    session.flush()
    _record(session, Event.ATTACHMENT_ADD, viewer, opened, attachment)
    return attachment


def files(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> Files:
    """The files of a subject as this viewer sees them; raises NotFound."""
    opened = OPENERS[kind](session, viewer, subject_id)
    policy.check_can_open(viewer, opened)
    entries = tuple(
        Entry(
            id=row.id,
            name=_shown_name(viewer, opened, row, number),
            size=row.size,
            created_at=row.created_at,
            media_type=MEDIA_TYPES[row.kind],
            is_image=row.kind in IMAGES,
            stripped=row.stripped,
        )
        for number, row in enumerate(_rows(session, kind, subject_id), 1)
    )
    is_own = opened.facts.organisation_id in viewer.organisation_ids
    return Files(opened, entries, is_own, policy.can_change(viewer, opened))


def to_strip(
    session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str, attachment_id: str
) -> Attachment | None:
    """The file that a viewer is about to open, where it has to lose its metadata before; raises NotFound."""
    opened = OPENERS[kind](session, viewer, subject_id)
    policy.check_can_open(viewer, opened)
    _number, attachment = _find(session, kind, subject_id, attachment_id)
    return attachment if _is_told_too_much(viewer, opened, attachment) else None


def open_file(
    session: Session,
    storage: Storage,
    viewer: Viewer,
    kind: SubjectKind,
    subject_id: str,
    attachment_id: str,
    stripped: Stripped | None = None,
) -> Reading:
    """Open a file to read it, which is written down; raises NotFound, Conflict or StorageUnavailable.

    `stripped` is what `stripping.strip_stored` has made of the file where `to_strip` told of it.
    """
    opened = OPENERS[kind](session, viewer, subject_id)
    policy.check_can_open(viewer, opened)
    number, attachment = _find(session, kind, subject_id, attachment_id)
    if _is_told_too_much(viewer, opened, attachment):
        _take_over(session, viewer, opened, attachment, stripped)
    elif stripped is not None:
        # Somebody else came first.
        storage.discard(stripped.stored_name)
    content = storage.open(attachment.stored_name)
    releases = opened_to(session, viewer, kind, subject_id)
    _record(session, Event.ATTACHMENT_OPEN, viewer, opened, attachment, read_for(viewer, opened.facts, releases))
    name = _shown_name(viewer, opened, attachment, number)
    return Reading(content, name, MEDIA_TYPES[attachment.kind], attachment.size, attachment.kind in IMAGES)


def remove(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str, attachment_id: str) -> None:
    """Take a file away, its content after the commit; raises NotFound, Forbidden or Conflict."""
    opened = OPENERS[kind](session, viewer, subject_id)
    policy.check_can_change(viewer, opened)
    _number, attachment = _find(session, kind, subject_id, attachment_id)
    attachment.removed_at = utc_now()
    session.add(attachment)
    _record(session, Event.ATTACHMENT_REMOVE, viewer, opened, attachment)
    session.flush()


def _rows(session: Session, kind: SubjectKind, subject_id: str) -> Sequence[Attachment]:
    query = select(Attachment).where(
        Attachment.subject_kind == Holder(kind),
        Attachment.subject_id == subject_id,
        col(Attachment.removed_at).is_(None),
    )
    return session.exec(query.order_by(col(Attachment.created_at), col(Attachment.id))).all()


def _find(session: Session, kind: SubjectKind, subject_id: str, attachment_id: str) -> tuple[int, Attachment]:
    for number, row in enumerate(_rows(session, kind, subject_id), 1):
        if row.id == attachment_id:
            return number, row
    raise NotFound


def _shown_name(viewer: Viewer, opened: Opened, attachment: Attachment, number: int) -> str:
    return attachment.name if policy.knows_names(viewer, opened) else names.neutral_name(number, attachment.kind)


def _check_room(rows: Sequence[Attachment], size: int) -> None:
    if len(rows) >= MAX_FILES:
        raise FileRefused(
            f"每条内容最多 {MAX_FILES} 个附件，请先删除不需要的附件。",
            f"At most {MAX_FILES} files are kept. Please remove one first.",
        )
    if sum(row.size for row in rows) + size > MAX_TOTAL_BYTES:
        limit = megabytes(MAX_TOTAL_BYTES)
        raise FileRefused(
            f"附件总大小不能超过 {limit}，请先删除不需要的附件，或压缩后上传。",
            f"All files together may have {limit}. Please remove one or compress this one.",
        )


def _is_told_too_much(viewer: Viewer, opened: Opened, attachment: Attachment) -> bool:
    """The subject has become anonymous after its file was taken as it was, and somebody from outside opens it."""
    is_own = opened.facts.organisation_id in viewer.organisation_ids
    return not is_own and policy.needs_stripping(opened, attachment)


def _take_over(
    session: Session, viewer: Viewer, opened: Opened, attachment: Attachment, stripped: Stripped | None
) -> None:
    """What is kept from now on says nothing; raises Conflict where the row is not as it was, or became so just now."""
    if stripped is None or stripped.before != attachment.stored_name:
        raise Conflict
    # The old content is named by no row any more, and swept.
    attachment.size, attachment.digest = stripped.size, stripped.digest
    attachment.stored_name = stripped.stored_name
    attachment.stripped = True
    session.add(attachment)
    session.flush()
    _record(session, Event.ATTACHMENT_STRIP, viewer, opened, attachment)


def _record(
    session: Session,
    event: Event,
    viewer: Viewer,
    opened: Opened,
    attachment: Attachment,
    organisation_id: str | None = None,
) -> None:
    """Who, which file and which content of it, beside which version of the text; never a name."""
    through = {"organisation": organisation_id} if event is Event.ATTACHMENT_OPEN else {}
    record(
        session,
        event,
        opened.facts.kind,
        opened.facts.id,
        actor_id=viewer.user_id,
        attachment=attachment.id,
        digest=attachment.digest[:16],
        version=opened.version,
        **through,
    )
