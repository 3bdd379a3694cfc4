"""The line of a case as one viewer reads it, for its own page and for its conversation: one rule of who reads what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from backend.introductions import policy
from backend.introductions.cases import Case
from backend.introductions.models import CaseEvent, CaseParty, Leg, PartyState, Side
from backend.introductions.states import DeclineReason
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.transitions import Actor

OF_PARTIES = "introduction:party:"
OF_BROKERS = "introduction:broker:"
ABOUT_AGENCIES = frozenset({"introduction:broker:add", "introduction:broker:remove"})
SEEN_BY_ALL = frozenset({"introduction:party:accept", "introduction:party:leave"})
"""Of the events about further parties, those that all in the case see."""
DECLINED = "introduction:decline"


@dataclass(frozen=True)
class EventView:
    """A line of the case: who did it, and about which organisation, as far as the viewer knows their names.

    `note` is empty where the viewer does not read it. `step` is that of the ledger, where the line tells of one.
    """

    at: datetime
    actor: str
    name: str | None
    about: str | None
    what: str
    note: str
    is_for_brokers: bool
    reason: DeclineReason | None
    step: str


def read(
    session: Session,
    viewer: Viewer,
    case: Case,
    known: Mapping[str, str],
    *,
    since: datetime | None = None,
    before: datetime | None = None,
) -> tuple[EventView, ...]:
    """The lines that the viewer reads, in order; `known` are the names of parties that they know."""
    query = select(CaseEvent).where(CaseEvent.introduction_id == case.row.id).order_by(col(CaseEvent.id))
    if since is not None:
        query = query.where(CaseEvent.at >= since)
    if before is not None:
        query = query.where(CaseEvent.at < before)
    as_broker, mine = policy.sees_as_broker(viewer, case.facts), case.party_of(viewer)
    found = session.exec(query).all()
    rows = [row for row in found if (_of_leg(viewer, case, row) if as_broker else _reads(row, mine))]
    agencies = organisations.authors(session, [b.organisation_id for b in case.brokers])
    named = {**known, **{id_: author.name for id_, author in agencies.items()}}
    return tuple(
        EventView(
            at=row.at,
            actor=row.actor,
            name=None if _is_object(row) else named.get(row.organisation_id or ""),
            about=named.get(row.organisation_id or "") if _is_object(row) else None,
            what=row.what,
            note=row.note if as_broker or not row.note_for_brokers else "",
            is_for_brokers=row.note_for_brokers,
            reason=case.row.reason if row.what == DECLINED else None,
            step=str(row.detail.get("step", "")),
        )
        for row in rows
    )


def _is_object(event: CaseEvent) -> bool:
    """Whether the organisation of a line is what it is about; else it is whose step it was."""
    if event.what in ABOUT_AGENCIES:
        return True
    return event.what.startswith(OF_PARTIES) and event.actor != Actor.PARTNER


def _of_leg(viewer: Viewer, case: Case, event: CaseEvent) -> bool:
    """Whether a broker reads a line: one of a leg is not for the other city, once both have agreed to the division."""
    leg, own = event.detail.get("leg"), [b for b in case.brokers if b.organisation_id in viewer.organisation_ids]
    is_divided = len(case.brokers) > 1 and all(b.agreed_at for b in case.brokers)
    return not (leg and own and is_divided) or any(b.leg in (Leg.WHOLE, leg) for b in own)


def _reads(event: CaseEvent, mine: CaseParty | None) -> bool:
    """Whether a party reads a line: those about brokers are theirs, those about further parties the need's side's.

    A further party reads the others' lines once it has come in.
    """
    if mine is None or event.what.startswith(OF_BROKERS):
        return False
    if event.organisation_id == mine.organisation_id:
        return True
    if event.what.startswith(OF_PARTIES):
        is_open = event.what in SEEN_BY_ALL and mine.state is PartyState.ACCEPTED
        return mine.side is Side.NEED or is_open
    return mine.side is not Side.PARTNER or mine.state is PartyState.ACCEPTED
