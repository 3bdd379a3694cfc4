"""The steps of a collaboration, and the life of a step: status → action → who may act, where it leads, who is told.

Any step may be skipped with a reason, and recorded as done without having been started: much is written down later.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.notifications.models import Notice
from backend.transitions import Actor, Table, Transition


class StepKind(StrEnum):
    """The fifteen steps, in the order in which they mostly come."""

    ORDER = "order"
    OBSERVATION = "observation"
    CONCEPT = "concept"
    PROTOTYPE = "prototype"
    BENCH = "bench"
    PILOT = "pilot"
    ANIMAL = "animal"
    TYPE_TEST = "type_test"
    CLINICAL = "clinical"
    REGISTRATION = "registration"
    CERTIFICATE = "certificate"
    CATALOGUE = "catalogue"
    FIRST_USE = "first_use"
    PAYMENT = "payment"
    PRODUCTION = "production"


class Phase(StrEnum):
    """Columns of the board. `landed` holds the cases with no step left."""

    BEGINNING = "beginning"
    DEVELOPMENT = "development"
    TESTING = "testing"
    REGISTRATION = "registration"
    USE = "use"
    PRODUCTION = "production"
    LANDED = "landed"


K = StepKind
PHASES = {
    K.ORDER: Phase.BEGINNING,
    K.OBSERVATION: Phase.BEGINNING,
    K.CONCEPT: Phase.DEVELOPMENT,
    K.PROTOTYPE: Phase.DEVELOPMENT,
    K.BENCH: Phase.DEVELOPMENT,
    K.PILOT: Phase.DEVELOPMENT,
    K.ANIMAL: Phase.TESTING,
    K.TYPE_TEST: Phase.TESTING,
    K.CLINICAL: Phase.TESTING,
    K.REGISTRATION: Phase.REGISTRATION,
    K.CERTIFICATE: Phase.REGISTRATION,
    K.CATALOGUE: Phase.USE,
    K.FIRST_USE: Phase.USE,
    K.PAYMENT: Phase.USE,
    K.PRODUCTION: Phase.PRODUCTION,
}
OF_PRODUCTION = frozenset({K.PILOT, K.TYPE_TEST, K.REGISTRATION, K.CERTIFICATE, K.PRODUCTION})
"""Steps that belong to the city of production (前研后产) unless its brokers agree otherwise."""
PROVEN = frozenset({K.TYPE_TEST, K.CERTIFICATE, K.FIRST_USE})
"""Steps that are not done without saying what shows it: a report, the number of a certificate, the first use."""


class StepStatus(StrEnum):
    """状态 of a step."""

    PLANNED = "planned"
    RUNNING = "running"
    BLOCKED = "blocked"
    DONE = "done"
    SKIPPED = "skipped"


class StepAction(StrEnum):
    """What can be done with a step."""

    START = "start"
    FINISH = "finish"
    BLOCK = "block"
    RESUME = "resume"
    SKIP = "skip"
    REOPEN = "reopen"


S, A = StepStatus, StepAction
ENDED = frozenset({S.DONE, S.SKIPPED})
MAIN = (Actor.BROKER, Actor.NEED_SIDE, Actor.CAPABILITY_SIDE)
EVERYBODY = (*MAIN, Actor.PARTNER)
"""A partner moves the steps that it answers for."""
CONFIRMED_BY = {(K.FIRST_USE, A.FINISH): frozenset({Actor.BROKER, Actor.NEED_SIDE})}
"""That patients have it is for the side to say that has the patients."""

_START = Transition(EVERYBODY, S.RUNNING, Event.LEDGER_START)
_FINISH = Transition(EVERYBODY, S.DONE, Event.LEDGER_FINISH, Notice.LEDGER_MOVED)
_BLOCK = Transition(EVERYBODY, S.BLOCKED, Event.LEDGER_BLOCK, Notice.LEDGER_BLOCKED, needs_note=True)
_SKIP = Transition(MAIN, S.SKIPPED, Event.LEDGER_SKIP, Notice.LEDGER_MOVED, needs_note=True)

TABLE: Table = {
    S.PLANNED: {A.START: _START, A.FINISH: _FINISH, A.BLOCK: _BLOCK, A.SKIP: _SKIP},
    S.RUNNING: {A.FINISH: _FINISH, A.BLOCK: _BLOCK, A.SKIP: _SKIP},
    S.BLOCKED: {
        A.RESUME: Transition(EVERYBODY, S.RUNNING, Event.LEDGER_RESUME, Notice.LEDGER_MOVED),
        # What blocks it may have changed.
        A.BLOCK: _BLOCK,
        A.SKIP: _SKIP,
    },
    S.DONE: {A.REOPEN: Transition(MAIN, S.RUNNING, Event.LEDGER_REOPEN, Notice.LEDGER_MOVED, needs_note=True)},
    S.SKIPPED: {A.REOPEN: Transition(MAIN, S.PLANNED, Event.LEDGER_REOPEN, Notice.LEDGER_MOVED, needs_note=True)},
}
