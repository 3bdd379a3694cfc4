"""Three lives: of a call for responses, of a response, and of a review.

The date closes a call: before it nobody but the responder reads a response, and after it no response changes.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.notifications.models import Notice
from backend.transitions import Actor, Table, Transition


class CallStatus(StrEnum):
    """状态 of a call. `proposed` waits for the author, `closed` for the decision."""

    PROPOSED = "proposed"
    OPEN = "open"
    CLOSED = "closed"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class CallAction(StrEnum):
    """What can be done with a call."""

    OPEN = "open"
    DECLINE = "decline"
    TAKE_BACK = "take-back"
    CHANGE = "change"
    RESCHEDULE = "reschedule"
    CLOSE = "close"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    DECIDE = "decide"


class ResponseStatus(StrEnum):
    """状态 of a response. `lapsed` is one whose call ended without a decision."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    WITHDRAWN = "withdrawn"
    PICKED = "picked"
    NOT_PICKED = "not_picked"
    LAPSED = "lapsed"


class ResponseAction(StrEnum):
    """What can be done with a response."""

    SAVE = "save"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    PICK = "pick"
    REJECT = "reject"
    LAPSE = "lapse"


class ReviewStatus(StrEnum):
    """状态 of a review: one person over all responses of a call."""

    INVITED = "invited"
    ACCEPTED = "accepted"
    SUBMITTED = "submitted"
    REFUSED = "refused"
    REMOVED = "removed"


class ReviewAction(StrEnum):
    """What can be done with a review."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SCORE = "score"
    SUBMIT = "submit"
    REMOVE = "remove"


class RefusalReason(StrEnum):
    """Why a review is refused."""

    CONFLICT = "conflict"
    NOT_MY_FIELD = "not_my_field"
    TOO_MANY = "too_many"
    OTHER = "other"


C, CA = CallStatus, CallAction
R, RA = ResponseStatus, ResponseAction
V, VA = ReviewStatus, ReviewAction

LIVE = frozenset({C.PROPOSED, C.OPEN, C.CLOSED})
"""A need has one live call at a time."""
AWAITED = frozenset({V.INVITED, V.ACCEPTED})
"""Reviews that are still to come."""
AT_WORK = frozenset({V.INVITED, V.ACCEPTED, V.SUBMITTED})
IN = frozenset({R.SUBMITTED, R.PICKED, R.NOT_PICKED})
"""Responses that count: handed in and not taken back."""

AUTHOR, BROKER, SYSTEM = (Actor.AUTHOR,), (Actor.BROKER,), (Actor.SYSTEM,)
OVERSEERS = (Actor.AUTHOR, Actor.BROKER)
RESPONDER, REVIEWER = (Actor.RESPONDER,), (Actor.REVIEWER,)
_WITHDRAW = Transition(
    (Actor.AUTHOR, Actor.SYSTEM), C.WITHDRAWN, Event.CALL_WITHDRAW, Notice.CALL_WITHDRAWN, needs_note=True
)

CALLS: Table = {
    C.PROPOSED: {
        CA.CHANGE: Transition(OVERSEERS, C.PROPOSED, Event.CALL_CHANGE),
        CA.OPEN: Transition(AUTHOR, C.OPEN, Event.CALL_OPEN, Notice.CALL_OPENED),
        CA.DECLINE: Transition(AUTHOR, C.WITHDRAWN, Event.CALL_DECLINE, Notice.CALL_DECLINED),
        CA.TAKE_BACK: Transition(BROKER, C.WITHDRAWN, Event.CALL_TAKE_BACK),
        CA.EXPIRE: Transition(SYSTEM, C.EXPIRED, Event.CALL_EXPIRE, Notice.CALL_EXPIRED),
    },
    C.OPEN: {
        CA.CHANGE: Transition(AUTHOR, C.OPEN, Event.CALL_CHANGE),
        CA.RESCHEDULE: Transition(AUTHOR, C.OPEN, Event.CALL_RESCHEDULE, Notice.CALL_RESCHEDULED, needs_note=True),
        CA.CLOSE: Transition(SYSTEM, C.CLOSED, Event.CALL_CLOSE, Notice.CALL_CLOSED),
        CA.EXPIRE: Transition(SYSTEM, C.EXPIRED, Event.CALL_EXPIRE, Notice.CALL_EXPIRED),
        CA.WITHDRAW: _WITHDRAW,
    },
    C.CLOSED: {
        CA.DECIDE: Transition(AUTHOR, C.DECIDED, Event.CALL_DECIDE, Notice.CALL_DECIDED, needs_note=True),
        CA.WITHDRAW: _WITHDRAW,
    },
}

_SUBMIT = Transition(RESPONDER, R.SUBMITTED, Event.RESPONSE_SUBMIT, Notice.RESPONSE_SUBMITTED)
_WITHDRAWN = Transition((Actor.RESPONDER, Actor.SYSTEM), R.WITHDRAWN, Event.RESPONSE_WITHDRAW)
_SAVE = Transition(RESPONDER, R.DRAFT, Event.RESPONSE_SAVE)

RESPONSES: Table = {
    R.DRAFT: {RA.SAVE: _SAVE, RA.SUBMIT: _SUBMIT, RA.LAPSE: Transition(SYSTEM, R.LAPSED, Event.RESPONSE_LAPSE)},
    R.SUBMITTED: {
        RA.SUBMIT: Transition(RESPONDER, R.SUBMITTED, Event.RESPONSE_CHANGE),
        RA.WITHDRAW: _WITHDRAWN,
        RA.PICK: Transition(AUTHOR, R.PICKED, Event.RESPONSE_PICK, Notice.CALL_DECIDED),
        RA.REJECT: Transition(AUTHOR, R.NOT_PICKED, Event.RESPONSE_REJECT, Notice.CALL_DECIDED),
        RA.LAPSE: Transition(SYSTEM, R.LAPSED, Event.RESPONSE_LAPSE),
    },
    R.WITHDRAWN: {RA.SAVE: _SAVE, RA.SUBMIT: _SUBMIT},
}

_REFUSE = Transition(REVIEWER, V.REFUSED, Event.REVIEW_REFUSE, Notice.EXPERT_REFUSED)
_REMOVE = Transition((*OVERSEERS, Actor.SYSTEM), V.REMOVED, Event.REVIEW_REMOVE, Notice.EXPERT_REMOVED)

REVIEWS: Table = {
    V.INVITED: {
        VA.ACCEPT: Transition(REVIEWER, V.ACCEPTED, Event.REVIEW_ACCEPT, Notice.EXPERT_ACCEPTED),
        VA.REFUSE: _REFUSE,
        VA.REMOVE: _REMOVE,
    },
    V.ACCEPTED: {
        VA.SCORE: Transition(REVIEWER, V.ACCEPTED, Event.REVIEW_SCORE),
        VA.SUBMIT: Transition(REVIEWER, V.SUBMITTED, Event.REVIEW_SUBMIT, Notice.EXPERT_SUBMITTED),
        VA.REFUSE: _REFUSE,
        VA.REMOVE: _REMOVE,
    },
}
