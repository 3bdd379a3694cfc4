"""Reminders: a step that is due soon or overdue, a ledger that stalls, and the end of a need that a step waited for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from backend.config import Settings
from backend.db import utc_now
from backend.introductions import cases
from backend.introductions.models import Introduction
from backend.introductions.states import IntroductionStatus
from backend.ledger import service, telling
from backend.ledger.blockers import OVER
from backend.ledger.models import LedgerNeed, LedgerState, LedgerStep
from backend.ledger.states import ENDED, StepStatus
from backend.needs.models import Need
from backend.notifications.models import Notice
from backend.working_days import today, working_days_between

AT_ONCE = 200


@dataclass(frozen=True)
class LedgerClock:
    """How many working days before its due date a step is told of, and after how many days a ledger stalls."""

    remind: int = 5
    stalled: int = 30

    @classmethod
    def of(cls, settings: Settings) -> "LedgerClock":
        """As configured."""
        return cls(settings.ledger_remind_days, settings.ledger_stalled_days)


@dataclass(frozen=True)
class Told:
    """How many steps and ledgers were told of."""

    due: int = 0
    overdue: int = 0
    stalled: int = 0
    needs_ended: int = 0


def last_move(row: Introduction, state: LedgerState | None) -> datetime:
    """When a ledger was moved last; one that nobody has moved counts from the agreement, or from its import."""
    began = max(row.agreed_at or row.created_at, row.created_at)
    return max(began, state.moved_at) if state is not None and state.moved_at is not None else began


def is_stalled(clock: LedgerClock, row: Introduction, state: LedgerState | None, now: datetime) -> bool:
    """Whether a ledger with something left to do has not moved for too long."""
    return now - last_move(row, state) >= timedelta(days=clock.stalled)


def not_moved_since(clock: LedgerClock, now: datetime) -> ColumnElement[bool]:
    """The SQL condition for the agreed cases that `is_stalled` finds."""
    before = now - timedelta(days=clock.stalled)
    moved = select(LedgerState.introduction_id).where(col(LedgerState.moved_at) > before)
    return and_(
        col(Introduction.status) == IntroductionStatus.AGREED,
        col(Introduction.created_at) <= before,
        or_(col(Introduction.agreed_at).is_(None), col(Introduction.agreed_at) <= before),
        col(Introduction.id).not_in(moved),
    )


def states_of(session: Session, introduction_ids: Collection[str]) -> Mapping[str, LedgerState]:
    """When ledgers were moved, by case; one that nobody has moved has no entry."""
    query = select(LedgerState).where(col(LedgerState.introduction_id).in_(introduction_ids))
    return {state.introduction_id: state for state in session.exec(query).all()}


def is_overdue(step: LedgerStep, day: date) -> bool:
    """Whether a step should be done by now."""
    return step.status not in ENDED and step.due_on is not None and step.due_on < day


def run(session: Session, clock: LedgerClock, now: datetime | None = None) -> Told:
    """Tell owners and brokers what is due, and of what has ended; each of it once."""
    now = now or utc_now()
    due, overdue = _steps(session, clock, today(now))
    return Told(due, overdue, _stalled(session, clock, now), _needs(session))


def _steps(session: Session, clock: LedgerClock, day: date) -> tuple[int, int]:
    reminded = overdue = 0
    for step, row in _dated(session, clock, day):
        assert step.due_on is not None
        case = cases.of(session, row)
        if step.due_on < day:
            if step.overdue_for != step.due_on:
                step.overdue_for = step.reminded_for = step.due_on
                users = telling.owner(session, case, step.owner_organisation_id)
                users += telling.brokers(session, case, step.leg)
                telling.told(session, case, Notice.LEDGER_OVERDUE, users)
                overdue += 1
        elif step.reminded_for != step.due_on and working_days_between(day, step.due_on) <= clock.remind:
            step.reminded_for = step.due_on
            users = telling.owner(session, case, step.owner_organisation_id)
            telling.told(session, case, Notice.LEDGER_DUE, users)
            reminded += 1
        session.add(step)
    session.flush()
    return reminded, overdue


def _dated(session: Session, clock: LedgerClock, day: date) -> Sequence[tuple[LedgerStep, Introduction]]:
    """The steps that may have to be told of: due before so many working days, weekends and holidays allowed for."""
    untold = or_(
        col(LedgerStep.reminded_for).is_distinct_from(col(LedgerStep.due_on)),
        (col(LedgerStep.due_on) < day) & col(LedgerStep.overdue_for).is_distinct_from(col(LedgerStep.due_on)),
    )
    query = (
        select(LedgerStep, Introduction)
        .join(Introduction, col(Introduction.id) == col(LedgerStep.introduction_id))
        .where(
            Introduction.status == IntroductionStatus.AGREED,
            col(LedgerStep.status).not_in(ENDED),
            col(LedgerStep.due_on) <= day + timedelta(days=3 * clock.remind + 14),
            untold,
        )
        .order_by(col(LedgerStep.due_on), col(LedgerStep.id))
        .limit(AT_ONCE)
        .with_for_update(of=LedgerStep, skip_locked=True)
    )
    return session.exec(query).all()


def _stalled(session: Session, clock: LedgerClock, now: datetime) -> int:
    query = (
        select(Introduction, LedgerState)
        .join(LedgerState, col(LedgerState.introduction_id) == col(Introduction.id), isouter=True)
        .where(not_moved_since(clock, now), col(LedgerState.stalled_at).is_(None))
        .order_by(col(Introduction.agreed_at), col(Introduction.id))
        .limit(AT_ONCE)
    )
    found = session.exec(query).all()
    steps = service.steps(session, [row.id for row, _state in found])
    told = 0
    for row, state in found:
        state = state or LedgerState(introduction_id=row.id)
        state.stalled_at = now
        session.add(state)
        if service.is_over(steps[row.id]):
            continue
        case = cases.of(session, row)
        telling.told(session, case, Notice.LEDGER_STALLED, telling.brokers(session, case, None))
        told += 1
    session.flush()
    return told


def _needs(session: Session) -> int:
    """A need that a step waited for has ended: whoever answers for the step goes on."""
    query = (
        select(LedgerNeed, Need, LedgerStep, Introduction)
        .join(Need, col(Need.id) == col(LedgerNeed.need_id))
        .join(LedgerStep, col(LedgerStep.id) == col(LedgerNeed.step_id))
        .join(Introduction, col(Introduction.id) == col(LedgerStep.introduction_id))
        .where(
            col(Need.status).in_(OVER),
            col(LedgerNeed.told_status) == "",
            col(LedgerStep.status) == StepStatus.BLOCKED,
        )
        .limit(AT_ONCE)
    )
    found = session.exec(query).all()
    for link, need, step, row in found:
        link.told_status = need.status.value
        session.add(link)
        case = cases.of(session, row)
        users = telling.owner(session, case, step.owner_organisation_id) + telling.brokers(session, case, step.leg)
        telling.told(session, case, Notice.LEDGER_NEED_ENDED, users)
    session.flush()
    return len(found)
