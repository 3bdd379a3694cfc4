"""A case as one viewer sees it: what the policy lets through, in the order in which its page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.capabilities import service as capabilities
from backend.db import utc_now
from backend.disclosure.cards import Card
from backend.introductions import brokers, cases, line, policy, service, signing
from backend.introductions.cases import Case
from backend.introductions.clock import Clock
from backend.introductions.line import EventView
from backend.introductions.models import (
    CaseBroker,
    CaseParty,
    Introduction,
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
from backend.working_days import add_working_days, today, working_days_between


@dataclass(frozen=True)
class Due:
    """Until when an answer is awaited: days in China. `days_left` are working days; 0 on the last day."""

    day: date
    days_left: int
    is_overdue: bool
    ends_on: date


@dataclass(frozen=True)
class PartyView:
    """A party; `name` and `contact` are None where the viewer must not know them (yet).

    One that is verified anew takes no part meanwhile: `is_verified` tells brokers why it does not answer.
    """

    id: str
    side: Side
    state: PartyState
    region: str
    role: str
    name: str | None
    contact: str | None
    is_own: bool
    answered_at: datetime | None
    is_verified: bool


@dataclass(frozen=True)
class BrokerView:
    """An agency that looks after the case."""

    row: CaseBroker
    agency: str
    person: str | None
    is_own: bool


@dataclass(frozen=True)
class CaseView:
    """A case for its page. Teasers are None where they are not open to the viewer any more.

    `has_thread` says that the viewer reads the whole line between the messages of the conversation.
    """

    row: Introduction
    need: Card | None
    capability: Card | None
    parties: tuple[PartyView, ...]
    brokers: tuple[BrokerView, ...]
    events: tuple[EventView, ...]
    has_thread: bool
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
    can_take_over: bool

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
    verified = organisations.verified_ids(session, facts.organisation_ids)
    parties = tuple(
        _party(viewer, case, p, known, mine, inside or as_broker, is_verified=p.organisation_id in verified)
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
        events=line.read(session, viewer, case, known),
        has_thread=introduced(row) and (inside or as_broker),
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
        can_take_over=brokers.can_take_over(viewer, case),
    )


def _awaits(case: Case, party: CaseParty) -> bool:
    statuses = case.is_opened if party.side is Side.PARTNER else case.row.status in WAITING
    return party.state is PartyState.INVITED and statuses


def _party(
    viewer: Viewer,
    case: Case,
    party: CaseParty,
    known: Mapping[str, str],
    mine: CaseParty | None,
    may_reach: bool,
    *,
    is_verified: bool,
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
        is_verified=is_verified,
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


def lines_of(
    session: Session, viewer: Viewer, case: Case, *, since: datetime | None = None, before: datetime | None = None
) -> tuple[EventView, ...]:
    """The line of a case in which the viewer has a part, or the piece of it between two moments."""
    need = needs.cards(session, viewer, [case.row.need_id]).get(case.row.need_id)
    id_ = case.row.capability_id
    capability = capabilities.cards(session, viewer, [id_]).get(id_) if id_ else None
    known = names(session, viewer, case, (need, capability))
    return line.read(session, viewer, case, known, since=since, before=before)


def signatures_for(session: Session, viewer: Viewer, case: Case) -> list[Signature]:
    """The undertakings that the viewer may take along: their own, and those of parties whom they know by name."""
    known = set(names(session, viewer, case))
    return [s for s in signing.signatures(session, case.row.id) if s.organisation_id in known]
