"""What is done with calls: beginning one, its criteria, its date, and the actions that need no more than a note."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session, col, delete, select

from backend.audit.events import Event
from backend.db import new_id, utc_now
from backend.errors import Conflict, DomainError, Forbidden
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer
from backend.responses import policy
from backend.responses.calls import Call, announce, end_of, get, lapse, last_day, load, of, record, step
from backend.responses.models import CRITERIA_MAX, Criterion, ResponseCall
from backend.responses.states import CALLS, LIVE, CallAction, CallStatus
from backend.transitions import Actor, transition
from backend.working_days import add_working_days, today

SHORTEST, LONGEST = 3, 180
"""Working days from today to the earliest date, and days to the last one: nobody is surprised by an early end."""
BY_NOTE = frozenset({CallAction.OPEN, CallAction.DECLINE, CallAction.TAKE_BACK, CallAction.WITHDRAW})
"""Actions that need no more than a note."""


class BadDate(DomainError):
    """A date too near or too far."""

    status = 422
    zh = f"截止日期须在 {SHORTEST} 个工作日之后、{LONGEST} 天之内。"
    en = f"The date has to lie at least {SHORTEST} working days and at most {LONGEST} days from today."


class Locked(Conflict):
    """The criteria stand once the first response is in."""

    zh = "已收到应征，评审标准和征集说明不能再改。"
    en = "A response has come in; criteria and terms can no longer change."


@dataclass(frozen=True)
class Weighted:
    """A criterion as its author writes it."""

    name: str
    weight: int


def begin(
    session: Session,
    viewer: Viewer,
    need_id: str,
    until: date,
    criteria: Sequence[Weighted],
    terms: str,
    note: str = "",
) -> ResponseCall:
    """Open a need to responses as its author, or propose it as the broker of its region.

    A need that has a live call keeps it. Raises NotFound, Forbidden or BadDate.
    """
    need = needs.get(session, viewer, need_id)
    role = policy.check_can_begin(viewer, need_policy.subject_of(need))
    present = session.exec(select(ResponseCall).where(ResponseCall.open_key == need_id)).first()
    if present is not None:
        return present
    _check_date(until)
    is_proposed = role is Actor.BROKER
    row = ResponseCall(
        id=new_id(),
        need_id=need_id,
        status=CallStatus.PROPOSED if is_proposed else CallStatus.OPEN,
        open_key=need_id,
        terms=terms,
        until=end_of(until),
        note=note if is_proposed else "",
        is_proposed=is_proposed,
        created_by=viewer.user_id,
        opened_at=None if is_proposed else utc_now(),
    )
    session.add(row)
    session.flush()
    _write_criteria(session, row, criteria)
    call = of(session, row)
    if is_proposed:
        record(session, call, Event.CALL_PROPOSE, viewer)
        announce(session, call, Notice.CALL_PROPOSED, viewer, author=True)
    else:
        record(session, call, Event.CALL_OPEN, viewer)
        announce(session, call, Notice.CALL_OPENED, viewer, broker=True)
    return row


def _check_date(day: date) -> None:
    now = today()
    if not add_working_days(now, SHORTEST) <= day <= now + timedelta(days=LONGEST):
        raise BadDate


def _write_criteria(session: Session, row: ResponseCall, criteria: Sequence[Weighted]) -> None:
    if not 0 < len(criteria) <= CRITERIA_MAX or any(c.weight < 1 or not c.name for c in criteria):
        raise ValueError("criteria need a name and a weight")
    session.exec(delete(Criterion).where(col(Criterion.call_id) == row.id))
    for position, criterion in enumerate(criteria):
        session.add(Criterion(call_id=row.id, position=position, name=criterion.name, weight=criterion.weight))
    session.flush()


def change(
    session: Session,
    viewer: Viewer,
    call_id: str,
    until: date | None,
    criteria: Sequence[Weighted],
    terms: str,
) -> ResponseCall:
    """Change criteria and terms, and the date of a proposed call.

    The date of an open one is changed by `reschedule`, with notice. Raises NotFound, Forbidden, Conflict, Locked or
    BadDate.
    """
    call = get(session, viewer, call_id, lock=True)
    _act_as(viewer, call, CallAction.CHANGE)
    if call.row.locked_at is not None:
        raise Locked
    if until is not None and call.row.status is CallStatus.PROPOSED:
        _check_date(until)
        call.row.until = end_of(until)
    call.row.terms, call.row.updated_at = terms, utc_now()
    _write_criteria(session, call.row, criteria)
    session.add(call.row)
    record(session, call, Event.CALL_CHANGE, viewer)
    return call.row


def reschedule(session: Session, viewer: Viewer, call_id: str, until: date, note: str) -> ResponseCall:
    """Extend or shorten an open call, with the reason told to everybody concerned; raises NotFound, Forbidden,
    Conflict, BadDate or BadNote. The date that stands already changes nothing."""
    call = get(session, viewer, call_id, lock=True)
    _act_as(viewer, call, CallAction.RESCHEDULE)
    if end_of(until) == call.row.until:
        return call.row
    _check_date(until)
    call.row.until, call.row.reminded_at = end_of(until), None
    step(session, call, CallAction.RESCHEDULE, viewer, note)
    announce(session, call, Notice.CALL_RESCHEDULED, viewer, broker=True, responders=True)
    return call.row


def act(session: Session, viewer: Viewer | None, call_id: str, action: str, note: str = "") -> ResponseCall:
    """Take an action that needs no more than a note, as the system where `viewer` is None.

    Raises NotFound, Forbidden, Conflict where the status does not allow it, BadDate or BadNote.
    """
    call = load(session, call_id, lock=True) if viewer is None else get(session, viewer, call_id, lock=True)
    found = transition(CALLS, call.row.status, action)
    _act_as(viewer, call, action)
    if viewer is not None and action not in BY_NOTE:
        raise Conflict
    if action == CallAction.OPEN:
        _check_date(last_day(call.row.until))
        if not call.facts.need.is_open:
            raise Conflict
        call.row.opened_at = utc_now()
    if action == CallAction.CLOSE:
        call.row.closed_at = utc_now()
    knew = call.row.status is not CallStatus.PROPOSED
    step(session, call, action, viewer, note)
    ended = call.row.status not in LIVE
    if found.notice is not None:
        announce(
            session,
            call,
            Notice(found.notice),
            viewer,
            author=True,
            broker=True,
            responders=knew,
            reviewers=ended,
        )
    if ended:
        lapse(session, call)
    session.flush()
    return call.row


def _act_as(viewer: Viewer | None, call: Call, action: str) -> Actor:
    found = transition(CALLS, call.row.status, action)
    actor = next((who for who in found.who if who in policy.roles(viewer, call.facts)), None)
    if actor is None:
        raise Forbidden
    return actor
