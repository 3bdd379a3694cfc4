"""The life of a need: status → action → who may act, where it leads, which event is written.

Review by a broker is not open yet: an author publishes directly, so no action leads to `submitted` or `returned`.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.transitions import Actor, Table, Transition


class NeedStatus(StrEnum):
    """状态 of a need."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    PUBLISHED = "published"
    MATCHED = "matched"
    FULFILLED = "fulfilled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CLOSED = "closed"
    DISCARDED = "discarded"


class NeedAction(StrEnum):
    """What can be done with a need besides editing its text."""

    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    DISCARD = "discard"
    RESTORE = "restore"


OPEN = frozenset({NeedStatus.PUBLISHED, NeedStatus.MATCHED})
EDITABLE = frozenset({NeedStatus.DRAFT, NeedStatus.PUBLISHED, NeedStatus.WITHDRAWN})

TABLE: Table = {
    NeedStatus.DRAFT: {
        NeedAction.PUBLISH: Transition(Actor.AUTHOR, NeedStatus.PUBLISHED, Event.NEED_PUBLISH),
        NeedAction.DISCARD: Transition(Actor.AUTHOR, NeedStatus.DISCARDED, Event.NEED_DISCARD),
    },
    NeedStatus.PUBLISHED: {
        NeedAction.WITHDRAW: Transition(Actor.AUTHOR, NeedStatus.WITHDRAWN, Event.NEED_WITHDRAW),
    },
    NeedStatus.WITHDRAWN: {
        NeedAction.PUBLISH: Transition(Actor.AUTHOR, NeedStatus.PUBLISHED, Event.NEED_PUBLISH),
        NeedAction.DISCARD: Transition(Actor.AUTHOR, NeedStatus.DISCARDED, Event.NEED_DISCARD),
    },
    NeedStatus.DISCARDED: {
        NeedAction.RESTORE: Transition(Actor.AUTHOR, NeedStatus.DRAFT, Event.NEED_RESTORE),
    },
}
