"""The guests of a docking event: who was sent a plan, and who accepts or declines it.

A guest has one row, with what it was sent last and what it answered last; the audit trail tells what came before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from backend.audit.events import Event
from backend.db import utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.meetings.docking import KIND, digest_of, path_of, record, start_of
from backend.meetings.models import NOTE_LENGTH, DockingEvent, DockingGuest, DockingTalk, GuestAnswer, GuestReason
from backend.meetings.states import DockingStatus
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer


class GuestState(StrEnum):
    """答复 of a guest to the plan that stands."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class NoReason(DomainError):
    """Declining takes a reason."""

    status = 422
    zh = "请选择谢绝的原因。"
    en = "Choose a reason for declining."


class LongNote(DomainError):
    """What is added to a refusal is longer than its column."""

    status = 422
    zh = f"说明最多 {NOTE_LENGTH} 个字，请删减。"
    en = f"A note holds {NOTE_LENGTH} characters at most."


@dataclass(frozen=True)
class Guest:
    """Where an organisation stands. `sequence` is the version of the plan that it was sent last, `has_plan` whether it
    had talks in that, `plan` its digest; `answered` is the version that it answered, 0 for none."""

    organisation_id: str
    sequence: int
    has_plan: bool
    plan: str
    answer: GuestAnswer | None
    reason: GuestReason | None
    note: str
    answered: int

    @property
    def state(self) -> GuestState:
        """A refusal stands until it is taken back; an acceptance is of the plan that was seen."""
        if self.answer is GuestAnswer.DECLINED:
            return GuestState.DECLINED
        return GuestState.WAITING if self.answer is None or self.is_asked_again else GuestState.ACCEPTED

    @property
    def is_asked_again(self) -> bool:
        """Whether it had accepted a plan that has changed since."""
        return self.answer is GuestAnswer.ACCEPTED and self.answered < self.sequence


def of_events(session: Session, ids: list[str]) -> Mapping[str, dict[str, Guest]]:
    """The guests of events by the event's id, each by its organisation."""
    found: dict[str, dict[str, Guest]] = {event_id: {} for event_id in ids}
    query = select(DockingGuest).where(col(DockingGuest.event_id).in_(ids)).order_by(col(DockingGuest.id))
    for row in session.exec(query).all():
        found[row.event_id][row.organisation_id] = _guest(row)
    return found


def _guest(row: DockingGuest) -> Guest:
    return Guest(
        row.organisation_id,
        row.sequence,
        row.talks > 0,
        row.plan,
        row.answer,
        row.reason,
        row.note,
        row.answered_sequence,
    )


def _row(session: Session, event_id: str, organisation_id: str) -> DockingGuest | None:
    query = select(DockingGuest).where(
        DockingGuest.event_id == event_id, DockingGuest.organisation_id == organisation_id
    )
    return session.exec(query).first()


def keep_sent(
    session: Session, viewer: Viewer, event: DockingEvent, organisation_id: str, *, talks: int, plan: str
) -> None:
    """Write down that an organisation was sent this version of the plan, with so many talks; its answer stays."""
    row = _row(session, event.id, organisation_id)
    row = row or DockingGuest(event_id=event.id, organisation_id=organisation_id, sequence=0, talks=0, plan="")
    row.sequence, row.talks, row.plan, row.sent_at = event.sequence, talks, plan, utc_now()
    session.add(row)
    session.flush()
    sent: dict[str, str | int] = {"sequence": event.sequence, "talks": talks, "plan": plan}
    record(session, Event.DOCKING_SEND, viewer, event, organisation=organisation_id, **sent)


def of_event(session: Session, event_id: str) -> dict[str, Guest]:
    """The guests of an event, by organisation."""
    return of_events(session, [event_id])[event_id]


def unsent(event: DockingEvent, guests: Mapping[str, Guest], placed: Mapping[str, Sequence[DockingTalk]]) -> set[str]:
    """The organisations whose plan, the talks of each that have a place, is another than they were sent last."""
    sent = {i: g.plan for i, g in guests.items() if g.has_plan}
    return {i for i, own in placed.items() if digest_of(event, own) != sent.get(i)} | (sent.keys() - placed.keys())


def declined(session: Session, event_id: str) -> frozenset[str]:
    """The organisations that do not come."""
    return frozenset(i for i, g in of_event(session, event_id).items() if g.state is GuestState.DECLINED)


def is_over(event: DockingEvent) -> bool:
    """Whether the last talk has ended."""
    return start_of(event, event.slots) + timedelta(minutes=event.slot_minutes) <= utc_now()


def check_can_answer(
    session: Session, viewer: Viewer, event_id: str, organisation_id: str
) -> tuple[DockingEvent, DockingGuest]:
    """The event and the guest that the viewer may answer for.

    Raises NotFound for strangers, Forbidden for members who only read, or Conflict once the event is over or cancelled.
    """
    event = session.get(DockingEvent, event_id, with_for_update=True)
    if event is None or organisation_id not in viewer.verified_organisation_ids:
        raise NotFound
    row = _row(session, event_id, organisation_id)
    if row is None:
        raise NotFound
    if not viewer.may_write_for(organisation_id):
        raise Forbidden
    if event.status is not DockingStatus.PUBLISHED or is_over(event):
        raise Conflict
    return event, row


def answer(
    session: Session,
    viewer: Viewer,
    event_id: str,
    organisation_id: str,
    *,
    accepts: bool,
    reason: str = "",
    note: str = "",
) -> DockingEvent:
    """Accept the plan for an organisation, or decline it with a reason; the arranging agency is told.

    The same answer twice is one. The audit trail holds no text of users, and so the reason without the note.

    Raises what `check_can_answer` raises, NoReason or LongNote.
    """
    event, row = check_can_answer(session, viewer, event_id, organisation_id)
    if not accepts and reason not in list(GuestReason):
        raise NoReason
    if not accepts and len(note) > NOTE_LENGTH:
        raise LongNote
    given = GuestAnswer.ACCEPTED if accepts else GuestAnswer.DECLINED
    why, said = (None, "") if accepts else (GuestReason(reason), note)
    is_same = (row.answer, row.reason, row.note) == (given, why, said)
    if is_same and row.answered_sequence >= row.sequence:
        return event
    row.answer, row.reason, row.note = given, why, said
    row.answered_sequence, row.answered_at, row.answered_by = event.sequence, utc_now(), viewer.user_id
    session.add(row)
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
