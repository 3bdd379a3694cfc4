"""Meetings of a case: times proposed and answered, one fixed, changed, cancelled; what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from backend import mailer
from backend.audit import events
from backend.audit.events import Event
from backend.conversations import people
from backend.conversations.service import voice
from backend.db import utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import cases
from backend.introductions import policy as case_policy
from backend.introductions import service as introductions
from backend.introductions.cases import KIND, Case
from backend.introductions.models import Introduction
from backend.introductions.states import OPENED, IntroductionAction, IntroductionStatus
from backend.meetings import calendar, policy
from backend.meetings.calendar import Entry, Method, Sender
from backend.meetings.models import (
    LINK_LENGTH,
    MAX_TIMES,
    MINUTES_LENGTH,
    NAMES_LENGTH,
    NOTE_LENGTH,
    PLACE_LENGTH,
    CaseMeeting,
    Fit,
    MeetingAnswer,
    MeetingPresence,
    MeetingTime,
)
from backend.meetings.states import MEETINGS, MeetingAction, MeetingStatus
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer
from backend.transitions import Actor, actions, transition
from backend.working_days import add_working_days, today

MAIL = "meeting"
SUMMARY = "医桥引荐会议"
SHORTEST, LONGEST = 15, 480
WORDS = {
    Event.MEETING_FIX: ("会议时间已确定", "A meeting was fixed"),
    Event.MEETING_MOVE: ("会议有变更", "A meeting was changed"),
    Event.MEETING_CANCEL: ("会议已取消", "A meeting was cancelled"),
}


class BadPlan(DomainError):
    """Times, length, place or texts of a meeting are not as they have to be."""

    status = 422
    zh = "请填写 1 至 5 个将来的时间、15 至 480 分钟的时长，以及地点或会议链接。"
    en = "Give one to five future times, a length of 15 to 480 minutes, and a place or a link."


class NotYet(Conflict):
    """The meeting has not begun."""

    zh = "会议尚未开始，开始后才能记录纪要。"
    en = "The meeting has not begun; minutes can be written afterwards."


@dataclass(frozen=True)
class Plan:
    """Where and for how long, in minutes; `link` begins with https:// or http://."""

    length: int
    place: str = ""
    link: str = ""
    note: str = ""


@dataclass(frozen=True)
class Minutes:
    """What came of a meeting: who was there by organisation, what was said, what was agreed."""

    present: Mapping[str, str]
    minutes: str
    agreed: str = ""


def _check_plan(plan: Plan, starts: Sequence[datetime]) -> None:
    if not 1 <= len(set(starts)) <= MAX_TIMES or any(at <= utc_now() for at in starts):
        raise BadPlan
    too_long = len(plan.place) > PLACE_LENGTH or len(plan.link) > LINK_LENGTH or len(plan.note) > NOTE_LENGTH
    is_link = not plan.link or plan.link.startswith(("https://", "http://"))
    if too_long or not is_link or not (plan.place or plan.link) or not SHORTEST <= plan.length <= LONGEST:
        raise BadPlan


def propose(
    session: Session, viewer: Viewer, introduction_id: str, meeting_id: str, starts: Sequence[datetime], plan: Plan
) -> CaseMeeting:
    """Propose a meeting at some times; whoever proposes them can come. The same form sent twice makes one.

    Raises NotFound, NotOpenYet, Conflict, Forbidden or BadPlan.
    """
    case = cases.load(session, introduction_id, lock=True)
    policy.check_can_meet(viewer, case.facts, is_open=case.is_opened)
    known = session.get(CaseMeeting, meeting_id)
    if known is not None:
        if (known.introduction_id, known.created_by) != (introduction_id, viewer.user_id):
            raise NotFound
        return known
    _check_plan(plan, starts)
    meeting = CaseMeeting(
        id=meeting_id,
        introduction_id=introduction_id,
        organisation_id=voice(viewer, case),
        created_by=viewer.user_id,
        length=plan.length,
        place=plan.place,
        link=plan.link,
        note=plan.note,
    )
    session.add(meeting)
    session.flush()
    for at in sorted(set(starts)):
        session.add(MeetingTime(meeting_id=meeting_id, starts_at=at))
    session.flush()
    _answer(session, viewer, case, meeting, {time.id: Fit.YES for time in times(session, meeting_id)})
    _note(session, viewer, case, meeting, Event.MEETING_PROPOSE)
    _tell(session, viewer, case, Notice.MEETING_PROPOSED)
    return meeting


