"""Who sees and moves which steps of a ledger. Unknown means no.

The sides of an agreed case, and partners that have accepted, see all of it. Of two cities that share a case (前研后产),
each sees and moves its own leg, once both have agreed to the division; until then nothing is divided.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import policy
from backend.introductions.models import CaseBroker, CaseParty, Introduction, Leg, PartyState
from backend.introductions.policy import ACTORS, MAIN, CaseFacts
from backend.introductions.states import IntroductionStatus
from backend.ledger.models import LedgerStep
from backend.ledger.states import CONFIRMED_BY, TABLE, StepAction, StepKind
from backend.organisations.policy import Viewer
from backend.transitions import Actor, transition

LEGS = frozenset({Leg.RESEARCH, Leg.PRODUCTION})
NO_LEGS: frozenset[Leg] = frozenset()


@dataclass(frozen=True)
class BrokerFacts:
    """What the policy needs to know of an agency in a case."""

    organisation_id: str
    leg: Leg
    is_lead: bool
    has_agreed: bool

    @property
    def legs(self) -> frozenset[Leg]:
        """The legs that it looks after."""
        return LEGS if self.leg is Leg.WHOLE else frozenset({self.leg})


@dataclass(frozen=True)
class LedgerFacts:
    """What the policy needs to know of a ledger."""

    case: CaseFacts
    is_agreed: bool
    brokers: tuple[BrokerFacts, ...]

    @property
    def is_divided(self) -> bool:
        """Whether two cities have agreed on who looks after which leg."""
        return len(self.brokers) > 1 and all(b.has_agreed for b in self.brokers)

    def legs_of(self, broker: BrokerFacts) -> frozenset[Leg]:
        """The legs of one of two agencies; what neither has stays with the leading one."""
        taken = frozenset[Leg]().union(*(b.legs for b in self.brokers))
        return broker.legs | (LEGS - taken if broker.is_lead else NO_LEGS)


@dataclass(frozen=True)
class StepFacts:
    """What the policy needs to know of a step."""

    kind: StepKind
    status: str
    leg: Leg
    owner_organisation_id: str | None


def facts_of(row: Introduction, parties: Sequence[CaseParty], brokers: Sequence[CaseBroker]) -> LedgerFacts:
    """The facts about the ledger of a case."""
    agencies = tuple(BrokerFacts(b.organisation_id, b.leg, b.is_lead, b.agreed_at is not None) for b in brokers)
    is_agreed = row.status is IntroductionStatus.AGREED
    return LedgerFacts(policy.facts_of(row, parties, brokers), is_agreed, agencies)


def step_facts(step: LedgerStep) -> StepFacts:
    """The facts about a step."""
    return StepFacts(step.kind, step.status, step.leg, step.owner_organisation_id)


def is_inside(viewer: Viewer, ledger: LedgerFacts) -> bool:
    """Whether the viewer is of a party that has come in."""
    own = policy.own_parties(viewer, ledger.case)
    return any(p.side in MAIN or p.state is PartyState.ACCEPTED for p in own)


def legs_seen(viewer: Viewer, ledger: LedgerFacts) -> frozenset[Leg]:
    """The legs whose steps the viewer sees."""
    if not ledger.is_agreed:
        return NO_LEGS
    if is_inside(viewer, ledger):
        return LEGS
    if not policy.sees_as_broker(viewer, ledger.case):
        return NO_LEGS
    mine = [b for b in ledger.brokers if b.organisation_id in viewer.organisation_ids]
    near = bool(ledger.case.regions & set(viewer.jurisdictions))
    if ledger.is_divided and mine:
        return frozenset[Leg]().union(*(ledger.legs_of(b) for b in mine))
    if near or any(b.has_agreed for b in mine):
        return LEGS
    return frozenset[Leg]().union(*(b.legs for b in mine))


def legs_moved(viewer: Viewer, ledger: LedgerFacts) -> frozenset[Leg]:
    """The legs whose steps the viewer moves as a broker: where two cities have divided a case, no third one does."""
    if not policy.sees_as_broker(viewer, ledger.case) or not policy.acts_as_broker(viewer, ledger.case):
        return NO_LEGS
    mine = [b for b in ledger.brokers if viewer.may_write_for(b.organisation_id)]
    if ledger.is_divided:
        return frozenset[Leg]().union(*(ledger.legs_of(b) for b in mine))
    near = bool(ledger.case.regions & set(viewer.acting_jurisdictions))
    return LEGS if near or any(b.has_agreed for b in mine) else NO_LEGS


def check_can_see(viewer: Viewer, ledger: LedgerFacts) -> None:
    """Raise NotFound for strangers, and where the case has no ledger: before it is agreed."""
    policy.check_can_see(viewer, ledger.case)
    if not legs_seen(viewer, ledger):
        raise NotFound


def can_see(viewer: Viewer, ledger: LedgerFacts) -> bool:
    """Whether the viewer sees the ledger or a leg of it."""
    try:
        check_can_see(viewer, ledger)
    except NotFound:
        return False
    return True


def check_can_see_step(viewer: Viewer, ledger: LedgerFacts, step: StepFacts) -> None:
    """Raise NotFound for those who do not see the step."""
    check_can_see(viewer, ledger)
    if step.leg not in legs_seen(viewer, ledger):
        raise NotFound


def can_see_step(viewer: Viewer, ledger: LedgerFacts, step: StepFacts) -> bool:
    """Whether the viewer sees the step."""
    try:
        check_can_see_step(viewer, ledger, step)
    except NotFound:
        return False
    return True


def actors(viewer: Viewer, ledger: LedgerFacts, step: StepFacts) -> frozenset[Actor]:
    """In which roles the viewer moves a step."""
    found = set()
    for party in policy.own_parties(viewer, ledger.case):
        answers = party.side in MAIN or (
            party.state is PartyState.ACCEPTED and party.organisation_id == step.owner_organisation_id
        )
        if answers and viewer.may_write_for(party.organisation_id):
            found.add(ACTORS[party.side])
    if step.leg in legs_moved(viewer, ledger):
        found.add(Actor.BROKER)
    return frozenset(found)


def acting(viewer: Viewer, ledger: LedgerFacts, step: StepFacts, action: str) -> frozenset[Actor]:
    """In which roles the viewer may take this action, as far as the step itself says."""
    found = actors(viewer, ledger, step)
    by = CONFIRMED_BY.get((step.kind, StepAction(action))) if action in list(StepAction) else None
    return found if by is None else found & by


def check_can_move(viewer: Viewer, ledger: LedgerFacts, step: StepFacts, action: str) -> Actor:
    """In which role the viewer moves the step.

    Raises NotFound, Forbidden for those who may not, Conflict where the status does not allow it.
    """
    check_can_see_step(viewer, ledger, step)
    held = acting(viewer, ledger, step, action)
    if not held:
        raise Forbidden
    found = transition(TABLE, step.status, action)
    actor = next((who for who in found.who if who in held), None)
    if actor is None:
        raise Forbidden
    return actor


def moves(viewer: Viewer, ledger: LedgerFacts, step: StepFacts) -> tuple[str, ...]:
    """The actions that the viewer may take now, in the order of the table."""
    return tuple(action for action in TABLE.get(step.status, {}) if can_move(viewer, ledger, step, action))


def can_move(viewer: Viewer, ledger: LedgerFacts, step: StepFacts, action: str) -> bool:
    """Whether the viewer may take an action now."""
    try:
        check_can_move(viewer, ledger, step, action)
    except (NotFound, Forbidden, Conflict):
        return False
    return True


def check_can_plan(viewer: Viewer, ledger: LedgerFacts, step: StepFacts) -> Actor:
    """In which role the viewer sets owner and due date of a step; raises NotFound or Forbidden."""
    check_can_see_step(viewer, ledger, step)
    held = actors(viewer, ledger, step)
    actor = next((who for who in (*ACTORS.values(), Actor.BROKER) if who in held), None)
    if actor is None:
        raise Forbidden
    return actor


def can_plan(viewer: Viewer, ledger: LedgerFacts, step: StepFacts) -> bool:
    """Whether the viewer sets owner and due date of a step."""
    try:
        check_can_plan(viewer, ledger, step)
    except (NotFound, Forbidden):
        return False
    return True


def can_assign_leg(viewer: Viewer, ledger: LedgerFacts, step: StepFacts) -> bool:
    """Whether the viewer says which leg a step belongs to: a broker of that leg, where a case is divided at all."""
    return ledger.is_divided and step.leg in legs_moved(viewer, ledger)


def needing_organisations(viewer: Viewer, ledger: LedgerFacts) -> tuple[str, ...]:
    """The parties for which the viewer may post a need that came of a blocker."""
    own = policy.own_parties(viewer, ledger.case)
    return tuple(
        p.organisation_id
        for p in own
        if (p.side in MAIN or p.state is PartyState.ACCEPTED) and viewer.may_write_for(p.organisation_id)
    )
