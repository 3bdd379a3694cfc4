"""What is said of meetings: invitations for calendars, notifications, lines of the case and of the audit trail."""

from sqlmodel import Session

from backend import mailer
from backend.audit import events
from backend.audit.events import Event
from backend.conversations import people
from backend.conversations.service import voice
from backend.introductions import cases
from backend.introductions import policy as case_policy
from backend.introductions.cases import KIND, Case
from backend.meetings import calendar
from backend.meetings.calendar import Entry, Method, Sender
from backend.meetings.models import CaseMeeting
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer
from backend.transitions import Actor

MAIL = "meeting"
SUMMARY = "医桥引荐会议"
WORDS = {
    Event.MEETING_FIX: ("会议时间已确定", "A meeting was fixed"),
    Event.MEETING_MOVE: ("会议有变更", "A meeting was changed"),
    Event.MEETING_CANCEL: ("会议已取消", "A meeting was cancelled"),
}


def entry_of(meeting: CaseMeeting) -> Entry:
    """A fixed meeting as calendars know it."""
    assert meeting.starts_at is not None
    where = " ".join(part for part in (meeting.place, meeting.link) if part)
    path = f"{cases.path_of(meeting.introduction_id)}/meetings/{meeting.id}"
    return Entry(meeting.id, SUMMARY, meeting.starts_at, meeting.length, where, path, meeting.sequence)


def invite(
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
    announce(session, viewer, case, Notice.MEETING_CHANGED)


def announce(session: Session, viewer: Viewer | None, case: Case, notice: Notice, only: str | None = None) -> None:
    users = [p.user for p in people.of_case(session, case) if only is None or p.user.id == only]
    path = f"{cases.path_of(case.row.id)}/meetings"
    actor_id = viewer.user_id if viewer else None
    tell(session, users, notice, KIND, case.row.id, path=path, actor_id=actor_id)


def note(session: Session, viewer: Viewer | None, case: Case, meeting: CaseMeeting, event: Event) -> None:
    actor = Actor.SYSTEM
    if viewer is not None:
        party = case.party_of(viewer)
        actor = case_policy.ACTORS[party.side] if party else Actor.BROKER
    organisation_id = voice(viewer, case) if viewer else None
    text = calendar.spoken(meeting.starts_at) if meeting.starts_at else ""
    cases.note(session, case, event, actor, viewer, organisation_id=organisation_id, text=text, meeting=meeting.id)
    session.flush()


def record(session: Session, viewer: Viewer, meeting: CaseMeeting, event: Event) -> None:
    events.record(session, event, KIND, meeting.introduction_id, actor_id=viewer.user_id, meeting=meeting.id)
