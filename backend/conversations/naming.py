"""What those in a conversation, and what it is about, are called."""

from collections.abc import Collection, Mapping, Sequence

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.introductions.models import Introduction
from backend.needs import service as needs
from backend.organisations.policy import Viewer
from backend.organisations.service import Author


def name_of(names: Mapping[str, Author], organisation_id: str | None) -> str | None:
    """The name of an organisation, where it is known."""
    found = names.get(organisation_id or "")
    return found.name if found else None


def people_of(session: Session, ids: Collection[str]) -> dict[str, str]:
    """The names of users by id."""
    return dict(session.exec(select(User.id, User.name).where(col(User.id).in_(ids))).all())


def titles_of(session: Session, viewer: Viewer, rows: Sequence[Introduction]) -> Mapping[str, str]:
    """The titles of the needs of cases, as far as the viewer may still read them."""
    cards = needs.cards(session, viewer, {row.need_id for row in rows})
    return {row.id: cards[row.need_id].title for row in rows if row.need_id in cards}
