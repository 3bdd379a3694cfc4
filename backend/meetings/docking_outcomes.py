"""What comes of talks at a docking event: introductions, and the minutes of a table as the first meeting of a case."""

from sqlmodel import Session

from backend.audit.events import Event
from backend.db import utc_now
from backend.decisions.service import Suggested
from backend.errors import NotFound
from backend.introductions import cases
from backend.introductions import service as introductions
from backend.introductions.models import Introduction
from backend.meetings import holding
from backend.meetings.docking import get, start_of
from backend.meetings.holding import Minutes, NotYet
from backend.meetings.models import CaseMeeting, DockingEvent, DockingTalk
from backend.meetings.states import MeetingStatus
from backend.organisations.policy import Viewer

AFTER = "双方在“{title}”上作过交流，现为双方引荐，以便继续洽谈。"
BEFORE = "双方将在“{title}”上交流，现为双方引荐。"


def talk_of(
    session: Session, viewer: Viewer, event_id: str, talk_id: str, *, lock: bool = False
) -> tuple[DockingEvent, DockingTalk]:
    """A talk of an event that the viewer arranges; raises NotFound or Forbidden."""
    event = get(session, viewer, event_id, lock=lock)
    talk = session.get(DockingTalk, talk_id)
    if talk is None or talk.event_id != event_id:
        raise NotFound
    return event, talk


def has_begun(event: DockingEvent, talk: DockingTalk) -> bool:
    """Whether the talk has a place in the plan and its time has come."""
    return talk.slot is not None and start_of(event, talk.slot) <= utc_now()


def introduce(session: Session, viewer: Viewer, event_id: str, talk_id: str) -> Introduction:
    """Make an introduction of a talk; twice leads to the same one.

    Raises NotFound, Forbidden or Unsuitable.
    """
    event, talk = talk_of(session, viewer, event_id, talk_id, lock=True)
    said = Suggested(talk.ranker, talk.position, talk.grade, talk.probability)
    message = (AFTER if has_begun(event, talk) else BEFORE).format(title=event.title)
    row = introductions.propose(session, viewer, talk.need_id, talk.capability_id, message, said)
    talk.introduction_id = row.id
    session.add(talk)
    return row


def minutes_of(session: Session, talk_id: str) -> CaseMeeting | None:
    """The minutes of a talk, if there are any: a meeting that bears its id."""
    return session.get(CaseMeeting, talk_id)


def conclude(session: Session, viewer: Viewer, event_id: str, talk_id: str, held: Minutes) -> Introduction:
    """Write down what came of a talk and introduce the two; the minutes are the first meeting of the case.

    Sent again it corrects the minutes. Raises NotFound, Forbidden, NotYet, BadPlan or Unsuitable.
    """
    event, talk = talk_of(session, viewer, event_id, talk_id, lock=True)
    if not has_begun(event, talk):
        raise NotYet
    assert talk.slot is not None
    row = introductions.propose(
        session,
        viewer,
        talk.need_id,
        talk.capability_id,
        AFTER.format(title=event.title),
        Suggested(talk.ranker, talk.position, talk.grade, talk.probability),
    )
    talk.introduction_id = row.id
    session.add(talk)
    meeting = minutes_of(session, talk_id)
    if meeting is None:
        meeting = CaseMeeting(
            id=talk_id,
            introduction_id=row.id,
            organisation_id=event.organisation_id,
            created_by=viewer.user_id,
            status=MeetingStatus.HELD,
            starts_at=start_of(event, talk.slot),
            length=event.slot_minutes,
            place=f"{event.place} 第 {talk.table_number} 桌",
        )
        session.add(meeting)
        session.flush()
    case = cases.load(session, meeting.introduction_id, lock=True)
    known = {party.organisation_id for party in case.parties}
    holding.write(session, viewer, case, meeting, Event.MEETING_HOLD, held, known)
    return row
