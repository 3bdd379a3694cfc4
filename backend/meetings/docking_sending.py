"""What the guests of a docking event are sent: their plan, a changed one, that it is off, and a reminder."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from backend import mailer
from backend.audit.events import Event
from backend.db import utc_now
from backend.errors import Conflict
from backend.meetings import calendar, docking_guests
from backend.meetings.calendar import Entry, Method, Sender
from backend.meetings.docking import KIND, by_organisation, digest_of, get, path_of, placed_of, record, start_of, talks
from backend.meetings.docking_guests import GuestState
from backend.meetings.models import DockingEvent, DockingTalk
from backend.meetings.states import DOCKINGS, DockingAction, DockingStatus
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer
from backend.transitions import transition
from backend.working_days import add_working_days, today

MAIL = "meeting"
TITLE = "对接会日程"
ZH, EN = "对接会日程，请登录答复是否参加", "Your plan of a docking event; please sign in and say whether you come"
OFF_ZH, OFF_EN = "对接会日程已取消", "Your talks at a docking event were cancelled"


def publish(session: Session, viewer: Viewer, sender: Sender, event_id: str, seen: int) -> DockingEvent:
    """Send everybody their plan, and later those whose own has changed; `seen` is the version that the page showed, so
    that a form that is sent twice sends it once. Who had a plan and has none any more is told so.

    Raises NotFound, Forbidden, or Conflict where nothing is planned, or somebody is who has declined.
    """
    event = get(session, viewer, event_id, lock=True)
    step = transition(DOCKINGS, event.status, DockingAction.PUBLISH)
    if seen != event.sequence:
        return event
    placed = by_organisation(session, placed_of(talks(session, event_id)))
    if not placed:
        raise Conflict("还没有编排日程，请先编排。", "There is no plan yet.")
    known = docking_guests.of_event(session, event_id)
    if any(known[i].state is GuestState.DECLINED for i in placed if i in known):
        raise Conflict("日程中有单位不参加，请重新编排后再发出。", "Somebody in the plan has declined: plan again.")
    event.status, event.sequence = DockingStatus(step.target), event.sequence + 1
    session.add(event)
    for organisation_id in sorted(docking_guests.unsent(event, known, placed)):
        own = placed.get(organisation_id, [])
        _send(session, viewer, sender, event, organisation_id, own, "REQUEST" if own else "CANCEL")
    record(session, Event.DOCKING_PUBLISH, viewer, event)
    return event


def cancel(session: Session, viewer: Viewer, sender: Sender, event_id: str) -> DockingEvent:
    """Cancel an event; whoever had a plan is told. Twice changes nothing. Raises NotFound or Forbidden."""
    event = get(session, viewer, event_id, lock=True)
    if event.status is DockingStatus.CANCELLED:
        return event
    step = transition(DOCKINGS, event.status, DockingAction.CANCEL)
    if event.status is DockingStatus.PUBLISHED:
        event.sequence += 1
        for organisation_id, guest in docking_guests.of_event(session, event_id).items():
            if guest.has_plan:
                _send(session, viewer, sender, event, organisation_id, (), "CANCEL")
    event.status = DockingStatus(step.target)
    session.add(event)
    record(session, Event.DOCKING_CANCEL, viewer, event)
    return event


def _send(
    session: Session,
    viewer: Viewer,
    sender: Sender,
    event: DockingEvent,
    organisation_id: str,
    placed: Sequence[DockingTalk],
    method: Method,
) -> None:
    """One entry for the afternoon of an organisation: times and tables, and no word of who is met."""
    slots = [t.slot for t in placed if t.slot] or [1, event.slots]
    begins = start_of(event, min(slots))
    ends = start_of(event, max(slots)) + timedelta(minutes=event.slot_minutes)
    lines = [f"{calendar.spoken(start_of(event, t.slot))[-5:]} 第 {t.table_number} 桌" for t in placed if t.slot]
    path = path_of(event.id)
    minutes = int((ends - begins).total_seconds() // 60)
    entry = Entry(
        f"{event.id}-{organisation_id}", TITLE, begins, minutes, event.place, path, event.sequence, "\n".join(lines)
    )
    zh, en = (ZH, EN) if method == "REQUEST" else (OFF_ZH, OFF_EN)
    users = recipients.writers_of(session, organisation_id)
    for user in users:
        words = {"zh": zh, "en": en, "when": calendar.spoken(begins), "where": event.place, "path": path}
        text = calendar.write(entry, sender, user.email, method)
        mailer.queue(session, MAIL, user.email, **words, calendar=text, method=method)
    notice = Notice.DOCKING_PUBLISHED if method == "REQUEST" else Notice.DOCKING_CANCELLED
    tell(session, users, notice, KIND, event.id, path=path)
    docking_guests.keep_sent(session, viewer, event, organisation_id, talks=len(placed), plan=digest_of(event, placed))


def follow(session: Session, now: datetime | None = None) -> int:
    """Remind everybody who was sent a plan one working day before; returns of how many events."""
    now = now or utc_now()
    query = select(DockingEvent).where(
        DockingEvent.status == DockingStatus.PUBLISHED,
        col(DockingEvent.reminded_at).is_(None),
        col(DockingEvent.starts_at) > now,
    )
    count = 0
    for event in session.exec(query).all():
        if today(event.starts_at) > add_working_days(today(now), 1):
            continue
        event.reminded_at = now
        session.add(event)
        for organisation_id, guest in docking_guests.of_event(session, event.id).items():
            if guest.has_plan and guest.state is not GuestState.DECLINED:
                users = recipients.writers_of(session, organisation_id)
                tell(session, users, Notice.DOCKING_REMINDER, KIND, event.id, path=path_of(event.id))
        count += 1
    return count
