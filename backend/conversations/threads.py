"""All conversations of a viewer: the list of them, and searching their messages."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from backend.conversations import policy, service
from backend.conversations.models import CaseMessage, fold
from backend.conversations.naming import name_of, people_of, titles_of
from backend.introductions import cases
from backend.introductions.models import Introduction
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer

FOUND = 50
TERM_LENGTH = 100


@dataclass(frozen=True)
class Hit:
    """A message that was found, and the case that it is of."""

    url: str
    title: str
    at: datetime
    author: str | None
    organisation: str | None
    text: str
    is_note: bool


@dataclass(frozen=True)
class Thread:
    """A conversation in the list of all."""

    url: str
    title: str
    at: datetime
    unread: int


def search(session: Session, viewer: Viewer, term: str) -> list[Hit]:
    """Messages in all conversations that the viewer reads, newest first."""
    query = (
        select(CaseMessage, Introduction)
        .join(Introduction, col(Introduction.id) == col(CaseMessage.introduction_id))
        .where(
            policy.readable_to(viewer),
            policy.shown_to(viewer),
            col(CaseMessage.deleted_at).is_(None),
            col(CaseMessage.folded).contains(fold(term), autoescape=True),
        )
        .order_by(col(CaseMessage.id).desc())
        .limit(FOUND)
    )
    pairs = session.exec(query).all()
    titles = titles_of(session, viewer, [case for _message, case in pairs])
    authors = people_of(session, {m.user_id for m, _case in pairs if m.user_id})
    homes = organisations.authors(session, {m.organisation_id for m, _case in pairs if m.organisation_id})
    return [
        Hit(
            url=f"{cases.path_of(case.id)}/conversation",
            title=titles.get(case.id, ""),
            at=message.created_at,
            author=authors.get(message.user_id or ""),
            organisation=name_of(homes, message.organisation_id),
            text=message.text,
            is_note=message.is_note,
        )
        for message, case in pairs
    ]


def threads(session: Session, viewer: Viewer) -> list[Thread]:
    """The conversations in which the viewer reads, the one with the newest message first."""
    query = (
        select(Introduction, func.max(CaseMessage.created_at))
        .join(CaseMessage, col(CaseMessage.introduction_id) == col(Introduction.id))
        .where(policy.readable_to(viewer), policy.shown_to(viewer))
        .group_by(col(Introduction.id))
        .order_by(func.max(CaseMessage.id).desc())
        .limit(FOUND)
    )
    pairs = session.exec(query).all()
    unread = service.unread_of_own(session, viewer)
    titles = titles_of(session, viewer, [case for case, _at in pairs])
    return [
        Thread(f"{cases.path_of(case.id)}/conversation", titles.get(case.id, ""), at, unread.get(case.id, 0))
        for case, at in pairs
    ]
