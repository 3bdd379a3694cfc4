"""The response clock in Chinese working days: a reminder, the broker told of what is overdue, the end.

It counts from the moment when the present answer was asked for: on proposing, and again when one side has accepted.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, and_, col, or_, select

from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.config import Settings
from backend.db import utc_now
from backend.introductions import cases
from backend.introductions.cases import Case
from backend.introductions.models import CaseParty, Introduction, PartyState
from backend.introductions.service import act
from backend.introductions.states import OPEN, WAITING, IntroductionAction, IntroductionStatus
from backend.needs import states as need_states
from backend.needs.models import Need
from backend.notifications.models import Notice
from backend.working_days import deadline

AT_ONCE = 200
NEED_ENDED = "需求或能力已不再公开。"


@dataclass(frozen=True)
class Clock:
    """After how many working days a party is reminded, its answer is overdue, and a case ends."""

    remind: int = 4
    overdue: int = 6
    expire: int = 15

    @classmethod
    def of(cls, settings: Settings) -> "Clock":
        """As configured."""
        return cls(settings.answer_remind_days, settings.answer_overdue_days, settings.answer_expire_days)


@dataclass(frozen=True)
class Deadlines:
    """When a party is reminded, overdue, and when the case ends: moments in UTC."""

    remind: datetime
    overdue: datetime
    expire: datetime


def deadlines(clock: Clock, waiting_since: datetime) -> Deadlines:
    """The deadlines of an answer that was asked for at a moment."""
    return Deadlines(
        deadline(waiting_since, clock.remind),
        deadline(waiting_since, clock.overdue),
        deadline(waiting_since, clock.expire),
    )


def unanswered(case: Case) -> list[CaseParty]:
    """The parties whose answer is awaited."""
    return [p for p in case.parties if p.state is PartyState.INVITED]


def run(session: Session, clock: Clock, now: datetime | None = None) -> tuple[int, int, int]:
    """Remind, tell brokers, end what is due; returns how many of each. What ended with its need is withdrawn."""
    now = now or utc_now()
    reminded = overdue = expired = 0
    # Whatever is due now was asked for at least as many days ago as working days have to pass.
    query = (
        select(Introduction)
        .where(col(Introduction.status).in_(WAITING), col(Introduction.waiting_since).is_not(None))
        .order_by(col(Introduction.waiting_since))
        .with_for_update(skip_locked=True)
    )
    for row in session.exec(query).all():
        assert row.waiting_since is not None
        due = deadlines(clock, row.waiting_since)
        case = cases.of(session, row)
        if now >= due.expire:
            act(session, None, row.id, IntroductionAction.EXPIRE)
            expired += 1
            continue
        if now >= due.overdue and row.overdue_at is None:
            row.overdue_at = now
            cases.announce(session, case, Notice.INTRODUCTION_OVERDUE, None, brokers=True)
            overdue += 1
        if now >= due.remind and row.reminded_at is None:
            row.reminded_at = now
            cases.announce(session, case, Notice.INTRODUCTION_REMINDER, None, parties=unanswered(case))
            reminded += 1
        session.add(row)
    session.flush()
    return reminded, overdue, expired


def follow_subjects(session: Session) -> int:
    """Withdraw cases whose need or capability is not open any more; returns how many. Agreed ones go on."""
    gone = or_(
        col(Need.status).not_in(need_states.OPEN),
        and_(col(Capability.id).is_not(None), col(Capability.status).not_in(capability_states.OPEN)),
    )
    query = (
        select(Introduction.id)
        .join(Need, col(Need.id) == col(Introduction.need_id))
        .join(Capability, col(Capability.id) == col(Introduction.capability_id), isouter=True)
        .where(col(Introduction.status).in_(OPEN - {IntroductionStatus.AGREED}), gone)
        .order_by(col(Introduction.id))
        .limit(AT_ONCE)
    )
    ended = session.exec(query).all()
    for introduction_id in ended:
        act(session, None, introduction_id, IntroductionAction.WITHDRAW, NEED_ENDED)
    return len(ended)
