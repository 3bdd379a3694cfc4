"""The life of an introduction: status → action → who may act, where it leads, which event is written, who is told.

Both sides opt in. What one of them asked for begins as `suggested`; the other side learns of it when a broker proposes.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.notifications.models import Notice
from backend.transitions import Actor, Table, Transition


class IntroductionStatus(StrEnum):
    """状态 of an introduction."""

    SUGGESTED = "suggested"
    PROPOSED = "proposed"
    ACCEPTED_BY_NEED = "accepted_by_need"
    ACCEPTED_BY_CAPABILITY = "accepted_by_capability"
    INTRODUCED = "introduced"
    MEETING = "meeting"
    AGREED = "agreed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class IntroductionAction(StrEnum):
    """What can be done with an introduction."""

    PROPOSE = "propose"
    ACCEPT_FOR_NEED = "accept-for-need"
    ACCEPT_FOR_CAPABILITY = "accept-for-capability"
    MEET = "meet"
    AGREE = "agree"
    DECLINE = "decline"
    TURN_DOWN = "turn-down"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


class DeclineReason(StrEnum):
    """婉拒理由: the fixed list; it feeds the ranker and the year's report."""

    NOT_OUR_FIELD = "not_our_field"
    ALREADY_SOLVED = "already_solved"
    STAGE_TOO_EARLY = "stage_too_early"
    CAPACITY = "capacity"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    TERMS = "terms"
    REGION = "region"
    OTHER = "other"


S, A = IntroductionStatus, IntroductionAction

WAITING = frozenset({S.PROPOSED, S.ACCEPTED_BY_NEED, S.ACCEPTED_BY_CAPABILITY})
"""Somebody's answer is awaited: the response clock runs."""
OPENED = frozenset({S.INTRODUCED, S.MEETING, S.AGREED})
"""Both sides have accepted: briefs and contacts are open to each other."""
OPEN = frozenset({S.SUGGESTED}) | WAITING | OPENED
CLOSED = frozenset({S.DECLINED, S.WITHDRAWN, S.EXPIRED})

NEED_SIDE, CAPABILITY_SIDE = Actor.NEED_SIDE, Actor.CAPABILITY_SIDE
SIDES = (NEED_SIDE, CAPABILITY_SIDE)
BROKER = (Actor.BROKER,)
EVERYBODY = (Actor.BROKER, *SIDES)

_DECLINE = Transition(SIDES, S.DECLINED, Event.INTRODUCTION_DECLINE, Notice.INTRODUCTION_DECLINED)
_WITHDRAW = Transition(
    (Actor.BROKER, Actor.SYSTEM), S.WITHDRAWN, Event.INTRODUCTION_WITHDRAW, Notice.INTRODUCTION_WITHDRAWN, True
)
_EXPIRE = Transition((Actor.SYSTEM,), S.EXPIRED, Event.INTRODUCTION_EXPIRE, Notice.INTRODUCTION_EXPIRED)
_AGREE = Transition(EVERYBODY, S.AGREED, Event.INTRODUCTION_AGREE, Notice.INTRODUCTION_AGREED, needs_note=True)


def _accept(actor: Actor, target: IntroductionStatus) -> Transition:
    notice = Notice.INTRODUCED if target is S.INTRODUCED else Notice.INTRODUCTION_ACCEPTED
    return Transition((actor,), target, Event.INTRODUCTION_ACCEPT, notice)


TABLE: Table = {
    S.SUGGESTED: {
        A.PROPOSE: Transition(BROKER, S.PROPOSED, Event.INTRODUCTION_PROPOSE, Notice.INTRODUCTION_PROPOSED),
        A.TURN_DOWN: Transition(
            BROKER, S.DECLINED, Event.INTRODUCTION_TURN_DOWN, Notice.INTRODUCTION_DECLINED, needs_note=True
        ),
        A.WITHDRAW: Transition(
            (*SIDES, Actor.SYSTEM), S.WITHDRAWN, Event.INTRODUCTION_WITHDRAW, Notice.INTRODUCTION_WITHDRAWN
        ),
    },
    S.PROPOSED: {
        A.ACCEPT_FOR_NEED: _accept(NEED_SIDE, S.ACCEPTED_BY_NEED),
        A.ACCEPT_FOR_CAPABILITY: _accept(CAPABILITY_SIDE, S.ACCEPTED_BY_CAPABILITY),
        A.DECLINE: _DECLINE,
        A.WITHDRAW: _WITHDRAW,
        A.EXPIRE: _EXPIRE,
    },
    S.ACCEPTED_BY_NEED: {
        A.ACCEPT_FOR_CAPABILITY: _accept(CAPABILITY_SIDE, S.INTRODUCED),
        A.DECLINE: _DECLINE,
        A.WITHDRAW: _WITHDRAW,
        A.EXPIRE: _EXPIRE,
    },
    S.ACCEPTED_BY_CAPABILITY: {
        A.ACCEPT_FOR_NEED: _accept(NEED_SIDE, S.INTRODUCED),
        A.DECLINE: _DECLINE,
        A.WITHDRAW: _WITHDRAW,
        A.EXPIRE: _EXPIRE,
    },
    S.INTRODUCED: {
        A.MEET: Transition((*EVERYBODY, Actor.SYSTEM), S.MEETING, Event.INTRODUCTION_MEET, Notice.INTRODUCTION_MEETING),
        A.AGREE: _AGREE,
        A.DECLINE: _DECLINE,
        A.WITHDRAW: _WITHDRAW,
    },
    S.MEETING: {A.AGREE: _AGREE, A.DECLINE: _DECLINE, A.WITHDRAW: _WITHDRAW},
}
