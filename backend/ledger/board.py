"""The board: the agreed cases of a viewer by the phase that they stand in, with the step that comes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, true
from sqlmodel import Session, col, select

from backend.db import utc_now
from backend.introductions import policy as case_policy
from backend.introductions.cases import Case, path_of
from backend.introductions.models import CaseBroker, CaseParty, Introduction, Side
from backend.introductions.states import IntroductionStatus
from backend.ledger import policy, service, views
from backend.ledger.clock import LedgerClock, is_overdue, is_stalled, last_move, not_moved_since, states_of
from backend.ledger.models import LedgerState, LedgerStep
from backend.ledger.states import ENDED, PHASES, PROVEN, Phase, StepAction, StepKind, StepStatus
from backend.needs.models import Need
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.working_days import today

LIMIT = 300
"""Cases on one board, those that changed last; filters lead to the others."""
QUICK = (StepAction.START, StepAction.FINISH, StepAction.RESUME)
"""What can be done from the board without a word."""


@dataclass(frozen=True)
class BoardFilters:
    """What the board is narrowed to; empty is all."""

    region: str = ""
    specialty: str = ""
    stalled: bool = False

    @property
    def is_any(self) -> bool:
        """Whether the board is narrowed to anything."""
        return bool(self.region or self.specialty or self.stalled)


@dataclass(frozen=True)
class BoardCard:
    """A case on the board. `step` is what comes next; None where nothing is left."""

    id: str
    title: str | None
    need_side: str
    other_side: str
    region: str
    step: LedgerStep | None
    phase: Phase
    is_overdue: bool
    is_stalled: bool
    moved_on: date
    ended: int
    total: int
    quick: tuple[str, ...]

    @property
    def url(self) -> str:
        """The page of its ledger."""
        return f"{path_of(self.id)}/ledger"


@dataclass(frozen=True)
class Board:
    """Columns of cards, and what the filters offer."""

    columns: Mapping[Phase, Sequence[BoardCard]]
    regions: Sequence[str]
    specialties: Sequence[str]
    total: int
    is_cut: bool

    @property
    def stalled(self) -> int:
        """How many of those shown stall."""
        return sum(card.is_stalled for cards in self.columns.values() for card in cards)


def show(
    session: Session, viewer: Viewer, filters: BoardFilters, clock: LedgerClock, now: datetime | None = None
) -> Board:
    """The board of a viewer: brokers see the cases of their regions and legs, parties their own."""
    now = now or utc_now()
    found = _cases(session, viewer, not_moved_since(clock, now) if filters.stalled else true())
    cases = [case for case in found[:LIMIT] if policy.can_see(viewer, service.facts_of(case))]
    regions = sorted({p.region for case in cases for p in case.parties if p.side in case_policy.MAIN})
    specialties = sorted({case.need.specialty for case in cases if case.need.specialty})
    wanted = [case for case in cases if _matches(case, filters)]
    steps = service.steps(session, [case.row.id for case in wanted])
    states = states_of(session, steps)
    names = _names(session, wanted)
    columns: dict[Phase, list[BoardCard]] = {phase: [] for phase in Phase}
    for case in wanted:
        card = _card(viewer, case, steps[case.row.id], states.get(case.row.id), names, clock, now)
        if card.is_stalled or not filters.stalled:
            columns[card.phase].append(card)
    for cards in columns.values():
        # What needs somebody comes first.
        cards.sort(key=lambda card: (not card.is_overdue, not card.is_stalled, card.moved_on))
    return Board(columns, regions, specialties, sum(map(len, columns.values())), len(found) > LIMIT)


def _cases(session: Session, viewer: Viewer, wanted: ColumnElement[bool]) -> list[Case]:
    query = (
        select(Introduction, Need)
        .join(Need, col(Need.id) == col(Introduction.need_id))
        .where(Introduction.status == IntroductionStatus.AGREED, case_policy.visible_to(viewer), wanted)
        .order_by(col(Introduction.updated_at).desc(), col(Introduction.id))
        .limit(LIMIT + 1)
    )
    rows = session.exec(query).all()
    ids = [row.id for row, _need in rows]
    of_parties = select(CaseParty).where(col(CaseParty.introduction_id).in_(ids)).order_by(col(CaseParty.created_at))
    of_brokers = select(CaseBroker).where(col(CaseBroker.introduction_id).in_(ids))
    parties: dict[str, list[CaseParty]] = {}
    for party in session.exec(of_parties).all():
        parties.setdefault(party.introduction_id, []).append(party)
    brokers: dict[str, list[CaseBroker]] = {}
    for broker in session.exec(of_brokers).all():
        brokers.setdefault(broker.introduction_id, []).append(broker)
    return [Case(row, need, tuple(parties[row.id]), tuple(brokers.get(row.id, ()))) for row, need in rows]


def _matches(case: Case, filters: BoardFilters) -> bool:
    regions = {p.region for p in case.parties if p.side in case_policy.MAIN}
    is_near = not filters.region or filters.region in regions
    return is_near and (not filters.specialty or case.need.specialty == filters.specialty)


def _names(session: Session, cases: Sequence[Case]) -> Mapping[str, str]:
    ids = {case.side(side).organisation_id for case in cases for side in (Side.NEED, Side.CAPABILITY)}
    return {id_: author.name for id_, author in organisations.authors(session, ids).items()}


def _card(
    viewer: Viewer,
    case: Case,
    steps: Sequence[LedgerStep],
    state: LedgerState | None,
    names: Mapping[str, str],
    clock: LedgerClock,
    now: datetime,
) -> BoardCard:
    facts = service.facts_of(case)
    seen = [step for step in steps if policy.can_see_step(viewer, facts, policy.step_facts(step))]
    step = service.current(seen)
    quick: tuple[str, ...] = ()
    if step is not None:
        offered = policy.moves(viewer, facts, policy.step_facts(step))
        quick = tuple(a for a in offered if a in QUICK and not _wants_words(step.kind, step.status, a))
    return BoardCard(
        id=case.row.id,
        title=views.need_title(case),
        need_side=names[case.side(Side.NEED).organisation_id],
        other_side=names[case.side(Side.CAPABILITY).organisation_id],
        region=case.side(Side.NEED).region,
        step=step,
        phase=PHASES[step.kind] if step is not None else Phase.LANDED,
        is_overdue=any(is_overdue(s, today(now)) for s in seen),
        is_stalled=step is not None and is_stalled(clock, case.row, state, now),
        moved_on=today(last_move(case.row, state)),
        ended=sum(s.status in ENDED for s in seen),
        total=len(seen),
        quick=quick,
    )


def _wants_words(kind: StepKind, status: StepStatus, action: str) -> bool:
    """Whether an action is taken on the page of the step: evidence belongs to it, or it has not even begun."""
    return action == StepAction.FINISH and (kind in PROVEN or status is StepStatus.PLANNED)
