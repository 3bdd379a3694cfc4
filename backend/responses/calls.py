"""Calls: beginning one, its criteria and date, its end, and what the other files of this room share."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, delete, select

from backend.accounts.models import User
from backend.audit import events
from backend.audit.events import Event
from backend.db import new_id, utc_now
from backend.disclosure.models import Tier
from backend.disclosure.policy import readable_tiers
from backend.disclosure.service import BadNote, released_tiers
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.needs.models import Need
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer
from backend.responses import policy
from backend.responses.models import (
    CRITERIA_MAX,
    NOTE_LENGTH,
    CallResponse,
    Criterion,
    ResponseCall,
    Review,
)
from backend.responses.policy import CallFacts
from backend.responses.states import (
    AT_WORK,
    CALLS,
    IN,
    LIVE,
    CallAction,
    CallStatus,
    ResponseStatus,
    ReviewStatus,
)
from backend.transitions import Actor, actions, transition
from backend.working_days import CHINA, add_working_days, today

KIND = "call"
"""The name of a call in the audit trail and in notifications."""
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


@dataclass(frozen=True)
class Call:
    """A call with what belongs to it, as it is stored."""

    row: ResponseCall
    need: Need
    criteria: tuple[Criterion, ...]
    facts: CallFacts
    count: int
    """How many responses count."""


def path_of(call_id: str) -> str:
    """The address of a call."""
    return f"/calls/{call_id}"


def end_of(day: date) -> datetime:
    """The end of a day in China, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA)


def last_day(until: datetime) -> date:
    """The last day on which a response is taken."""
    return today(until - timedelta(seconds=1))


def load(session: Session, call_id: str, *, lock: bool = False) -> Call:
    """A call, whoever may see it; raises NotFound. With `lock` nobody else changes it meanwhile."""
    row = session.get(ResponseCall, call_id, with_for_update=True if lock else None)
    if row is None:
        raise NotFound
    return of(session, row)


def of(session: Session, row: ResponseCall) -> Call:
    """The call of a row."""
    need = session.get(Need, row.need_id)
    assert need is not None
    criteria = session.exec(
        select(Criterion).where(Criterion.call_id == row.id).order_by(col(Criterion.position))
    ).all()
    answers = session.exec(
        select(CallResponse.organisation_id, CallResponse.status).where(CallResponse.call_id == row.id)
    ).all()
    reviews = session.exec(select(Review.user_id, Review.status).where(Review.call_id == row.id)).all()
    responders = frozenset(organisation_id for organisation_id, status in answers if status in IN)
    facts = CallFacts(
        id=row.id,
        status=row.status,
        until=row.until,
        need=need_policy.subject_of(need),
        responders=responders,
        answering=frozenset(organisation_id for organisation_id, _status in answers),
        reviews=tuple((user_id, ReviewStatus(status)) for user_id, status in reviews),
    )
    return Call(row, need, tuple(criteria), facts, len(responders))


def reads_teaser(session: Session, viewer: Viewer, call: Call) -> bool:
    """Whether the viewer reads the teaser of the need as others may."""
    facts = call.facts.need
    return Tier.TEASER in readable_tiers(viewer, facts, released_tiers(session, viewer, facts.kind, facts.id))


def get(session: Session, viewer: Viewer, call_id: str, *, lock: bool = False) -> Call:
    """A call of which the viewer may know; raises NotFound."""
    call = load(session, call_id, lock=lock)
    policy.check_can_see(viewer, call.facts, reads_teaser=reads_teaser(session, viewer, call))
    return call


def of_need(session: Session, viewer: Viewer, need_id: str) -> Call | None:
    """The newest call of a need of which the viewer may know; raises NotFound where the need is not for them."""
    needs.get(session, viewer, need_id)
    query = select(ResponseCall).where(ResponseCall.need_id == need_id)
    for row in session.exec(query.order_by(col(ResponseCall.created_at).desc())).all():
        call = of(session, row)
        if policy.can_see(viewer, call.facts, reads_teaser=True):
            return call
    return None


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


def step(session: Session, call: Call, action: str, viewer: Viewer | None, note: str = "") -> None:
    """Move a call along its table and write it down; raises BadNote. The caller has asked who may."""
    found = transition(CALLS, call.row.status, action)
    note = note.strip()
    if len(note) > NOTE_LENGTH or (found.needs_note and not note):
        raise BadNote
    row, now = call.row, utc_now()
    row.status, row.updated_at = CallStatus(found.target), now
    if note:
        row.note = note
    if row.status not in LIVE:
        row.open_key, row.ended_at = None, now
    session.add(row)
    record(session, call, found.event, viewer)


def lapse(session: Session, call: Call) -> None:
    """What was answered to a call that ended without a decision has lapsed."""
    query = select(CallResponse).where(
        CallResponse.call_id == call.row.id,
        col(CallResponse.status).in_([ResponseStatus.DRAFT, ResponseStatus.SUBMITTED]),
    )
    for response in session.exec(query).all():
        response.status = ResponseStatus.LAPSED
        session.add(response)
        events.record(session, Event.RESPONSE_LAPSE, "response", response.id, actor_id=None, call=call.row.id)


def available(viewer: Viewer, call: Call) -> tuple[str, ...]:
    """The actions on the call that the viewer may take now; criteria cannot change once a response is in."""
    found = actions(CALLS, call.row.status, policy.roles(viewer, call.facts))
    return tuple(a for a in found if a != CallAction.CHANGE or call.row.locked_at is None)


def record(session: Session, call: Call, event: str, viewer: Viewer | None, **detail: str | int | None) -> None:
    """Write an event of a call into the audit trail; no text of a user goes there."""
    actor_id = viewer.user_id if viewer else None
    events.record(session, event, KIND, call.row.id, actor_id=actor_id, need=call.row.need_id, **detail)


def announce(
    session: Session,
    call: Call,
    notice: Notice,
    viewer: Viewer | None,
    *,
    author: bool = False,
    broker: bool = False,
    responders: bool = False,
    reviewers: bool = False,
    also: Iterable[User] = (),
) -> None:
    """Tell those who have to do with a call. No mail bears a title: a call may be withdrawn, and its author hidden."""
    told: list[User] = list(also)
    if author:
        told += recipients.writers_of(session, call.need.organisation_id)
    if broker:
        told += recipients.brokers_of(session, call.need.region)
    if responders:
        for organisation_id in sorted(_told_responders(session, call)):
            told += recipients.writers_of(session, organisation_id)
    if reviewers:
        query = (
            select(User)
            .join(Review, col(Review.user_id) == col(User.id))
            .where(Review.call_id == call.row.id, col(Review.status).in_(AT_WORK), col(User.is_active).is_(True))
        )
        told += session.exec(query).all()
    actor_id = viewer.user_id if viewer else None
    tell(session, told, notice, KIND, call.row.id, path=path_of(call.row.id), actor_id=actor_id)


def _told_responders(session: Session, call: Call) -> Collection[str]:
    query = select(CallResponse.organisation_id).where(
        CallResponse.call_id == call.row.id, CallResponse.status != ResponseStatus.WITHDRAWN
    )
    return set(session.exec(query).all())
