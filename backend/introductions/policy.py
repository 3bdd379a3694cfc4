"""Who takes part in a case and in which role. Unknown means no.

A party that has not been asked yet does not learn that there is a case. Brokers see a case through the region of either
main side, or as the broker of one of its legs. Whoever is a member of a party acts for that party, never as its broker.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, or_, select

from backend.errors import Forbidden, NotFound
from backend.introductions.models import CaseBroker, CaseParty, Introduction, PartyState, Side
from backend.organisations.policy import Viewer
from backend.transitions import Actor

MAIN = frozenset({Side.NEED, Side.CAPABILITY})
OUTSIDE = frozenset({PartyState.PROSPECT, PartyState.LEFT})
ACTORS = {Side.NEED: Actor.NEED_SIDE, Side.CAPABILITY: Actor.CAPABILITY_SIDE, Side.PARTNER: Actor.PARTNER}


@dataclass(frozen=True)
class PartyFacts:
    """What the policy needs to know of a party."""

    organisation_id: str
    side: Side
    state: PartyState
    region: str


@dataclass(frozen=True)
class CaseFacts:
    """What the policy needs to know of a case; `agencies` are those of its brokers."""

    id: str
    parties: tuple[PartyFacts, ...]
    agencies: tuple[str, ...] = ()

    @property
    def organisation_ids(self) -> frozenset[str]:
        """All organisations that are parties, asked or not."""
        return frozenset(p.organisation_id for p in self.parties)

    @property
    def regions(self) -> frozenset[str]:
        """The regions of the two main sides."""
        return frozenset(p.region for p in self.parties if p.side in MAIN)


def facts_of(case: Introduction, parties: Sequence[CaseParty], brokers: Sequence[CaseBroker]) -> CaseFacts:
    """The facts about a case."""
    found = tuple(PartyFacts(p.organisation_id, p.side, p.state, p.region) for p in parties)
    return CaseFacts(case.id, found, tuple(b.organisation_id for b in brokers))


def own_parties(viewer: Viewer, case: CaseFacts) -> tuple[PartyFacts, ...]:
    """The parties of whose organisations the viewer is a member, as far as they have been asked."""
    mine = viewer.verified_organisation_ids
    return tuple(p for p in case.parties if p.organisation_id in mine and p.state not in OUTSIDE)


def sees_as_broker(viewer: Viewer, case: CaseFacts) -> bool:
    """Whether the viewer sees the case as a broker; a member of a party does not."""
    if case.organisation_ids & set(viewer.organisation_ids) - _agencies(viewer):
        return False
    return bool(case.regions & set(viewer.jurisdictions)) or bool(set(case.agencies) & _agencies(viewer))


def _agencies(viewer: Viewer, *, acting: bool = False) -> set[str]:
    return {
        m.organisation_id
        for m in viewer.memberships
        if m.jurisdiction and m.verified and m.jurisdiction in viewer.jurisdictions and (m.may_write or not acting)
    }


def check_can_see(viewer: Viewer, case: CaseFacts) -> None:
    """Raise NotFound for those who have no part in the case."""
    if not own_parties(viewer, case) and not sees_as_broker(viewer, case):
        raise NotFound


def can_see(viewer: Viewer, case: CaseFacts) -> bool:
    """Whether the viewer has a part in the case."""
    try:
        check_can_see(viewer, case)
    except NotFound:
        return False
    return True


def roles(viewer: Viewer | None, case: CaseFacts) -> frozenset[Actor]:
    """In which roles the viewer acts in the case: none for those who only read. None is the system."""
    if viewer is None:
        return frozenset({Actor.SYSTEM})
    found = {ACTORS[p.side] for p in own_parties(viewer, case) if viewer.may_write_for(p.organisation_id)}
    if sees_as_broker(viewer, case) and acts_as_broker(viewer, case):
        found.add(Actor.BROKER)
    return frozenset(found)


def acts_as_broker(viewer: Viewer, case: CaseFacts) -> bool:
    """Whether a broker who sees the case also decides in it."""
    in_region = bool(case.regions & set(viewer.acting_jurisdictions))
    return in_region or bool(set(case.agencies) & _agencies(viewer, acting=True))


def agency_for(viewer: Viewer, case: CaseFacts) -> str | None:
    """For which agency the viewer looks after a case: that of the need's region before that of the other side."""
    near = [m for m in viewer.memberships if m.jurisdiction in case.regions and m.verified and m.may_write]
    need_regions = {p.region for p in case.parties if p.side is Side.NEED}
    near.sort(key=lambda m: m.jurisdiction not in need_regions)
    return near[0].organisation_id if near else None


