"""Meetings of a case: times proposed and answered, one fixed, changed, cancelled; what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from backend.audit.events import Event
from backend.conversations.service import voice
from backend.db import utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import cases
from backend.introductions import policy as case_policy
from backend.introductions.cases import Case
from backend.introductions.models import Introduction
from backend.meetings import policy
from backend.meetings.calendar import Sender
from backend.meetings.inviting import announce, invite, note, record
from backend.meetings.models import (
    LINK_LENGTH,
    MAX_TIMES,
    NOTE_LENGTH,
    PLACE_LENGTH,
    CaseMeeting,
    Fit,
    MeetingAnswer,
    MeetingTime,
)
from backend.meetings.states import MEETINGS, MeetingAction, MeetingStatus
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer
from backend.transitions import actions, transition

SHORTEST, LONGEST = 15, 480


class BadPlan(DomainError):
    """Times, length, place or texts of a meeting are not as they have to be."""

    status = 422
    zh = "请填写 1 至 5 个将来的时间、15 至 480 分钟的时长，以及地点或会议链接。"
    en = "Give one to five future times, a length of 15 to 480 minutes, and a place or a link."


@dataclass(frozen=True)
class Plan:
    """Where and for how long, in minutes; `link` begins with https:// or http://."""

    length: int
    place: str = ""
    link: str = ""
    note: str = ""


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
    note(session, viewer, case, meeting, Event.MEETING_PROPOSE)
    announce(session, viewer, case, Notice.MEETING_PROPOSED)
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
    record(session, viewer, meeting, Event.MEETING_ANSWER)
    announce(session, viewer, case, Notice.MEETING_ANSWERED, only=meeting.created_by)
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


def acting(
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
    case, meeting, event = acting(session, viewer, introduction_id, meeting_id, MeetingAction.FIX)
    meeting.starts_at = chosen.starts_at
    note(session, viewer, case, meeting, event)
    invite(session, viewer, sender, case, meeting, event)
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
    case, meeting, event = acting(session, viewer, introduction_id, meeting_id, MeetingAction.MOVE)
    _check_plan(plan, [starts_at])
    before = (meeting.starts_at, meeting.length, meeting.place, meeting.link, meeting.note)
    if before == (starts_at, plan.length, plan.place, plan.link, plan.note):
        return meeting
    meeting.starts_at, meeting.length, meeting.reminded_at = starts_at, plan.length, None
    meeting.place, meeting.link, meeting.note = plan.place, plan.link, plan.note
    meeting.sequence += 1
    note(session, viewer, case, meeting, event)
    invite(session, viewer, sender, case, meeting, event)
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
    case, meeting, event = acting(session, viewer, introduction_id, meeting_id, MeetingAction.CANCEL)
    note(session, viewer, case, meeting, event)
    if meeting.starts_at is not None:
        meeting.sequence += 1
        invite(session, viewer, sender, case, meeting, event, "CANCEL")
    else:
        announce(session, viewer, case, Notice.MEETING_CHANGED)
    return meeting


def available(viewer: Viewer, case: Case, meeting: CaseMeeting) -> tuple[str, ...]:
    """The actions that the viewer may take now."""
    found = actions(MEETINGS, meeting.status, policy.roles(viewer, case.facts, meeting))
    has_begun = meeting.starts_at is not None and meeting.starts_at <= utc_now()
    kept = [a for a in found if a != MeetingAction.HOLD or has_begun]
    return tuple(kept) if case.is_opened else ()


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
