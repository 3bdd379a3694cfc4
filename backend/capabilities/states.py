"""The life of a capability: status → action → who may act, where it leads, which event is written and who is told.

What an author submits is reviewed by a broker of its region before others can find it. A year after its author last
confirmed it, it is shown to others no more until it is confirmed again.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.notifications.models import Notice
from backend.transitions import Actor, Table, Transition


class CapabilityStatus(StrEnum):
    """状态 of a capability."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    PUBLISHED = "published"
    STALE = "stale"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    DISCARDED = "discarded"


class CapabilityAction(StrEnum):
    """What can be done with a capability besides editing its text."""

    SUBMIT = "submit"
    TAKE_BACK = "take-back"
    PUBLISH = "publish"
    RETURN = "return"
    REJECT = "reject"
    CONFIRM = "confirm"
    EXPIRE = "expire"
    ARCHIVE = "archive"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    DISCARD = "discard"
    RESTORE = "restore"


OPEN = frozenset({CapabilityStatus.PUBLISHED})
SUBMITTED = frozenset({CapabilityStatus.SUBMITTED})
EDITABLE = frozenset(
    {CapabilityStatus.DRAFT, CapabilityStatus.RETURNED, CapabilityStatus.PUBLISHED, CapabilityStatus.WITHDRAWN}
)

AUTHOR = (Actor.AUTHOR,)
BROKER = (Actor.BROKER,)
SYSTEM = (Actor.SYSTEM,)
_SUBMIT = Transition(AUTHOR, CapabilityStatus.SUBMITTED, Event.CAPABILITY_SUBMIT, Notice.REVIEW_WAITING)
_DISCARD = Transition(AUTHOR, CapabilityStatus.DISCARDED, Event.CAPABILITY_DISCARD)
_RESTORE = Transition(AUTHOR, CapabilityStatus.DRAFT, Event.CAPABILITY_RESTORE)
_CONFIRM = Transition(AUTHOR, CapabilityStatus.PUBLISHED, Event.CAPABILITY_CONFIRM)

TABLE: Table = {
    CapabilityStatus.DRAFT: {CapabilityAction.SUBMIT: _SUBMIT, CapabilityAction.DISCARD: _DISCARD},
    CapabilityStatus.SUBMITTED: {
        # The system publishes what the only broker of a region writes for the agency itself.
        CapabilityAction.PUBLISH: Transition(
            (Actor.BROKER, Actor.SYSTEM), CapabilityStatus.PUBLISHED, Event.CAPABILITY_PUBLISH, Notice.PUBLISHED
        ),
        CapabilityAction.RETURN: Transition(
            BROKER, CapabilityStatus.RETURNED, Event.CAPABILITY_RETURN, Notice.RETURNED, needs_note=True
        ),
        CapabilityAction.REJECT: Transition(
            BROKER, CapabilityStatus.CLOSED, Event.CAPABILITY_REJECT, Notice.REJECTED, needs_note=True
        ),
        CapabilityAction.TAKE_BACK: Transition(AUTHOR, CapabilityStatus.DRAFT, Event.CAPABILITY_TAKE_BACK),
    },
    CapabilityStatus.RETURNED: {CapabilityAction.SUBMIT: _SUBMIT, CapabilityAction.DISCARD: _DISCARD},
    CapabilityStatus.PUBLISHED: {
        CapabilityAction.CONFIRM: _CONFIRM,
        CapabilityAction.EXPIRE: Transition(SYSTEM, CapabilityStatus.STALE, Event.CAPABILITY_EXPIRE, Notice.EXPIRED),
        CapabilityAction.WITHDRAW: Transition(AUTHOR, CapabilityStatus.WITHDRAWN, Event.CAPABILITY_WITHDRAW),
        CapabilityAction.CLOSE: Transition(
            BROKER, CapabilityStatus.CLOSED, Event.CAPABILITY_CLOSE, Notice.CLOSED, needs_note=True
        ),
    },
    # It cannot be edited, so the text that is confirmed is the one that was reviewed.
    CapabilityStatus.STALE: {
        CapabilityAction.CONFIRM: _CONFIRM,
        CapabilityAction.ARCHIVE: Transition(AUTHOR, CapabilityStatus.ARCHIVED, Event.CAPABILITY_ARCHIVE),
    },
    CapabilityStatus.ARCHIVED: {CapabilityAction.RESTORE: _RESTORE, CapabilityAction.DISCARD: _DISCARD},
    CapabilityStatus.WITHDRAWN: {CapabilityAction.SUBMIT: _SUBMIT, CapabilityAction.DISCARD: _DISCARD},
    CapabilityStatus.CLOSED: {CapabilityAction.RESTORE: _RESTORE, CapabilityAction.DISCARD: _DISCARD},
    CapabilityStatus.DISCARDED: {CapabilityAction.RESTORE: _RESTORE},
}
