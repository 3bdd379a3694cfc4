"""Docking events: when and where, whose they are, and the talks in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlmodel import Session, col, select

from backend.audit import events
from backend.audit.events import Event
from backend.capabilities.models import Capability
from backend.db import utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.meetings import policy
from backend.meetings.models import (
    DIGEST_LENGTH,
    MOST_SLOTS,
    MOST_TABLES,
    PLACE_LENGTH,
    TITLE_LENGTH,
    DockingEvent,
    DockingTalk,
)
from backend.meetings.states import DockingStatus
from backend.needs.models import Need
from backend.organisations.policy import Viewer

KIND = "docking"
"""The name of an event in the audit trail and in notifications."""


class BadEvent(DomainError):
    """What the form of an event says does not make one."""

    status = 422
    zh = "请检查名称、地点、时间、场次、桌数和休息安排。"
    en = "Check title, place, time, slots, tables and breaks."


@dataclass(frozen=True)
class Frame:
    """When, where, how many: what the broker types."""

    title: str
    place: str
    starts_at: datetime
    slots: int
    slot_minutes: int
    tables: int
    breaks: tuple[int, ...] = ()
    break_minutes: int = 15


def path_of(event_id: str) -> str:
    """The address of an event."""
    return f"/docking/{event_id}"


def breaks_of(event: DockingEvent) -> tuple[int, ...]:
    """After which slots there is a pause."""
    return tuple(int(part) for part in event.breaks.split(",") if part)


def start_of(event: DockingEvent, slot: int) -> datetime:
    """When a slot begins; slots count from 1."""
    paused = sum(after < slot for after in breaks_of(event))
    return event.starts_at + timedelta(minutes=(slot - 1) * event.slot_minutes + paused * event.break_minutes)


def _check(frame: Frame) -> None:
    texts = 0 < len(frame.title) <= TITLE_LENGTH and 0 < len(frame.place) <= PLACE_LENGTH
    figures = 1 <= frame.slots <= MOST_SLOTS and 1 <= frame.tables <= MOST_TABLES and 5 <= frame.slot_minutes <= 120
    pauses = all(1 <= after < frame.slots for after in frame.breaks) and 0 <= frame.break_minutes <= 120
    if not (texts and figures and pauses and frame.starts_at > utc_now()):
        raise BadEvent


def save(session: Session, viewer: Viewer, event_id: str, frame: Frame, *, is_new: bool = False) -> DockingEvent:
    """Create an event of the viewer's agency, or change one; a plan that does not fit any more is undone.

    The same form sent twice makes one. Raises NotFound, Forbidden, Conflict or BadEvent.
    """
    event = session.get(DockingEvent, event_id, with_for_update=True)
    if event is None:
        if not is_new:
            raise NotFound
        home = next(
            (m for m in viewer.memberships if m.jurisdiction in viewer.acting_jurisdictions and m.may_write), None
        )
        if home is None:
            raise Forbidden
        _check(frame)
        event = DockingEvent(
            id=event_id, organisation_id=home.organisation_id, created_by=viewer.user_id, **_values(frame)
        )
        record(session, Event.DOCKING_CREATE, viewer, event)
    else:
        policy.check_can_arrange(viewer, event)
        if is_new:
            return event
        if event.status is DockingStatus.CANCELLED:
            raise Conflict
        _check(frame)
        before = (event.slots, event.tables)
        for name, value in _values(frame).items():
            setattr(event, name, value)
        if (event.slots, event.tables) != before:
            for talk in talks(session, event_id):
                talk.slot = talk.table_number = None
                session.add(talk)
        event.reminded_at = None
        record(session, Event.DOCKING_EDIT, viewer, event)
    session.add(event)
    session.flush()
    return event


def _values(frame: Frame) -> dict[str, Any]:
    return {
        "title": frame.title,
        "place": frame.place,
        "starts_at": frame.starts_at,
        "slots": frame.slots,
        "slot_minutes": frame.slot_minutes,
        "tables": frame.tables,
        "breaks": ",".join(str(after) for after in sorted(set(frame.breaks))),
        "break_minutes": frame.break_minutes,
    }


def get(session: Session, viewer: Viewer, event_id: str, *, lock: bool = False) -> DockingEvent:
    """An event that the viewer arranges; raises NotFound or Forbidden."""
    event = session.get(DockingEvent, event_id, with_for_update=True if lock else None)
    if event is None:
        raise NotFound
    policy.check_can_arrange(viewer, event)
    return event


def talks(session: Session, event_id: str) -> Sequence[DockingTalk]:
    """The talks of an event: those with a place in its order, then the others."""
    query = select(DockingTalk).where(DockingTalk.event_id == event_id)
    rows = session.exec(query).all()
    return sorted(rows, key=lambda t: (t.slot or 99, t.table_number or 99, -(t.probability or 0.0), t.id))


def sides_of(session: Session, rows: Sequence[DockingTalk]) -> tuple[set[str], set[str]]:
    """The organisations on the side of needs, and those on the other."""
    needs = select(Need.organisation_id).where(col(Need.id).in_({t.need_id for t in rows}))
    capabilities = select(Capability.organisation_id).where(col(Capability.id).in_({t.capability_id for t in rows}))
    return set(session.exec(needs).all()), set(session.exec(capabilities).all())


def by_organisation(session: Session, rows: Sequence[DockingTalk]) -> Mapping[str, list[DockingTalk]]:
    """The talks of each organisation, on either side, in their order."""
    needs = select(Need.id, Need.organisation_id).where(col(Need.id).in_({t.need_id for t in rows}))
    offers = select(Capability.id, Capability.organisation_id)
    offers = offers.where(col(Capability.id).in_({t.capability_id for t in rows}))
    owners = {**dict(session.exec(needs).all()), **dict(session.exec(offers).all())}
    found: dict[str, list[DockingTalk]] = {}
    for talk in rows:
        for subject_id in (talk.need_id, talk.capability_id):
            found.setdefault(owners[subject_id], []).append(talk)
    return found


def placed_of(rows: Sequence[DockingTalk]) -> list[DockingTalk]:
    """Those that have a place in the plan."""
    return [talk for talk in rows if talk.slot]


def digest_of(event: DockingEvent, placed: Sequence[DockingTalk]) -> str:
    """What an organisation is sent, in short: whoever has it already is asked nothing anew."""
    parts = [event.place, str(event.slot_minutes)]
    parts += [f"{start_of(event, t.slot).isoformat()} {t.table_number} {t.id}" for t in placed if t.slot]
    return sha256("\n".join(parts).encode()).hexdigest()[:DIGEST_LENGTH]


def record(session: Session, name: Event, viewer: Viewer, event: DockingEvent, **detail: str | int | None) -> None:
    """Write an event down in the audit trail; `organisation` is the arranging agency unless it is named."""
    told = {"organisation": event.organisation_id, **detail}
    events.record(session, name, KIND, event.id, actor_id=viewer.user_id, **told)
