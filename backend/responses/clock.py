"""What time does to calls: reminders in Chinese working days, closing on the date, the end of what nobody answers."""

from datetime import datetime

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.config import Settings
from backend.db import Database, utc_now
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.responses import calling, calls, reviewing
from backend.responses.calls import Call
from backend.responses.models import CallResponse, ResponseCall, Review
from backend.responses.states import AWAITED, LIVE, CallAction, CallStatus, ResponseStatus
from backend.working_days import add_working_days, deadline, today

REMIND_DAYS = 3
"""Working days before the end of a call, or of a review, at which those concerned are reminded."""
NEED_ENDED = "需求已不再公开，征集随之取消。"


def follow(database: Database, settings: Settings) -> None:
    """The task of it."""
    with database.session(write=True) as session:
        run(session, settings.answer_expire_days)


def run(session: Session, answer_days: int, now: datetime | None = None) -> None:
    """Do what is due at a moment; `answer_days` are the working days after which a proposal lapses and a decision is
    asked for once more."""
    now = now or utc_now()
    query = (
        select(ResponseCall)
        .where(col(ResponseCall.status).in_(LIVE))
        .order_by(col(ResponseCall.until), col(ResponseCall.id))
        .with_for_update(skip_locked=True)
    )
    for row in session.exec(query).all():
        call = calls.of(session, row)
        if row.status is CallStatus.PROPOSED:
            _proposed(session, call, answer_days, now)
        elif row.status is CallStatus.OPEN:
            _open(session, call, now)
        else:
            _closed(session, call, answer_days, now)
    session.flush()


def _proposed(session: Session, call: Call, answer_days: int, now: datetime) -> None:
    row = call.row
    if not call.facts.need.is_open or now >= min(deadline(row.created_at, answer_days), row.until):
        calling.act(session, None, row.id, CallAction.EXPIRE)


def _open(session: Session, call: Call, now: datetime) -> None:
    row = call.row
    if not call.facts.need.is_open:
        calling.act(session, None, row.id, CallAction.WITHDRAW, NEED_ENDED)
    elif now >= row.until:
        calling.act(session, None, row.id, CallAction.CLOSE if call.count else CallAction.EXPIRE)
    elif row.reminded_at is None and add_working_days(today(now), REMIND_DAYS) >= calls.last_day(row.until):
        row.reminded_at = now
        session.add(row)
        calls.announce(session, call, Notice.CALL_REMINDER, None, author=True, also=_with_drafts(session, call))


def _with_drafts(session: Session, call: Call) -> list[User]:
    query = select(CallResponse.organisation_id).where(
        CallResponse.call_id == call.row.id, CallResponse.status == ResponseStatus.DRAFT
    )
    return [user for home in session.exec(query).all() for user in recipients.writers_of(session, home)]


def _closed(session: Session, call: Call, answer_days: int, now: datetime) -> None:
    row = call.row
    assert row.closed_at is not None
    if row.decision_reminded_at is None and now >= deadline(row.closed_at, answer_days):
        row.decision_reminded_at = now
        session.add(row)
        calls.announce(session, call, Notice.CALL_UNDECIDED, None, author=True, broker=True)
    query = (
        select(Review, User)
        .join(User, col(User.id) == col(Review.user_id))
        .where(
            Review.call_id == row.id,
            col(Review.status).in_(AWAITED),
            col(Review.reminded_at).is_(None),
            col(User.is_active).is_(True),
        )
    )
    for review, user in session.exec(query).all():
        if now >= deadline(review.invited_at, reviewing.REVIEW_DAYS - REMIND_DAYS):
            review.reminded_at = now
            session.add(review)
            calls.announce(session, call, Notice.EXPERT_REMINDER, None, also=[user])
