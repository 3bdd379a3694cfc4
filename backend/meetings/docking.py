"""Docking events: who wishes to talk with whom, the plan, what everybody is sent, and introductions that come of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete, or_, select

from backend import mailer
from backend.audit import events
from backend.audit.events import Event
from backend.capabilities.models import Capability
from backend.conversations import policy as conversations
from backend.db import utc_now
from backend.decisions.service import Suggested
from backend.disclosure.models import SubjectKind
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import policy as case_policy
from backend.introductions import service as introductions
from backend.introductions.models import Introduction
from backend.introductions.service import Unsuitable
from backend.matching import service as matching
from backend.matching.index_sync import SearchEngine
from backend.matching.ranker import Grade, weights
from backend.meetings import calendar, policy
from backend.meetings.calendar import Entry, Method, Sender
from backend.meetings.models import (
    MOST_SLOTS,
    MOST_TABLES,
    PLACE_LENGTH,
    TITLE_LENGTH,
    DockingEvent,
    DockingTalk,
    WishSource,
)
from backend.meetings.scheduling import Wish, schedule
from backend.meetings.states import DOCKINGS, DockingAction, DockingStatus
from backend.needs import states as need_states
from backend.needs.models import Need
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer
from backend.transitions import transition
from backend.working_days import add_working_days, today

KIND = "docking"
MAIL = "meeting"
MOST_TALKS = 2000
AT_ONCE = 40
"""Needs for which matches are sought at once."""
CANDIDATES = 8
"""Companies that a need gets from its matches."""
UNRATED = 0.3
"""The weight of a talk that a broker has added and the ranker has not judged."""
ZH, EN = "对接会日程", "Your plan of a docking event"
OFF_ZH, OFF_EN = "对接会日程已取消", "Your talks at a docking event were cancelled"


class BadEvent(DomainError):
    """What the form of an event says does not make one."""

    status = 422
    zh = "请检查名称、地点、时间、场次、桌数和休息安排。"
    en = "Check title, place, time, slots, tables and breaks."


class OneSideOnly(Conflict):
    """An organisation sits at its own tables or visits others, not both: else nobody could be where the plan says."""

    status = 422
    zh = "一家单位在同一场对接会中只能作为需求方或能力方之一。"
    en = "An organisation takes part on one side of an event only."


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


@dataclass(frozen=True)
class Found:
    """A match that could be a talk."""

    need_id: str
    capability_id: str
    said: Suggested


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
        _record(session, Event.DOCKING_CREATE, viewer, event)
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
        _record(session, Event.DOCKING_EDIT, viewer, event)
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


def open_needs(session: Session, viewer: Viewer) -> Sequence[Need]:
    """The open needs of the regions in which the viewer acts as a broker, newest first."""
    query = select(Need).where(
        col(Need.region).in_(viewer.acting_jurisdictions), col(Need.status).in_(need_states.OPEN)
    )
    return session.exec(query.order_by(col(Need.published_at).desc()).limit(200)).all()


def suggested(
    session: Session, engine: SearchEngine, viewer: Viewer, need_ids: Collection[str], spend: Callable[[], None]
) -> list[Found]:
    """What the matches of these needs are: good ones, the best few of each. `spend` may raise TooManyAttempts."""
    known = {need.id for need in open_needs(session, viewer)}
    version = weights().version
    found: list[Found] = []
    for need_id in sorted(set(need_ids) & known)[:AT_ONCE]:
        _card, matches = matching.suggest(session, engine, viewer, SubjectKind.NEED, need_id, spend)
        good = [m for m in matches.matches if m.grade is not Grade.WEAK][:CANDIDATES]
        found += [
            Found(need_id, m.card.id, Suggested(version, position, m.grade.value, m.probability))
            for position, m in enumerate(good, 1)
        ]
    return found


def add_matches(session: Session, viewer: Viewer, event_id: str, found: Sequence[Found]) -> int:
    """Wish for talks that matches suggest; returns how many are new. What does not suit any more is passed over."""
    event = get(session, viewer, event_id, lock=True)
    added = 0
    for match in found:
        try:
            added += _add(session, viewer, event, match.need_id, match.capability_id, WishSource.MATCH, match.said)
        except (Unsuitable, OneSideOnly, NotFound, Forbidden):
            continue
    return added


def add(session: Session, viewer: Viewer, event_id: str, need_id: str, capability_id: str) -> bool:
    """Wish for a talk; False where it is wished for already.

    Raises NotFound, Forbidden, Conflict, Unsuitable or OneSideOnly.
    """
    event = get(session, viewer, event_id, lock=True)
    return _add(session, viewer, event, need_id, capability_id, WishSource.MANUAL, Suggested())


def _add(
    session: Session,
    viewer: Viewer,
    event: DockingEvent,
    need_id: str,
    capability_id: str,
    source: WishSource,
    said: Suggested,
) -> bool:
    if event.status is DockingStatus.CANCELLED:
        raise Conflict
    pair = introductions.pair_of(session, need_id, capability_id)
    sides = {pair.need.organisation_id, pair.organisation_id}
    case_policy.check_can_begin(viewer, {pair.need.region, pair.region}, sides)
    present = talks(session, event.id)
    if any((t.need_id, t.capability_id) == (need_id, capability_id) for t in present):
        return False
    if len(present) >= MOST_TALKS:
        raise Conflict
    seated = sides_of(session, present)
    if pair.need.organisation_id in seated[1] or pair.organisation_id in seated[0]:
        raise OneSideOnly
    session.add(
        DockingTalk(
            event_id=event.id,
            need_id=need_id,
            capability_id=capability_id,
            source=source,
            grade=said.grade,
            probability=said.probability,
            ranker=said.ranker,
            position=said.position,
        )
    )
    session.flush()
    return True


def sides_of(session: Session, rows: Sequence[DockingTalk]) -> tuple[set[str], set[str]]:
    """The organisations on the side of needs, and those on the other."""
    needs = select(Need.organisation_id).where(col(Need.id).in_({t.need_id for t in rows}))
    capabilities = select(Capability.organisation_id).where(col(Capability.id).in_({t.capability_id for t in rows}))
    return set(session.exec(needs).all()), set(session.exec(capabilities).all())


def remove(session: Session, viewer: Viewer, event_id: str, talk_id: str) -> None:
    """Take a wish back; twice changes nothing. Raises NotFound or Forbidden."""
    get(session, viewer, event_id, lock=True)
    session.exec(delete(DockingTalk).where(col(DockingTalk.id) == talk_id, col(DockingTalk.event_id) == event_id))


def plan(session: Session, viewer: Viewer, event_id: str) -> int:
    """Give the talks their slots and tables anew; returns how many have one. Raises NotFound, Forbidden or Conflict."""
    event = get(session, viewer, event_id, lock=True)
    if event.status is DockingStatus.CANCELLED:
        raise Conflict
    rows = talks(session, event_id)
    needs = {n.id: n for n in session.exec(select(Need).where(col(Need.id).in_({t.need_id for t in rows}))).all()}
    query = select(Capability.id, Capability.organisation_id)
    owners = dict(session.exec(query.where(col(Capability.id).in_({t.capability_id for t in rows}))).all())
    wishes = [
        Wish(
            t.id,
            # The people of a department are the same for all its needs.
            f"{needs[t.need_id].organisation_id}:{needs[t.need_id].department_id or ''}",
            owners[t.capability_id],
            t.probability if t.probability is not None else UNRATED,
        )
        for t in sorted(rows, key=lambda t: t.id)
    ]
    places = schedule(wishes, event.slots, event.tables)
    for talk in rows:
        place = places.get(talk.id)
        talk.slot, talk.table_number = (place.slot, place.table) if place else (None, None)
        session.add(talk)
    _record(session, Event.DOCKING_PLAN, viewer, event)
    session.flush()
    return len(places)


def publish(session: Session, viewer: Viewer, sender: Sender, event_id: str, seen: int) -> DockingEvent:
    """Send everybody their plan, or the changed one; `seen` is the version that the page showed, so that a form that
    is sent twice sends it once. Raises NotFound, Forbidden, or Conflict where nothing is planned.
    """
    event = get(session, viewer, event_id, lock=True)
    step = transition(DOCKINGS, event.status, DockingAction.PUBLISH)
    if seen != event.sequence:
        return event
    rows = talks(session, event_id)
    if not any(t.slot for t in rows):
        raise Conflict("还没有编排日程，请先编排。", "There is no plan yet.")
    is_again = event.status is DockingStatus.PUBLISHED
    event.status, event.sequence = DockingStatus(step.target), event.sequence + 1
    session.add(event)
    for organisation_id, own in by_organisation(session, rows).items():
        placed = [t for t in own if t.slot]
        if placed:
            _send(session, sender, event, organisation_id, placed, "REQUEST")
        elif is_again:
            _send(session, sender, event, organisation_id, (), "CANCEL")
    _record(session, Event.DOCKING_PUBLISH, viewer, event)
    return event


def cancel(session: Session, viewer: Viewer, sender: Sender, event_id: str) -> DockingEvent:
    """Cancel an event; whoever had a plan is told. Twice changes nothing. Raises NotFound or Forbidden."""
    event = get(session, viewer, event_id, lock=True)
    if event.status is DockingStatus.CANCELLED:
        return event
    step = transition(DOCKINGS, event.status, DockingAction.CANCEL)
    if event.status is DockingStatus.PUBLISHED:
        event.sequence += 1
        for organisation_id, own in by_organisation(session, talks(session, event_id)).items():
            if any(t.slot for t in own):
                _send(session, sender, event, organisation_id, (), "CANCEL")
    event.status = DockingStatus(step.target)
    session.add(event)
    _record(session, Event.DOCKING_CANCEL, viewer, event)
    return event


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


def _send(
    session: Session,
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
    path = f"/docking/{event.id}"
    minutes = int((ends - begins).total_seconds() // 60)
    entry = Entry(
        f"{event.id}-{organisation_id}", ZH, begins, minutes, event.place, path, event.sequence, "\n".join(lines)
    )
    zh, en = (ZH, EN) if method == "REQUEST" else (OFF_ZH, OFF_EN)
    users = recipients.writers_of(session, organisation_id)
    for user in users:
        words = {"zh": zh, "en": en, "when": calendar.spoken(begins), "where": event.place, "path": path}
        text = calendar.write(entry, sender, user.email, method)
        mailer.queue(session, MAIL, user.email, **words, calendar=text, method=method)
    tell(session, users, Notice.DOCKING_PUBLISHED, KIND, event.id, path=path)


def introduce(session: Session, viewer: Viewer, event_id: str, talk_id: str) -> Introduction:
    """Make an introduction of a talk; twice leads to the same one.

    Raises NotFound, Forbidden or Unsuitable.
    """
    event = get(session, viewer, event_id, lock=True)
    talk = session.get(DockingTalk, talk_id)
    if talk is None or talk.event_id != event_id:
        raise NotFound
    said = Suggested(talk.ranker, talk.position, talk.grade, talk.probability)
    message = f"双方在“{event.title}”上作过交流，现为双方引荐，以便继续洽谈。"
    row = introductions.propose(session, viewer, talk.need_id, talk.capability_id, message, said)
    talk.introduction_id = row.id
    session.add(talk)
    return row


def events_of(session: Session, viewer: Viewer) -> Sequence[DockingEvent]:
    """The events of the viewer's agencies, and those whose plan was sent to their organisations, newest first."""
    mine = viewer.verified_organisation_ids
    by_need = select(DockingTalk.event_id).join(Need, col(Need.id) == col(DockingTalk.need_id))
    by_need = by_need.where(col(Need.organisation_id).in_(mine), col(DockingTalk.slot).is_not(None))
    by_offer = select(DockingTalk.event_id).join(Capability, col(Capability.id) == col(DockingTalk.capability_id))
    by_offer = by_offer.where(col(Capability.organisation_id).in_(mine), col(DockingTalk.slot).is_not(None))
    is_guest = or_(col(DockingEvent.id).in_(by_need), col(DockingEvent.id).in_(by_offer))
    query = select(DockingEvent).where(
        or_(
            col(DockingEvent.organisation_id).in_(conversations.agencies(viewer)),
            (col(DockingEvent.sequence) > 0) & is_guest,
        )
    )
    return session.exec(query.order_by(col(DockingEvent.starts_at).desc()).limit(100)).all()


def follow(session: Session, now: datetime | None = None) -> int:
    """Remind everybody with a plan one working day before; returns of how many events."""
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
        for organisation_id, own in by_organisation(session, talks(session, event.id)).items():
            if any(t.slot for t in own):
                users = recipients.writers_of(session, organisation_id)
                tell(session, users, Notice.DOCKING_REMINDER, KIND, event.id, path=f"/docking/{event.id}")
        count += 1
    return count


def _record(session: Session, name: Event, viewer: Viewer, event: DockingEvent) -> None:
    events.record(session, name, KIND, event.id, actor_id=viewer.user_id, organisation=event.organisation_id)
