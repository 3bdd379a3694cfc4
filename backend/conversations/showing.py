"""The line of a case as one viewer reads it: messages and steps in the order in which they happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from backend.accounts.models import User
from backend.attachments import service as attachments
from backend.attachments.kinds import IMAGES
from backend.attachments.models import Attachment, Holder
from backend.conversations import people, policy, service
from backend.conversations.models import CaseMessage, ConversationRead, MessageMention, fold
from backend.conversations.naming import name_of, people_of, titles_of
from backend.conversations.people import Person
from backend.introductions import cases
from backend.introductions import showing as introductions
from backend.introductions.cases import Case
from backend.introductions.line import EventView as StepView
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer

PAGE = 50


@dataclass(frozen=True)
class FileView:
    """A file of a message."""

    id: str
    name: str
    size: int
    is_image: bool


@dataclass(frozen=True)
class MessageView:
    """A message; `author` is None where the account is gone. `read_by` are organisations whose last word read it is."""

    key: str
    at: datetime
    author: str | None
    organisation: str | None
    text: str
    is_own: bool
    is_note: bool
    is_edited: bool
    is_deleted: bool
    is_unread: bool
    can_edit: bool
    can_delete: bool
    mentioned: tuple[str, ...]
    files: tuple[FileView, ...]
    read_by: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A part of the conversation. `before` is the number below which earlier messages lie, if there are any."""

    entries: tuple[MessageView | StepView, ...]
    before: int | None
    unread: int
    term: str = ""


@dataclass(frozen=True)
class Conversation:
    """The conversation of a case, and what the viewer may do in it."""

    introduction_id: str
    title: str
    line: Line
    people: tuple[Person, ...]
    can_write: bool
    can_note: bool
    is_open: bool

    @property
    def url(self) -> str:
        """Its page."""
        return f"{cases.path_of(self.introduction_id)}/conversation"


def show(
    session: Session,
    viewer: Viewer,
    introduction_id: str,
    *,
    before: int | None = None,
    term: str = "",
    steps: bool = True,
) -> Conversation:
    """A conversation as the viewer reads it, which is noted; raises NotFound or NotOpenYet.

    Without `steps` it is the messages alone, for the page of the case, which has steps of its own.
    """
    case = service.get(session, viewer, introduction_id)
    return Conversation(
        introduction_id=introduction_id,
        title=titles_of(session, viewer, [case.row]).get(introduction_id, ""),
        line=_line(session, viewer, case, before, term, steps=steps),
        people=tuple(p for p in people.of_case(session, case) if p.user.id != viewer.user_id),
        can_write=policy.can_write(viewer, case.facts, is_open=case.is_opened),
        can_note=policy.can_note(viewer, case.facts),
        is_open=case.is_opened,
    )


def line(session: Session, viewer: Viewer, introduction_id: str, *, steps: bool = True) -> Line:
    """The end of the line alone, as it is asked for when something has come; raises NotFound or NotOpenYet."""
    return _line(session, viewer, service.get(session, viewer, introduction_id), None, "", steps=steps)


def _line(session: Session, viewer: Viewer, case: Case, before: int | None, term: str, *, steps: bool) -> Line:
    query = select(CaseMessage).where(CaseMessage.introduction_id == case.row.id, policy.shown_to(viewer))
    if before is not None:
        query = query.where(col(CaseMessage.id) < before)
    if term:
        query = query.where(col(CaseMessage.folded).contains(fold(term), autoescape=True))
    found = list(session.exec(query.order_by(col(CaseMessage.id).desc()).limit(PAGE + 1)).all())
    more = len(found) > PAGE
    rows = found[:PAGE][::-1]
    unread = service.unread(session, viewer, [case.row.id]).get(case.row.id, 0) if before is None else 0
    entries: list[MessageView | StepView] = list(_messages(session, viewer, case, rows, unread))
    if steps and not term:
        entries += _steps(session, viewer, case, rows[0].created_at if more else None, before)
        entries.sort(key=lambda entry: entry.at)
    if before is None and not term and rows:
        service.mark_read(session, viewer, case, rows[-1].id or 0)
    return Line(tuple(entries), rows[0].id if more else None, unread, term)


def _messages(
    session: Session, viewer: Viewer, case: Case, rows: Sequence[CaseMessage], unread: int
) -> list[MessageView]:
    authors = people_of(session, {row.user_id for row in rows if row.user_id})
    homes = organisations.authors(session, {row.organisation_id for row in rows if row.organisation_id})
    files = attachments.of_holders(session, Holder.MESSAGE, [row.key for row in rows])
    mentioned = _mentioned(session, [row.id or 0 for row in rows])
    read_by = _read_by(session, viewer, case, rows)
    others = [row.id for row in rows if row.user_id != viewer.user_id and row.deleted_at is None]
    new = set(others[-unread:]) if unread else set()
    return [
        MessageView(
            key=row.key,
            at=row.created_at,
            author=authors.get(row.user_id or ""),
            organisation=name_of(homes, row.organisation_id),
            text=row.text,
            is_own=row.user_id == viewer.user_id,
            is_note=row.is_note,
            is_edited=row.edited_at is not None,
            is_deleted=row.deleted_at is not None,
            is_unread=row.id in new,
            can_edit=service.can_edit(viewer, row),
            can_delete=service.can_delete(viewer, row),
            mentioned=tuple(mentioned.get(row.id or 0, ())),
            files=tuple(_file(f) for f in files.get(row.key, ())),
            read_by=tuple(read_by.get(row.id or 0, ())),
        )
        for row in rows
    ]


def _file(attachment: Attachment) -> FileView:
    return FileView(attachment.id, attachment.name, attachment.size, attachment.kind in IMAGES)


def _mentioned(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(MessageMention.message_id, User.name)
        .join(User, col(User.id) == col(MessageMention.user_id))
        .where(col(MessageMention.message_id).in_(ids))
        .order_by(col(User.name))
    )
    found: dict[int, list[str]] = {}
    for message_id, name in session.exec(query).all():
        found.setdefault(message_id, []).append(name)
    return found


def _read_by(session: Session, viewer: Viewer, case: Case, rows: Sequence[CaseMessage]) -> dict[int, list[str]]:
    """Under which message each other organisation's mark stands: the last one to all that somebody of it has read."""
    query = (
        select(ConversationRead.organisation_id, func.max(ConversationRead.message_id))
        .where(
            ConversationRead.introduction_id == case.row.id,
            col(ConversationRead.organisation_id).is_not(None),
            col(ConversationRead.organisation_id).not_in(viewer.organisation_ids),
        )
        .group_by(col(ConversationRead.organisation_id))
    )
    marks = {str(organisation_id): last for organisation_id, last in session.exec(query).all()}
    names = organisations.authors(session, marks)
    shared = [row.id or 0 for row in rows if not row.is_note]
    found: dict[int, list[str]] = {}
    for organisation_id, last in marks.items():
        under = max((number for number in shared if number <= last), default=None)
        if under is not None and organisation_id in names:
            found.setdefault(under, []).append(names[organisation_id].name)
    return found


def _steps(session: Session, viewer: Viewer, case: Case, since: datetime | None, before: int | None) -> list[StepView]:
    """The steps beside a page of messages; the last page holds those that came after its messages as well."""
    until = None
    if before is not None:
        until = session.exec(select(CaseMessage.created_at).where(CaseMessage.id == before)).first()
    return list(introductions.lines_of(session, viewer, case, since=since, before=until))
