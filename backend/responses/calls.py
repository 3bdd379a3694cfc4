"""Calls: beginning one, its criteria and date, its end, and what the other files of this room share."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.audit import events
from backend.audit.events import Event
from backend.db import utc_now
from backend.disclosure.models import Tier
from backend.disclosure.policy import readable_tiers
from backend.disclosure.service import BadNote, released_tiers
from backend.errors import NotFound
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.needs.models import Need
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer
from backend.responses import policy
from backend.responses.models import (
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
from backend.transitions import actions, transition
from backend.working_days import CHINA, today

KIND = "call"
"""The name of a call in the audit trail and in notifications."""


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