def load(
    session: Session, viewer: Viewer, introduction_id: str, meeting_id: str, *, lock: bool = False
) -> tuple[Case, CaseMeeting]:
    """A meeting that the viewer sees; raises NotFound or NotOpenYet."""
    case = cases.load(session, introduction_id, lock=lock)
    policy.check_can_see(viewer, case.facts, introduced=case.row.introduced_at is not None)
    meeting = session.get(CaseMeeting, meeting_id)
    if meeting is None or meeting.introduction_id != introduction_id:
        raise NotFound
    return case, meeting


def times(session: Session, meeting_id: str) -> Sequence[MeetingTime]:
    """The times that were proposed, in order."""
    query = select(MeetingTime).where(MeetingTime.meeting_id == meeting_id)
    return session.exec(query.order_by(col(MeetingTime.starts_at))).all()


def answer(
    session: Session, viewer: Viewer, introduction_id: str, meeting_id: str, fits: Mapping[str, Fit]
) -> CaseMeeting:
    """Say for one's organisation which times suit; a later answer replaces the one before.

    Raises NotFound, NotOpenYet, Forbidden, or Conflict where the time is fixed already.
    """
    case, meeting = load(session, viewer, introduction_id, meeting_id, lock=True)
    policy.check_can_meet(viewer, case.facts, is_open=case.is_opened)
    if meeting.status is not MeetingStatus.PROPOSED:
        raise Conflict
    _answer(session, viewer, case, meeting, fits)
    _record(session, viewer, meeting, Event.MEETING_ANSWER)
    _tell(session, viewer, case, Notice.MEETING_ANSWERED, only=meeting.created_by)
    return meeting


def _answer(session: Session, viewer: Viewer, case: Case, meeting: CaseMeeting, fits: Mapping[str, Fit]) -> None:
    organisation_id = voice(viewer, case)
    if organisation_id is None:
        raise Forbidden
    for time in times(session, meeting.id):
        if time.id not in fits:
            continue
        query = select(MeetingAnswer).where(
            MeetingAnswer.time_id == time.id, MeetingAnswer.organisation_id == organisation_id
        )
        row = session.exec(query).first() or MeetingAnswer(time_id=time.id, organisation_id=organisation_id, fit=Fit.NO)
        row.fit, row.user_id, row.at = fits[time.id], viewer.user_id, utc_now()
        session.add(row)
    session.flush()


def _acting(
    session: Session, viewer: Viewer | None, introduction_id: str, meeting_id: str, action: MeetingAction
) -> tuple[Case, CaseMeeting, Event]:
    """The meeting, its next status set, for who may act; raises NotFound, NotOpenYet, Forbidden or Conflict."""
    if viewer is None:
        case, meeting = cases.load(session, introduction_id, lock=True), session.get_one(CaseMeeting, meeting_id)
    else:
        case, meeting = load(session, viewer, introduction_id, meeting_id, lock=True)
        if not case.is_opened and action is not MeetingAction.CANCEL:
            raise Conflict
    held = policy.roles(viewer, case.facts, meeting)
    if not held:
        raise Forbidden
    step = transition(MEETINGS, meeting.status, action)
    if not held & set(step.who):
        raise Forbidden
    meeting.status = MeetingStatus(step.target)
    session.add(meeting)
    return case, meeting, Event(step.event)


def fix(
    session: Session, viewer: Viewer, sender: Sender, introduction_id: str, meeting_id: str, time_id: str
) -> CaseMeeting:
    """Fix one of the times; everybody gets it for their calendar. Fixing the same time twice changes nothing.

    Raises NotFound, NotOpenYet, Forbidden or Conflict.
    """
    _case, present = load(session, viewer, introduction_id, meeting_id, lock=True)
    chosen = next((t for t in times(session, meeting_id) if t.id == time_id), None)
    if chosen is None:
        raise NotFound
    if present.status is MeetingStatus.FIXED and present.starts_at == chosen.starts_at:
        return present
    case, meeting, event = _acting(session, viewer, introduction_id, meeting_id, MeetingAction.FIX)
    meeting.starts_at = chosen.starts_at
    _note(session, viewer, case, meeting, event)
    _invite(session, viewer, sender, case, meeting, event)
    return meeting


