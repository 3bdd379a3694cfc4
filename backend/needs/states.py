"""The life of a need: status → action → who may act, where it leads, which event is written and who is told.

What an author submits is reviewed by a broker of its region before others can find it. A text that was closed or
withdrawn becomes a draft again before it can come back, and is reviewed again.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.notifications.models import Notice
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

    SUBMIT = "submit"
    TAKE_BACK = "take-back"
    PUBLISH = "publish"
    RETURN = "return"
    REJECT = "reject"
    EXTEND = "extend"
    EXPIRE = "expire"
    MATCH = "match"
    FULFIL = "fulfil"
    CLOSE = "close"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    DISCARD = "discard"
    RESTORE = "restore"


OPEN = frozenset({NeedStatus.PUBLISHED, NeedStatus.MATCHED})
SUBMITTED = frozenset({NeedStatus.SUBMITTED})
EDITABLE = frozenset(
    {NeedStatus.DRAFT, NeedStatus.RETURNED, NeedStatus.PUBLISHED, NeedStatus.MATCHED, NeedStatus.WITHDRAWN}
)

AUTHOR = (Actor.AUTHOR,)
BROKER = (Actor.BROKER,)
SYSTEM = (Actor.SYSTEM,)
_SUBMIT = Transition(AUTHOR, NeedStatus.SUBMITTED, Event.NEED_SUBMIT, Notice.REVIEW_WAITING)
_WITHDRAW = Transition(AUTHOR, NeedStatus.WITHDRAWN, Event.NEED_WITHDRAW)
_DISCARD = Transition(AUTHOR, NeedStatus.DISCARDED, Event.NEED_DISCARD)
_RESTORE = Transition(AUTHOR, NeedStatus.DRAFT, Event.NEED_RESTORE)
_FULFIL = Transition(
    (Actor.AUTHOR, Actor.BROKER), NeedStatus.FULFILLED, Event.NEED_FULFIL, Notice.FULFILLED, needs_note=True
)
_CLOSE = Transition(BROKER, NeedStatus.CLOSED, Event.NEED_CLOSE, Notice.CLOSED, needs_note=True)

TABLE: Table = {
    NeedStatus.DRAFT: {NeedAction.SUBMIT: _SUBMIT, NeedAction.DISCARD: _DISCARD},
    NeedStatus.SUBMITTED: {
        # The system publishes what the only broker of a region writes for the agency itself.
        NeedAction.PUBLISH: Transition(
            (Actor.BROKER, Actor.SYSTEM), NeedStatus.PUBLISHED, Event.NEED_PUBLISH, Notice.PUBLISHED
        ),
        NeedAction.RETURN: Transition(BROKER, NeedStatus.RETURNED, Event.NEED_RETURN, Notice.RETURNED, needs_note=True),
        NeedAction.REJECT: Transition(BROKER, NeedStatus.CLOSED, Event.NEED_REJECT, Notice.REJECTED, needs_note=True),
        NeedAction.TAKE_BACK: Transition(AUTHOR, NeedStatus.DRAFT, Event.NEED_TAKE_BACK),
    },
    NeedStatus.RETURNED: {NeedAction.SUBMIT: _SUBMIT, NeedAction.DISCARD: _DISCARD},
    NeedStatus.PUBLISHED: {
        NeedAction.EXTEND: Transition(AUTHOR, NeedStatus.PUBLISHED, Event.NEED_EXTEND),
        NeedAction.EXPIRE: Transition(SYSTEM, NeedStatus.EXPIRED, Event.NEED_EXPIRE, Notice.EXPIRED),
        NeedAction.MATCH: Transition(
            (Actor.BROKER, Actor.SYSTEM), NeedStatus.MATCHED, Event.NEED_MATCH, Notice.MATCHED
        ),
        NeedAction.FULFIL: _FULFIL,
        NeedAction.WITHDRAW: _WITHDRAW,
        NeedAction.CLOSE: _CLOSE,
    },
    NeedStatus.MATCHED: {
        NeedAction.REOPEN: Transition((Actor.BROKER, Actor.SYSTEM), NeedStatus.PUBLISHED, Event.NEED_REOPEN),
        NeedAction.FULFIL: _FULFIL,
        NeedAction.WITHDRAW: _WITHDRAW,
        NeedAction.CLOSE: _CLOSE,
    },
    # Neither can be edited, so the text is still the one that was reviewed.
    NeedStatus.FULFILLED: {NeedAction.REOPEN: Transition(AUTHOR, NeedStatus.PUBLISHED, Event.NEED_REOPEN)},
    NeedStatus.EXPIRED: {
        NeedAction.EXTEND: Transition(AUTHOR, NeedStatus.PUBLISHED, Event.NEED_EXTEND),
        NeedAction.DISCARD: _DISCARD,
    },
    NeedStatus.WITHDRAWN: {NeedAction.SUBMIT: _SUBMIT, NeedAction.DISCARD: _DISCARD},
    NeedStatus.CLOSED: {NeedAction.RESTORE: _RESTORE, NeedAction.DISCARD: _DISCARD},
    NeedStatus.DISCARDED: {NeedAction.RESTORE: _RESTORE},
}
