"""The life of an import: status → action → who may act, where it leads, which event is written.

The author is whoever sent the file. What the system does, it does in one transaction: an import has happened as a whole
or not at all.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.transitions import Actor, Table, Transition


class ImportStatus(StrEnum):
    """状态 of an import."""

    PREVIEW = "preview"
    WAITING = "waiting"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    DISCARDED = "discarded"


class ImportAction(StrEnum):
    """What can be done with an import."""

    CONFIRM = "confirm"
    DISCARD = "discard"
    FINISH = "finish"
    LOOK_AGAIN = "look-again"
    UNDO = "undo"
    GIVE_UP = "give-up"
    FINISH_UNDOING = "finish-undoing"


S, A = ImportStatus, ImportAction
AT_WORK = frozenset({S.WAITING, S.UNDOING})

AUTHOR, SYSTEM = (Actor.AUTHOR,), (Actor.SYSTEM,)

TABLE: Table = {
    S.PREVIEW: {
        A.CONFIRM: Transition(AUTHOR, S.WAITING, Event.IMPORT_CONFIRM),
        A.DISCARD: Transition(AUTHOR, S.DISCARDED, Event.IMPORT_DISCARD),
    },
    S.WAITING: {
        A.FINISH: Transition(SYSTEM, S.DONE, Event.IMPORT_FINISH),
        # What the rows meet has changed between the preview and now: it is looked at once more.
        A.LOOK_AGAIN: Transition(SYSTEM, S.PREVIEW, Event.IMPORT_LOOK_AGAIN),
    },
    S.DONE: {A.UNDO: Transition(AUTHOR, S.UNDOING, Event.IMPORT_UNDO)},
    S.UNDOING: {
        A.FINISH_UNDOING: Transition(SYSTEM, S.UNDONE, Event.IMPORT_UNDONE),
        A.GIVE_UP: Transition(SYSTEM, S.DONE, Event.IMPORT_GIVE_UP),
    },
}
