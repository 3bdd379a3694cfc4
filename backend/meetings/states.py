"""The life of a meeting and of a docking event: status → action → who may act, where it leads, which event is written.

The author is whoever organises: a writing member of the organisation that proposed the meeting.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.transitions import Actor, Table, Transition


class MeetingStatus(StrEnum):
    """状态 of a meeting."""

    PROPOSED = "proposed"
    FIXED = "fixed"
    HELD = "held"
    CANCELLED = "cancelled"


class MeetingAction(StrEnum):
    """What can be done with a meeting."""

    FIX = "fix"
    MOVE = "move"
    HOLD = "hold"
    CANCEL = "cancel"


class DockingStatus(StrEnum):
    """状态 of a docking event."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


class DockingAction(StrEnum):
    """What can be done with a docking event."""

    PUBLISH = "publish"
    CANCEL = "cancel"


S, A = MeetingStatus, MeetingAction
D = DockingStatus
ORGANISERS = (Actor.AUTHOR, Actor.BROKER)
ANYBODY = (*ORGANISERS, Actor.SYSTEM)

MEETINGS: Table = {
    S.PROPOSED: {
        A.FIX: Transition(ORGANISERS, S.FIXED, Event.MEETING_FIX),
        A.CANCEL: Transition(ANYBODY, S.CANCELLED, Event.MEETING_CANCEL),
    },
    S.FIXED: {
        A.MOVE: Transition(ORGANISERS, S.FIXED, Event.MEETING_MOVE),
        A.HOLD: Transition(ORGANISERS, S.HELD, Event.MEETING_HOLD),
        A.CANCEL: Transition(ANYBODY, S.CANCELLED, Event.MEETING_CANCEL),
    },
    S.HELD: {A.HOLD: Transition(ORGANISERS, S.HELD, Event.MEETING_HOLD)},
}
DOCKINGS: Table = {
    D.DRAFT: {
        DockingAction.PUBLISH: Transition((Actor.BROKER,), D.PUBLISHED, Event.DOCKING_PUBLISH),
        DockingAction.CANCEL: Transition((Actor.BROKER,), D.CANCELLED, Event.DOCKING_CANCEL),
    },
    D.PUBLISHED: {
        DockingAction.PUBLISH: Transition((Actor.BROKER,), D.PUBLISHED, Event.DOCKING_PUBLISH),
        DockingAction.CANCEL: Transition((Actor.BROKER,), D.CANCELLED, Event.DOCKING_CANCEL),
    },
}
