"""The life of a capability: status → action → who may act, where it leads, which event is written.

Review by a broker is not open yet: an author publishes directly, so no action leads to `submitted`.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.transitions import Actor, Table, Transition


class CapabilityStatus(StrEnum):
    """状态 of a capability."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    STALE = "stale"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"
    DISCARDED = "discarded"


class CapabilityAction(StrEnum):
    """What can be done with a capability besides editing its text."""

    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    DISCARD = "discard"
    RESTORE = "restore"


OPEN = frozenset({CapabilityStatus.PUBLISHED})
EDITABLE = frozenset({CapabilityStatus.DRAFT, CapabilityStatus.PUBLISHED, CapabilityStatus.WITHDRAWN})

TABLE: Table = {
    CapabilityStatus.DRAFT: {
        CapabilityAction.PUBLISH: Transition(Actor.AUTHOR, CapabilityStatus.PUBLISHED, Event.CAPABILITY_PUBLISH),
        CapabilityAction.DISCARD: Transition(Actor.AUTHOR, CapabilityStatus.DISCARDED, Event.CAPABILITY_DISCARD),
    },
    CapabilityStatus.PUBLISHED: {
        CapabilityAction.WITHDRAW: Transition(Actor.AUTHOR, CapabilityStatus.WITHDRAWN, Event.CAPABILITY_WITHDRAW),
    },
    CapabilityStatus.WITHDRAWN: {
        CapabilityAction.PUBLISH: Transition(Actor.AUTHOR, CapabilityStatus.PUBLISHED, Event.CAPABILITY_PUBLISH),
        CapabilityAction.DISCARD: Transition(Actor.AUTHOR, CapabilityStatus.DISCARDED, Event.CAPABILITY_DISCARD),
    },
    CapabilityStatus.DISCARDED: {
        CapabilityAction.RESTORE: Transition(Actor.AUTHOR, CapabilityStatus.DRAFT, Event.CAPABILITY_RESTORE),
    },
}
