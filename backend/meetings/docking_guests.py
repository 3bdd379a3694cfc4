"""The guests of a docking event: who was sent a plan, and who accepts or declines it.

What a guest was sent and answers are events of the audit trail, as readings are: the last one of an organisation holds,
and the trail keeps those before it. The trail holds no text of users, so the reason for declining is one of a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.db import utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.meetings.docking import KIND, path_of, record, start_of
from backend.meetings.models import DockingEvent
from backend.meetings.states import DockingStatus
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer

EVENTS = (Event.DOCKING_SEND, Event.DOCKING_ACCEPT, Event.DOCKING_DECLINE)


class GuestState(StrEnum):
    """答复 of a guest to the plan that stands."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class GuestReason(StrEnum):
    """Why a guest declines."""

    TIME = "time"
    PEOPLE = "people"
    TOPIC = "topic"
    SETTLED = "settled"
    OTHER = "other"


class NoReason(DomainError):
    """Declining takes a reason."""

    status = 422
    zh = "请选择谢绝的原因。"
    en = "Choose a reason for declining."


@dataclass(frozen=True)
class Guest:
    """Where an organisation stands. `sequence` is the version of the plan that it was sent last, `has_plan` whether it
    had talks in that, `plan` its digest; `answered` is the version that it answered, 0 for none."""

    organisation_id: str
    sequence: int = 0
    has_plan: bool = False
    plan: str = ""
    accepts: bool | None = None
    reason: GuestReason | None = None
    answered: int = 0

    @property
    def state(self) -> GuestState:
        """A refusal stands until it is taken back; an acceptance is of the plan that was seen."""
        if self.accepts is False:
            return GuestState.DECLINED
        return GuestState.ACCEPTED if self.accepts and self.answered >= self.sequence else GuestState.WAITING

    @property
    def is_asked_again(self) -> bool:
        """Whether it had accepted a plan that has changed since."""
        return bool(self.accepts) and self.answered < self.sequence


def of_events(session: Session, ids: list[str]) -> Mapping[str, dict[str, Guest]]:
    """The guests of events by the event's id, each by the organisation that it is now, if it was merged."""
    query = select(AuditEvent).where(
        AuditEvent.subject_kind == KIND, col(AuditEvent.subject_id).in_(ids), col(AuditEvent.event).in_(EVENTS)
    )
    rows = session.exec(query.order_by(col(AuditEvent.id))).all()
    heirs = _heirs(session, {str(row.detail.get("organisation") or "") for row in rows})
    found: dict[str, dict[str, Guest]] = {event_id: {} for event_id in ids}
    for row in rows:
        named = str(row.detail.get("organisation") or "")
        home = heirs.get(named, named)
        guest = found[row.subject_id].get(home) or Guest(home)
        found[row.subject_id][home] = _after(guest, row)
    return found


def _after(guest: Guest, row: AuditEvent) -> Guest:
    version = int(row.detail.get("sequence") or 0)
    if row.event == Event.DOCKING_SEND:
        return replace(
            guest, sequence=version, has_plan=bool(row.detail.get("talks")), plan=str(row.detail.get("plan") or "")
        )
    reason = str(row.detail.get("reason") or "")
    return replace(
        guest,
        accepts=row.event == Event.DOCKING_ACCEPT,
        reason=GuestReason(reason) if reason in list(GuestReason) else None,
        answered=version,
    )


def _heirs(session: Session, ids: set[str]) -> dict[str, str]:
    """What organisations have been merged into, at the end of the line."""
    found: dict[str, str] = {}
    asked = ids
    while asked:
        query = select(Organisation.id, Organisation.merged_into_id).where(
            col(Organisation.id).in_(asked), col(Organisation.merged_into_id).is_not(None)
        )
        step = {former: str(heir) for former, heir in session.exec(query).all()}
        found = {former: step.get(heir, heir) for former, heir in found.items()} | step
        asked = set(step.values())
    return found


def of_event(session: Session, event_id: str) -> dict[str, Guest]:
    """The guests of an event, by organisation."""
    return of_events(session, [event_id])[event_id]


def declined(session: Session, event_id: str) -> frozenset[str]:
    """The organisations that do not come."""
    return frozenset(i for i, g in of_event(session, event_id).items() if g.state is GuestState.DECLINED)


def is_over(event: DockingEvent) -> bool:
    """Whether the last talk has ended."""
    return start_of(event, event.slots) + timedelta(minutes=event.slot_minutes) <= utc_now()


def answer(
    session: Session, viewer: Viewer, event_id: str, organisation_id: str, *, accepts: bool, reason: str = ""
) -> DockingEvent:
    """Accept the plan for an organisation, or decline it with a reason; the arranging agency is told.

    The same answer twice is one. Raises NotFound for strangers, Forbidden for members who only read, NoReason, or
    Conflict once the event is over or cancelled.
    """
    event = session.get(DockingEvent, event_id, with_for_update=True)
    if event is None or organisation_id not in viewer.verified_organisation_ids:
        raise NotFound
    guest = of_event(session, event_id).get(organisation_id)
    if guest is None:
        raise NotFound
    if not viewer.may_write_for(organisation_id):
        raise Forbidden
    if event.status is not DockingStatus.PUBLISHED or is_over(event):
        raise Conflict
    if not accepts and reason not in list(GuestReason):
        raise NoReason
    why = None if accepts else GuestReason(reason)
    if guest.accepts is accepts and guest.reason is why and guest.answered >= guest.sequence:
        return event
    record(
        session,
        Event.DOCKING_ACCEPT if accepts else Event.DOCKING_DECLINE,
        viewer,
        event,
        organisation=organisation_id,
        sequence=event.sequence,
        reason=why.value if why else None,
    )
    session.flush()
    users = recipients.writers_of(session, event.organisation_id)
    notice = Notice.DOCKING_ACCEPTED if accepts else Notice.DOCKING_DECLINED
    tell(session, users, notice, KIND, event.id, path=path_of(event.id), actor_id=viewer.user_id)
    return event