def move(
    session: Session,
    viewer: Viewer,
    sender: Sender,
    introduction_id: str,
    meeting_id: str,
    starts_at: datetime,
    plan: Plan,
) -> CaseMeeting:
    """Change time or place of a fixed meeting; calendars follow. What stays as it is changes nothing.

    Raises NotFound, NotOpenYet, Forbidden, Conflict or BadPlan.
    """
    case, meeting, event = _acting(session, viewer, introduction_id, meeting_id, MeetingAction.MOVE)
    _check_plan(plan, [starts_at])
    before = (meeting.starts_at, meeting.length, meeting.place, meeting.link, meeting.note)
    if before == (starts_at, plan.length, plan.place, plan.link, plan.note):
        return meeting
    meeting.starts_at, meeting.length, meeting.reminded_at = starts_at, plan.length, None
    meeting.place, meeting.link, meeting.note = plan.place, plan.link, plan.note
    meeting.sequence += 1
    _note(session, viewer, case, meeting, event)
    _invite(session, viewer, sender, case, meeting, event)
    return meeting


def cancel(
    session: Session, viewer: Viewer | None, sender: Sender, introduction_id: str, meeting_id: str
) -> CaseMeeting:
    """Cancel a meeting; what stood in calendars is taken out. Cancelling twice changes nothing.

    Raises NotFound, NotOpenYet, Forbidden or Conflict.
    """
    present = session.get(CaseMeeting, meeting_id)
    if viewer is not None:
        _case, present = load(session, viewer, introduction_id, meeting_id)
    if present is not None and present.status is MeetingStatus.CANCELLED:
        return present
    case, meeting, event = _acting(session, viewer, introduction_id, meeting_id, MeetingAction.CANCEL)
    _note(session, viewer, case, meeting, event)
    if meeting.starts_at is not None:
        meeting.sequence += 1
        _invite(session, viewer, sender, case, meeting, event, "CANCEL")
    else:
        _tell(session, viewer, case, Notice.MEETING_CHANGED)
    return meeting


def hold(session: Session, viewer: Viewer, introduction_id: str, meeting_id: str, held: Minutes) -> CaseMeeting:
    """Write down who came and what was agreed, or correct it; the first meeting held moves the case on.

    Raises NotFound, NotOpenYet, Forbidden, Conflict, NotYet or BadPlan.
    """
    case, meeting, event = _acting(session, viewer, introduction_id, meeting_id, MeetingAction.HOLD)
    if meeting.starts_at is None or meeting.starts_at > utc_now():
        raise NotYet
    texts = (held.minutes, held.agreed)
    known = {p.organisation_id for p in cases.accepted(case.parties)} | {b.organisation_id for b in case.brokers}
    names_too_long = any(len(names) > NAMES_LENGTH for names in held.present.values())
    if not held.minutes.strip() or any(len(t) > MINUTES_LENGTH for t in texts) or names_too_long:
        raise BadPlan("请填写会议纪要，每项不超过 4000 字。", "Write the minutes, at most 4000 characters each.")
    if not set(held.present) <= known:
        raise NotFound
    is_first = meeting.held_at is None
    meeting.minutes, meeting.agreed = (text.strip() for text in texts)
    meeting.held_at = meeting.held_at or utc_now()
    former = select(MeetingPresence).where(MeetingPresence.meeting_id == meeting_id)
    for row in session.exec(former).all():
        session.delete(row)
    session.flush()
    for organisation_id, names in held.present.items():
        session.add(MeetingPresence(meeting_id=meeting_id, organisation_id=organisation_id, names=names))
    if is_first:
        _note(session, viewer, case, meeting, event)
        _tell(session, viewer, case, Notice.MEETING_CHANGED)
        if case.row.status is IntroductionStatus.INTRODUCED:
            introductions.act(session, viewer, introduction_id, IntroductionAction.MEET)
    else:
        _record(session, viewer, meeting, event)
    session.flush()
    return meeting