def check_can_broker(viewer: Viewer, case: CaseFacts) -> None:
    """Raise NotFound for strangers, Forbidden for everybody in the case but its brokers."""
    check_can_see(viewer, case)
    if Actor.BROKER not in roles(viewer, case):
        raise Forbidden


def can_broker(viewer: Viewer, case: CaseFacts) -> bool:
    """Whether the viewer acts as a broker of the case."""
    try:
        check_can_broker(viewer, case)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_speak(viewer: Viewer, case: CaseFacts) -> None:
    """Raise NotFound for strangers, Forbidden for those who only read."""
    check_can_see(viewer, case)
    if not roles(viewer, case):
        raise Forbidden


def can_speak(viewer: Viewer, case: CaseFacts) -> bool:
    """Whether the viewer takes part in the case and does not only read."""
    try:
        check_can_speak(viewer, case)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_begin(viewer: Viewer, regions: Collection[str], organisation_ids: Collection[str]) -> None:
    """Raise Forbidden for those who are no acting broker of one of the regions, or a member of one of the parties."""
    if not set(regions) & set(viewer.acting_jurisdictions):
        raise Forbidden
    if set(organisation_ids) & set(viewer.organisation_ids) - _agencies(viewer):
        raise Forbidden(
            "您是其中一方的成员，请由其他撮合员引荐。",
            "You are a member of one of the parties; another broker has to make this introduction.",
        )


def is_inside(viewer: Viewer, case: CaseFacts, *, introduced: bool) -> bool:
    """Whether the viewer is of a party that has come in, once both main sides have accepted.

    A partner comes in by accepting; `introduced` says whether both main sides ever had.
    """
    return introduced and any(p.side in MAIN or p.state is PartyState.ACCEPTED for p in own_parties(viewer, case))


def may_know_of(viewer: Viewer, case: CaseFacts, party: PartyFacts) -> bool:
    """Whether the viewer learns that this party is in the case, by name or not.

    The main sides know of each other. A further party that has not come in is known to itself, to brokers and to the
    need's side, which admits it.
    """
    own = own_parties(viewer, case)
    if party.side in MAIN or sees_as_broker(viewer, case) or party in own:
        return True
    return any(p.side is Side.NEED for p in own) or (bool(own) and party.state is PartyState.ACCEPTED)


def may_name(viewer: Viewer, case: CaseFacts, party: PartyFacts, *, introduced: bool) -> bool:
    """Whether the viewer learns from the case who a party is, whatever the teasers tell.

    Before both sides have accepted, a broker knows those of their own region. Whoever is in the case knows the others
    afterwards; further parties are only ever named.
    """
    if party in own_parties(viewer, case):
        return True
    if not may_know_of(viewer, case, party):
        return False
    if sees_as_broker(viewer, case):
        return introduced or party.side is Side.PARTNER or party.region in viewer.jurisdictions
    return is_inside(viewer, case, introduced=introduced)


def brokered_by(viewer: Viewer) -> ColumnElement[bool]:
    """The SQL condition for the cases in which the viewer decides as a broker: the row-wise twin of `can_broker`."""
    return _as_broker(viewer, viewer.acting_jurisdictions, _agencies(viewer, acting=True))


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """The SQL condition for the cases in which the viewer has a part: the row-wise twin of `can_see`."""
    asked = select(CaseParty.introduction_id).where(
        col(CaseParty.organisation_id).in_(viewer.verified_organisation_ids), col(CaseParty.state).not_in(OUTSIDE)
    )
    case = col(Introduction.id)
    return or_(case.in_(asked), _as_broker(viewer, viewer.jurisdictions, _agencies(viewer)))


def _as_broker(viewer: Viewer, regions: Collection[str], agencies: Collection[str]) -> ColumnElement[bool]:
    own = select(CaseParty.introduction_id).where(
        col(CaseParty.organisation_id).in_(set(viewer.organisation_ids) - _agencies(viewer))
    )
    near = select(CaseParty.introduction_id).where(col(CaseParty.region).in_(regions), col(CaseParty.side).in_(MAIN))
    led = select(CaseBroker.introduction_id).where(col(CaseBroker.organisation_id).in_(agencies))
    case = col(Introduction.id)
    return and_(or_(case.in_(near), case.in_(led)), case.not_in(own))
