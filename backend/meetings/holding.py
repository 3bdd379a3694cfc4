"""What came of a meeting: who was there, what was said and agreed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import Session, select

from backend.audit.events import Event
from backend.db import utc_now
from backend.errors import Conflict, NotFound
from backend.introductions import cases
from backend.introductions import service as introductions
from backend.introductions.cases import Case
from backend.introductions.states import IntroductionAction, IntroductionStatus
from backend.meetings.inviting import announce, note, record
from backend.meetings.models import MINUTES_LENGTH, NAMES_LENGTH, CaseMeeting, MeetingPresence
from backend.meetings.service import BadPlan, acting
from backend.meetings.states import MeetingAction
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer


class NotYet(Conflict):
    """The meeting has not begun."""

    zh = "会议尚未开始，开始后才能记录纪要。"
    en = "The meeting has not begun; minutes can be written afterwards."


@dataclass(frozen=True)
class Minutes:
    """What came of a meeting: who was there by organisation, what was said, what was agreed."""

    present: Mapping[str, str]
    minutes: str
    agreed: str = ""


def hold(session: Session, viewer: Viewer, introduction_id: str, meeting_id: str, held: Minutes) -> CaseMeeting:
    """Write down who came and what was agreed, or correct it; the first meeting held moves the case on.

    Raises NotFound, NotOpenYet, Forbidden, Conflict, NotYet or BadPlan.
    """
    case, meeting, event = acting(session, viewer, introduction_id, meeting_id, MeetingAction.HOLD)
    if meeting.starts_at is None or meeting.starts_at > utc_now():
        raise NotYet
    known = {p.organisation_id for p in cases.accepted(case.parties)} | {b.organisation_id for b in case.brokers}
    return write(session, viewer, case, meeting, event, held, known)


def write(
    session: Session,
    viewer: Viewer,
    case: Case,
    meeting: CaseMeeting,
    event: Event,
    held: Minutes,
    known: Collection[str],
) -> CaseMeeting:
    """Keep minutes; `known` are the organisations that can have been there. Raises BadPlan or NotFound.

    The caller has asked who may.
    """
    texts = (held.minutes, held.agreed)
    names_too_long = any(len(names) > NAMES_LENGTH for names in held.present.values())
    if not held.minutes.strip() or any(len(t) > MINUTES_LENGTH for t in texts) or names_too_long:
        raise BadPlan("请填写会议纪要，每项不超过 4000 字。", "Write the minutes, at most 4000 characters each.")
    if not set(held.present) <= set(known):
        raise NotFound
    is_first = meeting.held_at is None
    meeting.minutes, meeting.agreed = (text.strip() for text in texts)
    meeting.held_at = meeting.held_at or utc_now()
    former = select(MeetingPresence).where(MeetingPresence.meeting_id == meeting.id)
    for row in session.exec(former).all():
        session.delete(row)
    session.flush()
    for organisation_id, names in held.present.items():
        session.add(MeetingPresence(meeting_id=meeting.id, organisation_id=organisation_id, names=names))
    if is_first:
        note(session, viewer, case, meeting, event)
        announce(session, viewer, case, Notice.MEETING_CHANGED)
        if case.row.status is IntroductionStatus.INTRODUCED:
            introductions.act(session, viewer, case.row.id, IntroductionAction.MEET)
    else:
        record(session, viewer, meeting, event)
    session.flush()
    return meeting