def available(viewer: Viewer, case: Case, meeting: CaseMeeting) -> tuple[str, ...]:
    """The actions that the viewer may take now."""
    found = actions(MEETINGS, meeting.status, policy.roles(viewer, case.facts, meeting))
    has_begun = meeting.starts_at is not None and meeting.starts_at <= utc_now()
    kept = [a for a in found if a != MeetingAction.HOLD or has_begun]
    return tuple(kept) if case.is_opened else ()


def entry_of(meeting: CaseMeeting) -> Entry:
    """A fixed meeting as calendars know it."""
    assert meeting.starts_at is not None
    where = " ".join(part for part in (meeting.place, meeting.link) if part)
    path = f"{cases.path_of(meeting.introduction_id)}/meetings/{meeting.id}"
    return Entry(meeting.id, SUMMARY, meeting.starts_at, meeting.length, where, path, meeting.sequence)


def _invite(
    session: Session,
    viewer: Viewer | None,
    sender: Sender,
    case: Case,
    meeting: CaseMeeting,
    event: Event,
    method: Method = "REQUEST",
) -> None:
    """Send everybody in the case, the organiser as well, what their calendar needs."""
    entry = entry_of(meeting)
    zh, en = WORDS[event]
    for person in people.of_case(session, case):
        text = calendar.write(entry, sender, person.user.email, method)
        words = {"zh": zh, "en": en, "when": calendar.spoken(entry.starts_at), "where": entry.where, "path": entry.path}
        mailer.queue(session, MAIL, person.user.email, **words, calendar=text, method=method)
    _tell(session, viewer, case, Notice.MEETING_CHANGED)


def _tell(session: Session, viewer: Viewer | None, case: Case, notice: Notice, only: str | None = None) -> None:
    users = [p.user for p in people.of_case(session, case) if only is None or p.user.id == only]
    path = f"{cases.path_of(case.row.id)}/meetings"
    actor_id = viewer.user_id if viewer else None
    tell(session, users, notice, KIND, case.row.id, path=path, actor_id=actor_id)


def _note(session: Session, viewer: Viewer | None, case: Case, meeting: CaseMeeting, event: Event) -> None:
    actor = Actor.SYSTEM
    if viewer is not None:
        party = case.party_of(viewer)
        actor = case_policy.ACTORS[party.side] if party else Actor.BROKER
    organisation_id = voice(viewer, case) if viewer else None
    text = calendar.spoken(meeting.starts_at) if meeting.starts_at else ""
    cases.note(session, case, event, actor, viewer, organisation_id=organisation_id, text=text, meeting=meeting.id)
    session.flush()


def _record(session: Session, viewer: Viewer, meeting: CaseMeeting, event: Event) -> None:
    events.record(session, event, KIND, meeting.introduction_id, actor_id=viewer.user_id, meeting=meeting.id)


def of_case(session: Session, introduction_id: str) -> Sequence[CaseMeeting]:
    """The meetings of a case, newest first."""
    query = select(CaseMeeting).where(CaseMeeting.introduction_id == introduction_id)
    return session.exec(query.order_by(col(CaseMeeting.created_at).desc())).all()


def upcoming(session: Session, viewer: Viewer, days: int = 7) -> Sequence[CaseMeeting]:
    """Fixed meetings of the coming days in cases of the viewer, the next one first: for the desk."""
    now = utc_now()
    query = (
        select(CaseMeeting)
        .join(Introduction, col(Introduction.id) == col(CaseMeeting.introduction_id))
        .where(
            CaseMeeting.status == MeetingStatus.FIXED,
            col(CaseMeeting.starts_at) >= now,
            col(CaseMeeting.starts_at) < now + timedelta(days=days),
            case_policy.visible_to(viewer),
        )
    )
    return session.exec(query.order_by(col(CaseMeeting.starts_at))).all()


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
            _tell(session, None, cases.of(session, row), Notice.MEETING_REMINDER)
            reminded += 1
    session.flush()
    return reminded, cancelled


def _is_near(starts_at: datetime | None, now: datetime) -> bool:
    """Whether a moment to come lies no later than on the next working day."""
    return starts_at is not None and starts_at > now and today(starts_at) <= add_working_days(today(now), 1)
