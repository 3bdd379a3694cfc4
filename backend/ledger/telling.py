"""Who is told of a ledger: its parties, whoever answers for a step, and the brokers of its leg."""

from dataclasses import replace

from sqlmodel import Session

from backend.accounts.models import User
from backend.introductions import cases
from backend.introductions.cases import Case
from backend.introductions.models import Leg, Side
from backend.ledger import policy
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell


def path_of(introduction_id: str) -> str:
    """The address of a ledger."""
    return f"{cases.path_of(introduction_id)}/ledger"


def brokers(session: Session, case: Case, leg: Leg | None) -> list[User]:
    """The brokers who look after a leg, all of the case where None; the leading ones where nobody else is left."""
    facts = policy.facts_of(case.row, case.parties, case.brokers)
    if leg is None or not facts.is_divided:
        return cases.brokers_of(session, case)
    of_leg = {b.organisation_id for b in facts.brokers if leg in facts.legs_of(b)}
    chosen = tuple(b for b in case.brokers if b.organisation_id in of_leg and b.user_id)
    return cases.brokers_of(session, replace(case, brokers=chosen or case.brokers[:1]))


def owner(session: Session, case: Case, organisation_id: str | None) -> list[User]:
    """Who writes for the organisation that answers for a step; for both main sides where none is named."""
    inside = {p.organisation_id for p in cases.accepted(case.parties)} | {b.organisation_id for b in case.brokers}
    if organisation_id in inside:
        return list(recipients.writers_of(session, str(organisation_id)))
    sides = (case.side(Side.NEED), case.side(Side.CAPABILITY))
    return [user for party in sides for user in recipients.writers_of(session, party.organisation_id)]


def parties_and_brokers(session: Session, case: Case, notice: Notice, leg: Leg, actor_id: str | None) -> None:
    """Tell everybody in the case who sees the step; no mail bears a title."""
    users = [u for p in cases.accepted(case.parties) for u in recipients.writers_of(session, p.organisation_id)]
    users += brokers(session, case, leg)
    told(session, case, notice, users, actor_id)


def told(session: Session, case: Case, notice: Notice, users: list[User], actor_id: str | None = None) -> None:
    """Tell users something of a ledger."""
    tell(session, users, notice, cases.KIND, case.row.id, path=path_of(case.row.id), actor_id=actor_id)
