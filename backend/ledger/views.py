"""A ledger as its pages show it: steps with the names of those who answer for them, and what the viewer may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from backend.capabilities import service as capabilities
from backend.capabilities.states import CapabilityStatus
from backend.disclosure import policy as disclosure
from backend.introductions import cases
from backend.introductions.cases import Case
from backend.introductions.models import Leg, Side
from backend.ledger import blockers, policy, service, telling
from backend.ledger.blockers import NeedOfStep
from backend.ledger.clock import is_overdue
from backend.ledger.models import LedgerStep
from backend.ledger.service import Ledger
from backend.ledger.states import PHASES, Phase, StepKind, StepStatus
from backend.needs import policy as need_policy
from backend.needs.states import TABLE as NEEDS
from backend.needs.states import NeedAction, NeedStatus
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.transitions import Actor, actions
from backend.working_days import today

SHOWN_NEEDS = frozenset({NeedStatus.PUBLISHED, NeedStatus.MATCHED, NeedStatus.FULFILLED, NeedStatus.EXPIRED})
SHOWN_CAPABILITIES = frozenset({CapabilityStatus.PUBLISHED, CapabilityStatus.STALE, CapabilityStatus.ARCHIVED})
"""Those who agreed on something know it by its title, also once it is solved; what was withdrawn is closed again."""


@dataclass(frozen=True)
class StepView:
    """A step for its pages. `owner` is the name of the organisation that answers for it."""

    row: LedgerStep
    phase: Phase
    owner: str
    is_overdue: bool
    is_current: bool
    moves: tuple[str, ...]
    can_plan: bool
    needs: Sequence[NeedOfStep]

    @property
    def kind(self) -> StepKind:
        """Which step it is."""
        return self.row.kind

    @property
    def waits_for_need(self) -> bool:
        """Whether a need that came of its blocker has not ended."""
        return any(not need.is_over for need in self.needs)


@dataclass(frozen=True)
class LedgerView:
    """A ledger for its page. `need_title` and `capability_title` are None where they are closed to the parties again.

    `can_ask` says that the viewer may post needs that come of blockers, `can_fulfil` that they may mark the need of the
    case as solved now: the first patients have what was asked for.
    """

    case: Case
    need_title: str | None
    capability_title: str | None
    need_side: str
    other_side: str
    steps: tuple[StepView, ...]
    legs: tuple[Leg, ...]
    can_ask: bool
    can_fulfil: bool

    @property
    def url(self) -> str:
        """The page of the ledger."""
        return telling.path_of(self.case.row.id)

    @property
    def case_url(self) -> str:
        """The page of the case."""
        return cases.path_of(self.case.row.id)

    @property
    def ended(self) -> int:
        """How many steps are done or skipped."""
        return sum(step.row.status in (StepStatus.DONE, StepStatus.SKIPPED) for step in self.steps)

    def step(self, kind: StepKind) -> StepView:
        """One of the steps; the caller has asked that the viewer sees it."""
        return next(step for step in self.steps if step.kind is kind)


def need_title(case: Case) -> str | None:
    """The title of the need, as those know it who agreed on it."""
    return case.need.title if case.need.status in SHOWN_NEEDS else None


def capability_title(session: Session, case: Case) -> str | None:
    """The title of the capability, as those know it who agreed on it; None besides where the case has none."""
    found = capabilities.find(session, case.row.capability_id) if case.row.capability_id else None
    return found.title if found is not None and found.status in SHOWN_CAPABILITIES else None


def show(session: Session, viewer: Viewer, introduction_id: str) -> LedgerView:
    """A ledger for its page; raises NotFound."""
    return of(session, viewer, service.get(session, viewer, introduction_id))


def of(session: Session, viewer: Viewer, ledger: Ledger) -> LedgerView:
    """A ledger that the viewer sees, for its page."""
    case = ledger.case
    sides = [case.side(side).organisation_id for side in (Side.NEED, Side.CAPABILITY)]
    wanted = {step.owner_organisation_id for step in ledger.steps if step.owner_organisation_id}
    names = {id_: author.name for id_, author in organisations.authors(session, {*sides, *wanted}).items()}
    present = service.current(ledger.steps)
    asked = blockers.of_steps(session, viewer, [step.id for step in ledger.steps if step.version])
    day = today()
    steps = tuple(
        StepView(
            row=step,
            phase=PHASES[step.kind],
            owner=names.get(step.owner_organisation_id or "", ""),
            is_overdue=is_overdue(step, day),
            is_current=step is present,
            moves=policy.moves(viewer, ledger.facts, policy.step_facts(step)),
            can_plan=policy.can_plan(viewer, ledger.facts, policy.step_facts(step)),
            needs=asked.get(step.id, ()),
        )
        for step in ledger.steps
    )
    return LedgerView(
        case=case,
        need_title=need_title(case),
        capability_title=capability_title(session, case),
        need_side=names.get(sides[0], ""),
        other_side=names.get(sides[1], ""),
        steps=steps,
        legs=tuple(leg for leg in (Leg.RESEARCH, Leg.PRODUCTION) if any(step.row.leg is leg for step in steps))
        if ledger.facts.is_divided
        else (),
        can_ask=bool(policy.needing_organisations(viewer, ledger.facts)),
        can_fulfil=_can_fulfil(viewer, ledger),
    )


def _can_fulfil(viewer: Viewer, ledger: Ledger) -> bool:
    first = ledger.step(StepKind.FIRST_USE)
    if first is None or first.status is not StepStatus.DONE:
        return False
    need, facts = ledger.case.need, need_policy.subject_of(ledger.case.need)
    held = {Actor.AUTHOR} if disclosure.can_write(viewer, facts) else set()
    held |= {Actor.BROKER} if disclosure.can_review(viewer, facts) else set()
    return NeedAction.FULFIL in actions(NEEDS, need.status, held)


def owner_choices(session: Session, case: Case) -> list[tuple[str, str]]:
    """The organisations that can answer for a step, by id and name, in the order of the case."""
    ids = service.owners(case)
    names = organisations.authors(session, ids)
    return [(id_, names[id_].name) for id_ in ids]


def day_of(value: str) -> date | None:
    """A day as it is kept in the line of a case; None for none."""
    return date.fromisoformat(value) if value else None
