"""Who can be mentioned in a case: those who write for its parties, and its brokers."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.introductions import cases
from backend.introductions.cases import Case
from backend.notifications import recipients
from backend.organisations import service as organisations
from backend.organisations.models import Membership


@dataclass(frozen=True)
class Person:
    """Somebody in a case, and for whom they speak."""

    user: User
    organisation_id: str
    organisation_name: str


def of_case(session: Session, case: Case, agency_id: str | None = None) -> list[Person]:
    """Everybody in a case, each once; with `agency_id` the brokers of that agency alone, who read its notes."""
    if agency_id is not None:
        return _named(session, [(user, agency_id) for user in recipients.writers_of(session, agency_id)])
    found = [
        (user, party.organisation_id)
        for party in cases.accepted(case.parties)
        for user in recipients.writers_of(session, party.organisation_id)
    ]
    brokers = cases.brokers_of(session, case)
    led = [b.organisation_id for b in case.brokers]
    homes = select(Membership.user_id, Membership.organisation_id).where(
        col(Membership.user_id).in_([user.id for user in brokers])
    )
    of_user: dict[str, str] = {}
    for user_id, organisation_id in session.exec(homes).all():
        if organisation_id in led or user_id not in of_user:
            of_user[user_id] = organisation_id
    found += [(user, of_user[user.id]) for user in brokers if user.id in of_user]
    return _named(session, found)


def _named(session: Session, found: list[tuple[User, str]]) -> list[Person]:
    names = organisations.authors(session, {organisation_id for _user, organisation_id in found})
    people: dict[str, Person] = {}
    for user, organisation_id in found:
        people.setdefault(user.id, Person(user, organisation_id, names[organisation_id].name))
    return list(people.values())
