"""What time does to meetings: reminders one working day before, the end of those whose case has ended, and cases that
have met before they were opened."""

from datetime import datetime

from sqlmodel import Session, col, select

from backend.db import utc_now
from backend.introductions import cases
from backend.introductions import service as introductions
from backend.introductions.models import Introduction
from backend.introductions.states import OPENED, IntroductionAction, IntroductionStatus
from backend.meetings.calendar import Sender
from backend.meetings.inviting import announce
from backend.meetings.models import CaseMeeting
from backend.meetings.service import cancel
from backend.meetings.states import MeetingStatus
from backend.notifications.models import Notice
from backend.working_days import add_working_days, today


def follow(session: Session, sender: Sender, now: datetime | None = None) -> tuple[int, int]:
    """Remind of meetings one working day before, cancel those of cases that have ended; returns how many of each."""
    now = now or utc_now()
    reminded = cancelled = 0
    query = (
        select(CaseMeeting, Introduction)
        .join(Introduction, col(Introduction.id) == col(CaseMeeting.introduction_id))
        .where(col(CaseMeeting.status).in_([MeetingStatus.PROPOSED, MeetingStatus.FIXED]))
    )
    for meeting, row in session.exec(query).all():
        if row.status not in OPENED:
            # What lies behind may still have been held: it stays.
            if meeting.starts_at is None or meeting.starts_at > now:
                cancel(session, None, sender, row.id, meeting.id)
                cancelled += 1
        elif meeting.reminded_at is None and _is_near(meeting.starts_at, now):
            meeting.reminded_at = now
            session.add(meeting)
            announce(session, None, cases.of(session, row), Notice.MEETING_REMINDER)
            reminded += 1
    _move_on(session)
    session.flush()
    return reminded, cancelled


def _move_on(session: Session) -> None:
    """A case that began with the minutes of a table has met already when both sides accept it."""
    query = (
        select(Introduction.id)
        .join(CaseMeeting, col(CaseMeeting.introduction_id) == col(Introduction.id))
        .where(Introduction.status == IntroductionStatus.INTRODUCED, CaseMeeting.status == MeetingStatus.HELD)
    )
    for introduction_id in session.exec(query.distinct()).all():
        introductions.act(session, None, introduction_id, IntroductionAction.MEET)


def _is_near(starts_at: datetime | None, now: datetime) -> bool:
    """Whether a moment to come lies no later than on the next working day."""
    return starts_at is not None and starts_at > now and today(starts_at) <= add_working_days(today(now), 1)
