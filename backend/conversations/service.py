"""Writing, changing and deleting messages. One lock on the row of the case orders them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, select

from backend.accounts.models import User
from backend.attachments import service as attachments
from backend.attachments.models import Attachment, Holder
from backend.audit import events
from backend.audit.events import Event
from backend.conversations import people, policy
from backend.conversations.models import TEXT_LENGTH, CaseMessage, ConversationRead, MessageMention, fold
from backend.db import utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import cases
from backend.introductions import policy as introductions
from backend.introductions.cases import KIND, Case
from backend.introductions.models import CaseEvent, Introduction
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer

EDITABLE = timedelta(minutes=10)
MAX_FILES = 5


class BadMessage(DomainError):
    """A message without text and files, or with too much of either."""

    status = 422
    zh = "请填写内容（不超过 4000 字）或选择附件（不超过 5 个）。"
    en = "Write a text of at most 4000 characters, or choose at most 5 files."


class TooLate(Conflict):
    """Others have read it and may have answered."""

    zh = "消息发出 10 分钟后不能再修改，可以补发一条说明。"
    en = "A message cannot be changed after 10 minutes. Please send another one."


@dataclass(frozen=True)
class Draft:
    """A message as it is sent. `key` is that of the form; `mentioned` are users chosen from the list."""

    key: str
    text: str
    mentioned: Collection[str] = ()
    is_note: bool = False


def get(session: Session, viewer: Viewer, introduction_id: str, *, lock: bool = False) -> Case:
    """A case whose conversation the viewer reads; raises NotFound or NotOpenYet."""
    case = cases.load(session, introduction_id, lock=lock)
    policy.check_can_read(viewer, case.facts, introduced=case.row.introduced_at is not None)
    return case


def check_can_post(session: Session, viewer: Viewer, introduction_id: str) -> Case:
    """What is asked before a message with its files is received; raises NotFound, NotOpenYet, Conflict or Forbidden."""
    case = cases.load(session, introduction_id)
    if not policy.can_note(viewer, case.facts):
        policy.check_can_write(viewer, case.facts, is_open=case.is_opened)
    return case


def voice(viewer: Viewer, case: Case) -> str | None:
    """For which organisation the viewer speaks in a case: their party, else their agency."""
    party = case.party_of(viewer)
    if party is not None:
        return party.organisation_id
    mine = [m for m in viewer.memberships if m.organisation_id in policy.agencies(viewer)]
    led = {b.organisation_id for b in case.brokers}
    near = case.facts.regions
    mine.sort(key=lambda m: (m.organisation_id not in led, m.jurisdiction not in near))
    return mine[0].organisation_id if mine else None


def post(
    session: Session, viewer: Viewer, introduction_id: str, draft: Draft, files: Sequence[Attachment] = ()
) -> tuple[CaseMessage, bool]:
    """Send a message; returns it and whether it is new. The same form sent twice makes one.

    `files` are received and not yet added. Raises NotFound, NotOpenYet, Conflict, Forbidden or BadMessage.
    """
    case = cases.load(session, introduction_id, lock=True)
    if draft.is_note:
        policy.check_can_note(viewer, case.facts)
    else:
        policy.check_can_write(viewer, case.facts, is_open=case.is_opened)
    known = session.exec(select(CaseMessage).where(CaseMessage.key == draft.key)).first()
    if known is not None:
        if (known.introduction_id, known.user_id) != (introduction_id, viewer.user_id):
            raise NotFound
        return known, False
    text = draft.text.strip()
    if len(text) > TEXT_LENGTH or len(files) > MAX_FILES or not (text or files):
        raise BadMessage
    message = CaseMessage(
        key=draft.key,
        introduction_id=introduction_id,
        user_id=viewer.user_id,
        organisation_id=voice(viewer, case),
        is_note=draft.is_note,
        text=text,
        folded=fold(text),
    )
    session.add(message)
    session.flush()
    for attachment in files:
        session.add(attachment)
        _record(session, Event.ATTACHMENT_ADD, viewer, message, attachment=attachment.id)
    if not draft.is_note:
        # What a note does to the order of lists would tell others of it.
        case.row.updated_at = message.created_at
        session.add(case.row)
    _record(session, Event.MESSAGE_NOTE if draft.is_note else Event.MESSAGE_SEND, viewer, message)
    _tell(session, viewer, case, message, draft.mentioned)
    mark_read(session, viewer, case, message.id or 0)
    session.flush()
    return message, True


def _tell(session: Session, viewer: Viewer, case: Case, message: CaseMessage, chosen: Collection[str]) -> None:
    """Tell those who are mentioned, and everybody else of a message that is no note. No mail holds a word of it."""
    reached = people.of_case(session, case, message.organisation_id if message.is_note else None)
    mentioned = [p for p in reached if p.user.id in chosen or f"@{p.user.name}" in message.text]
    for person in mentioned:
        session.add(MessageMention(message_id=message.id or 0, user_id=person.user.id))
    path = f"{cases.path_of(case.row.id)}/conversation"
    named = {p.user.id: p.user for p in mentioned}
    tell(session, named.values(), Notice.MESSAGE_MENTION, KIND, case.row.id, path=path, actor_id=viewer.user_id)
    if not message.is_note:
        others: list[User] = [p.user for p in reached if p.user.id not in named]
        tell(session, others, Notice.MESSAGE_NEW, KIND, case.row.id, path=path, actor_id=viewer.user_id)


def find(session: Session, viewer: Viewer, introduction_id: str, key: str) -> tuple[Case, CaseMessage]:
    """A message that the viewer reads; raises NotFound or NotOpenYet."""
    case = get(session, viewer, introduction_id)
    query = select(CaseMessage).where(
        CaseMessage.introduction_id == introduction_id, CaseMessage.key == key, policy.shown_to(viewer)
    )
    message = session.exec(query).first()
    if message is None:
        raise NotFound
    return case, message


def can_edit(viewer: Viewer, message: CaseMessage, now: datetime | None = None) -> bool:
    """Whether the viewer may still change the text of a message."""
    return _is_own(viewer, message) and (now or utc_now()) - message.created_at <= EDITABLE


def can_delete(viewer: Viewer, message: CaseMessage) -> bool:
    """Whether the viewer may take a message back."""
    return _is_own(viewer, message)


def _is_own(viewer: Viewer, message: CaseMessage) -> bool:
    is_author = viewer.user_id is not None and message.user_id == viewer.user_id
    return is_author and message.deleted_at is None


def _own(session: Session, viewer: Viewer, introduction_id: str, key: str) -> tuple[Case, CaseMessage]:
    case, message = find(session, viewer, introduction_id, key)
    introductions.check_can_speak(viewer, case.facts)
    if message.user_id != viewer.user_id:
        raise Forbidden
    return case, message


def to_edit(session: Session, viewer: Viewer, introduction_id: str, key: str) -> CaseMessage:
    """A message for the form that changes it; raises NotFound, Forbidden, Conflict or TooLate."""
    _case, message = _own(session, viewer, introduction_id, key)
    if message.deleted_at is not None:
        raise Conflict
    if not can_edit(viewer, message):
        raise TooLate
    return message


def edit(session: Session, viewer: Viewer, introduction_id: str, key: str, text: str) -> CaseMessage:
    """Change the text of one's own message within ten minutes; its change shows.

    Raises NotFound, Forbidden, Conflict, TooLate or BadMessage.
    """
    message = to_edit(session, viewer, introduction_id, key)
    text = text.strip()
    files = attachments.of_holders(session, Holder.MESSAGE, [message.key])
    if len(text) > TEXT_LENGTH or not (text or files):
        raise BadMessage
    if text != message.text:
        message.text, message.folded = text, fold(text)
        message.edited_at = message.changed_at = utc_now()
        session.add(message)
        _record(session, Event.MESSAGE_EDIT, viewer, message)
    return message


def delete(session: Session, viewer: Viewer, introduction_id: str, key: str) -> CaseMessage:
    """Take one's own message back: its text and files go, its place stays. Twice changes nothing.

    Raises NotFound or Forbidden.
    """
    _case, message = _own(session, viewer, introduction_id, key)
    if message.deleted_at is None:
        message.text = message.folded = ""
        message.deleted_at = message.changed_at = utc_now()
        session.add(message)
        for attachment in attachments.of_holders(session, Holder.MESSAGE, [key]).get(key, ()):
            attachment.removed_at = message.deleted_at
            session.add(attachment)
        _record(session, Event.MESSAGE_DELETE, viewer, message)
    return message


def file_of(session: Session, viewer: Viewer, introduction_id: str, key: str, attachment_id: str) -> Attachment:
    """A file that the viewer is about to open, which is written down; raises NotFound or NotOpenYet."""
    _case, message = find(session, viewer, introduction_id, key)
    for attachment in attachments.of_holders(session, Holder.MESSAGE, [key]).get(key, ()):
        if attachment.id == attachment_id:
            _record(session, Event.ATTACHMENT_OPEN, viewer, message, attachment=attachment.id)
            return attachment
    raise NotFound


def existing(session: Session, keys: Collection[str]) -> Collection[str]:
    """Of these keys, those of messages that there still are: for the sweep of files."""
    query = select(CaseMessage.key).where(col(CaseMessage.key).in_(keys), col(CaseMessage.deleted_at).is_(None))
    return session.exec(query).all()


def mark_read(session: Session, viewer: Viewer, case: Case, message_id: int) -> None:
    """Note that the viewer has had the line up to this message before them."""
    query = select(ConversationRead).where(
        ConversationRead.introduction_id == case.row.id, ConversationRead.user_id == viewer.user_id
    )
    row = session.exec(query).first()
    if row is None:
        row = ConversationRead(introduction_id=case.row.id, user_id=str(viewer.user_id), message_id=0)
    if message_id > row.message_id:
        row.message_id, row.at = message_id, utc_now()
        row.organisation_id = voice(viewer, case)
        session.add(row)


def unread(session: Session, viewer: Viewer, introduction_ids: Collection[str]) -> dict[str, int]:
    """How many messages of others the viewer has not read, by case; cases without any are left out."""
    return _unread(session, viewer, and_(col(Introduction.id).in_(introduction_ids), policy.readable_to(viewer)))


def unread_of_own(session: Session, viewer: Viewer) -> dict[str, int]:
    """The same of all cases whose messages are meant for the viewer."""
    return _unread(session, viewer, policy.addressed_to(viewer))


def _unread(session: Session, viewer: Viewer, cases_of: ColumnElement[bool]) -> dict[str, int]:
    # From the cases to their last messages by the index, so that what was read long ago is not looked at.
    query = (
        select(CaseMessage.introduction_id, func.count())
        .select_from(Introduction)
        .join(
            ConversationRead,
            and_(
                col(ConversationRead.introduction_id) == col(Introduction.id),
                col(ConversationRead.user_id) == viewer.user_id,
            ),
            isouter=True,
        )
        .join(
            CaseMessage,
            and_(
                col(CaseMessage.introduction_id) == col(Introduction.id),
                col(CaseMessage.id) > func.coalesce(ConversationRead.message_id, 0),
            ),
        )
        .where(
            cases_of,
            policy.shown_to(viewer),
            col(CaseMessage.deleted_at).is_(None),
            func.coalesce(CaseMessage.user_id, "") != viewer.user_id,
        )
        .group_by(col(CaseMessage.introduction_id))
    )
    return dict(session.exec(query).all())


def stamp(session: Session, viewer: Viewer, introduction_id: str) -> str:
    """What changes whenever something changes in the line that this viewer reads; raises NotFound or NotOpenYet."""
    get(session, viewer, introduction_id)
    query = select(func.max(CaseMessage.id), func.max(CaseMessage.changed_at)).where(
        CaseMessage.introduction_id == introduction_id, policy.shown_to(viewer)
    )
    last, changed = session.exec(query).one()
    step = session.exec(select(func.max(CaseEvent.id)).where(CaseEvent.introduction_id == introduction_id)).one()
    at = int(changed.timestamp() * 1000) if changed else 0
    return f"{last or 0}-{at}-{step or 0}"


def _record(session: Session, event: Event, viewer: Viewer, message: CaseMessage, **detail: str) -> None:
    """Who, in which case and of which message; never a word of it."""
    found = {"message": message.key, "organisation": message.organisation_id, **detail}
    events.record(session, event, KIND, message.introduction_id, actor_id=viewer.user_id, **found)
