"""A case as one viewer sees it: what the policy lets through, in the order in which its page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.capabilities import service as capabilities
from backend.db import utc_now
from backend.disclosure.cards import Card
from backend.introductions import cases, policy, service, signing
from backend.introductions.cases import Case
from backend.introductions.clock import Clock
from backend.introductions.models import (
    CaseBroker,
    CaseEvent,
    CaseParty,
    Introduction,
    Leg,
    Origin,
    PartyState,
    Side,
    Signature,
)
from backend.introductions.policy import PartyFacts
from backend.introductions.states import WAITING
from backend.needs import service as needs
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.transitions import Actor
from backend.working_days import add_working_days, today, working_days_between

OF_PARTIES = "introduction:party:"
OF_BROKERS = "introduction:broker:"
ABOUT_AGENCIES = frozenset({"introduction:broker:add", "introduction:broker:remove"})
SEEN_BY_ALL = frozenset({"introduction:party:accept", "introduction:party:leave"})
"""Of the events about further parties, those that all in the case see."""


@dataclass(frozen=True)
class Due:
    """Until when an answer is awaited: days in China. `days_left` are working days; 0 on the last day."""

    day: date
    days_left: int
    is_overdue: bool
    ends_on: date


@dataclass(frozen=True)
class PartyView:
    """A party; `name` and `contact` are None where the viewer must not know them (yet)."""

    id: str
    side: Side
    state: PartyState
    region: str
    role: str
    name: str | None
    contact: str | None
    is_own: bool
    answered_at: datetime | None


@dataclass(frozen=True)
class BrokerView:
    """An agency that looks after the case."""

    row: CaseBroker
    agency: str
    person: str | None
    is_own: bool


@dataclass(frozen=True)
class EventView:
    """A line of the case: who did it, and about which organisation, as far as the viewer knows their names.

    `note` is empty where the viewer does not read it.
    """

    at: datetime
    actor: str
    name: str | None
    about: str | None
    what: str
    note: str
    is_for_brokers: bool


@dataclass(frozen=True)
class CaseView:
    """A case for its page. Teasers are None where they are not open to the viewer any more."""

    row: Introduction
    need: Card | None
    capability: Card | None
    parties: tuple[PartyView, ...]
    brokers: tuple[BrokerView, ...]
    events: tuple[EventView, ...]
    due: Due | None
    actions: tuple[str, ...]
    own: PartyView | None
    can_act: bool
    is_broker: bool
    sees_shares: bool
    is_inside: bool
    can_sign: bool
    can_admit: bool
    has_signatures: bool
    own_broker: CaseBroker | None

    @property
    def url(self) -> str:
        """Its page."""
        return cases.path_of(self.row.id)

    @property
    def partners(self) -> tuple[PartyView, ...]:
        """The further parties."""
        return tuple(p for p in self.parties if p.side is Side.PARTNER)


def due_of(clock: Clock, row: Introduction, now: datetime | None = None) -> Due | None:
    """Until when the present answer is awaited; None where nobody is asked."""
    if row.status not in WAITING or row.waiting_since is None:
        return None
    asked, present = today(row.waiting_since), today(now or utc_now())
    day = add_working_days(asked, clock.overdue)
    ends_on = add_working_days(asked, clock.expire)
    return Due(day, working_days_between(present, day), present > day, ends_on)


def introduced(row: Introduction) -> bool:
    """Whether both main sides have ever accepted."""
    return row.introduced_at is not None


def party_facts(party: CaseParty) -> PartyFacts:
    """What the policy needs to know of a party."""
    return PartyFacts(party.organisation_id, party.side, party.state, party.region)


def names(session: Session, viewer: Viewer, case: Case, cards: Sequence[Card | None] = ()) -> dict[str, str]:
    """The names of parties that this viewer knows, by organisation: from the case, or from the teasers themselves.

    A department knows who has sent the response that it picked.
    """
    facts, known = case.facts, {card.organisation_id for card in cards if card}
    picked = case.row.origin is Origin.RESPONSE and any(p.side is Side.NEED for p in policy.own_parties(viewer, facts))
    found = [
        p.organisation_id
        for p in case.parties
        if p.organisation_id in known
        or policy.may_name(viewer, facts, party_facts(p), introduced=introduced(case.row))
        or (picked and p.side is Side.CAPABILITY)
    ]
    return {id_: author.name for id_, author in organisations.authors(session, found).items()}


def show(session: Session, viewer: Viewer, introduction_id: str, clock: Clock) -> CaseView:
    """A case for its page; raises NotFound."""
    case = cases.get(session, viewer, introduction_id)
    row, facts = case.row, case.facts
    need = needs.cards(session, viewer, [row.need_id]).get(row.need_id)
    capability = None
    if row.capability_id:
        capability = capabilities.cards(session, viewer, [row.capability_id]).get(row.capability_id)
    known = names(session, viewer, case, (need, capability))
    as_broker = policy.sees_as_broker(viewer, facts)
    mine = case.party_of(viewer)
    inside = policy.is_inside(viewer, facts, introduced=introduced(row))
    parties = tuple(
        _party(viewer, case, p, known, mine, inside or as_broker)
        for p in case.parties
        if policy.may_know_of(viewer, facts, party_facts(p))
    )
    own = next((p for p in parties if mine is not None and p.id == mine.id), None)
    may_answer = mine is not None and viewer.may_write_for(mine.organisation_id)
    own_broker = next((b for b in case.brokers if viewer.may_write_for(b.organisation_id)), None)
    return CaseView(
        row=row,
        need=need,
        capability=capability,
        parties=parties,
        brokers=_brokers(session, viewer, case),
        events=_events(session, viewer, case, known, mine, as_broker),
        due=due_of(clock, row),
        actions=service.available(viewer, case),
        own=own,
        can_act=bool(policy.roles(viewer, facts)),
        is_broker=policy.can_broker(viewer, facts),
        sees_shares=as_broker,
        is_inside=inside or (as_broker and introduced(row)),
        can_sign=mine is not None and may_answer and _awaits(case, mine),
        can_admit=case.is_opened and viewer.may_write_for(case.side(Side.NEED).organisation_id),
        has_signatures=bool(signatures_for(session, viewer, case)),
        own_broker=own_broker if as_broker else None,
    )


def _awaits(case: Case, party: CaseParty) -> bool:
    statuses = case.is_opened if party.side is Side.PARTNER else case.row.status in WAITING
    return party.state is PartyState.INVITED and statuses


def _party(
    viewer: Viewer, case: Case, party: CaseParty, known: Mapping[str, str], mine: CaseParty | None, may_reach: bool
) -> PartyView:
    is_own = mine is not None and party.id == mine.id
    # Contacts are open while the case is, and to those whose party takes part.
    reaches = may_reach and case.is_opened and party.state is PartyState.ACCEPTED
    return PartyView(
        id=party.id,
        side=party.side,
        state=party.state,
        region=party.region,
        role=party.role,
        name=known.get(party.organisation_id),
        contact=party.contact if is_own or reaches else None,
        is_own=is_own,
        answered_at=party.answered_at,
    )


def _brokers(session: Session, viewer: Viewer, case: Case) -> tuple[BrokerView, ...]:
    agencies = organisations.authors(session, [b.organisation_id for b in case.brokers])
    people = _people(session, [b.user_id for b in case.brokers if b.user_id])
    return tuple(
        BrokerView(
            b,
            agencies[b.organisation_id].name,
            people.get(b.user_id or ""),
            b.organisation_id in viewer.organisation_ids,
        )
        for b in case.brokers
    )


def _people(session: Session, ids: Sequence[str]) -> dict[str, str]:
    return dict(session.exec(select(User.id, User.name).where(col(User.id).in_(ids))).all())


def _events(
    session: Session,
    viewer: Viewer,
    case: Case,
    known: Mapping[str, str],
    mine: CaseParty | None,
    as_broker: bool,
) -> tuple[EventView, ...]:
    query = select(CaseEvent).where(CaseEvent.introduction_id == case.row.id).order_by(col(CaseEvent.id))
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


def signatures_for(session: Session, viewer: Viewer, case: Case) -> list[Signature]:
    """The undertakings that the viewer may take along: their own, and those of parties whom they know by name."""
    known = set(names(session, viewer, case))
    return [s for s in signing.signatures(session, case.row.id) if s.organisation_id in known]
