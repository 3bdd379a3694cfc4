"""Who organises a meeting, who answers, who arranges a docking event. Unknown means no."""

from backend.conversations import policy as conversations
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import policy as introductions
from backend.introductions.policy import CaseFacts
from backend.meetings.models import CaseMeeting, DockingEvent
from backend.organisations.policy import Viewer
from backend.transitions import Actor


def check_can_see(viewer: Viewer, case: CaseFacts, *, introduced: bool) -> None:
    """Raise NotFound for strangers, NotOpenYet for parties that have not come in: as for the conversation."""
    conversations.check_can_read(viewer, case, introduced=introduced)


def check_can_meet(viewer: Viewer, case: CaseFacts, *, is_open: bool) -> None:
    """Raise unless the viewer may propose meetings and answer to them: who writes in the conversation."""
    conversations.check_can_write(viewer, case, is_open=is_open)


def can_meet(viewer: Viewer, case: CaseFacts, *, is_open: bool) -> bool:
    """Whether the viewer may propose meetings and answer to them."""
    return conversations.can_write(viewer, case, is_open=is_open)


def roles(viewer: Viewer | None, case: CaseFacts, meeting: CaseMeeting) -> frozenset[Actor]:
    """In which roles the viewer acts on a meeting. None is the system."""
    if viewer is None:
        return frozenset({Actor.SYSTEM})
    found: set[Actor] = set()
    is_speaking = bool(introductions.roles(viewer, case))
    if is_speaking and meeting.organisation_id and viewer.may_write_for(meeting.organisation_id):
        found.add(Actor.AUTHOR)
    if introductions.can_broker(viewer, case):
        found.add(Actor.BROKER)
    return frozenset(found)


def check_can_arrange(viewer: Viewer, event: DockingEvent) -> None:
    """Raise NotFound for everybody but brokers of the agency, Forbidden for those of them who only read."""
    if event.organisation_id not in conversations.agencies(viewer):
        raise NotFound
    if not viewer.may_write_for(event.organisation_id):
        raise Forbidden


def can_arrange(viewer: Viewer, event: DockingEvent) -> bool:
    """Whether the viewer arranges the event."""
    try:
        check_can_arrange(viewer, event)
    except (NotFound, Forbidden, Conflict):
        return False
    return True
