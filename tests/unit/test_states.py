"""The states tables, walked through the services: what a table allows is done, everything else is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session, select

from backend import outbox
from backend.audit.models import AuditEvent
from backend.capabilities import service as capabilities
from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityStatus
from backend.db import Database
from backend.disclosure import service as disclosure
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.needs import policy, states
from backend.needs import service as needs
from backend.needs.models import Need
from backend.needs.states import NeedAction, NeedStatus
from backend.organisations.models import MemberRole
from backend.organisations.policy import VISITOR, Viewer
from backend.transitions import Actor, Table, Transition, actions, mermaid, transition
from tests import generate_docs
from tests.factories import Factory, Party

Act = Callable[[Session, Viewer, str, str], Any]
SIDES: dict[str, tuple[Table, Any, Act, Any]] = {
    "need": (states.TABLE, NeedStatus, needs.act, Need),
    "capability": (capability_states.TABLE, CapabilityStatus, capabilities.act, Capability),
}


def load(session: Session, side: str, subject_id: str) -> Any:
    """A need or capability that has to be there."""
    found = session.get(SIDES[side][3], subject_id)
    assert found is not None
    return found


STEPS = [(side, status) for side, (_t, statuses, _a, _m) in SIDES.items() for status in statuses]


@pytest.fixture
def author(make: Factory) -> Party:
    """The organisation that owns the subjects."""
    return make.hospital()


@pytest.mark.parametrize(("side", "status"), STEPS)
def test_the_author_does_what_the_table_allows_and_nothing_else(
    side: str, status: Any, author: Party, make: Factory, database: Database
) -> None:
    table, _statuses, act, _model = SIDES[side]
    subject = (make.need if side == "need" else make.capability)(author, publish=False)
    for action in NeedAction:
        with database.session(write=True) as session:
            stored = load(session, side, subject.id)
            stored.status = status
            session.add(stored)
        step = table.get(status, {}).get(action)
        with database.session(write=True) as session:
            if step is None:
                with pytest.raises(Conflict):
                    act(session, author.viewer, subject.id, action)
                assert load(session, side, subject.id).status == status
                continue
            assert step.who is Actor.AUTHOR
            assert act(session, author.viewer, subject.id, action).status == step.target
        with database.session() as session:
            assert load(session, side, subject.id).status == step.target
            assert step.event in session.exec(select(AuditEvent.event)).all()
            assert (side, subject.id) in [
                (row.subject_kind, row.subject_id) for row in outbox.pending(session, outbox.Topic.INDEX)
            ]


@pytest.mark.parametrize(("side", "status"), STEPS)
def test_nobody_but_the_author_acts(side: str, status: Any, author: Party, make: Factory, database: Database) -> None:
    """Strangers do not learn that it exists, colleagues who only read are told; a broker and an admin are strangers."""
    _table, _statuses, act, _model = SIDES[side]
    subject = (make.need if side == "need" else make.capability)(author, publish=False)
    others: dict[str, tuple[Viewer, type[DomainError]]] = {
        "visitor": (VISITOR, NotFound),
        "stranger": (make.party().viewer, NotFound),
        "broker": (make.broker().viewer, NotFound),
        "admin": (make.admin(), NotFound),
        "reader": (make.join(author, MemberRole.VIEWER).viewer, Forbidden),
    }
    with database.session(write=True) as session:
        stored = load(session, side, subject.id)
        stored.status = status
        session.add(stored)
    for viewer, error in others.values():
        for action in NeedAction:
            with database.session(write=True) as session, pytest.raises(error):
                act(session, viewer, subject.id, action)
    with database.session() as session:
        assert load(session, side, subject.id).status == status


@pytest.mark.parametrize("side", SIDES)
def test_an_action_on_nothing_finds_nothing(side: str, author: Party, database: Database) -> None:
    with database.session(write=True) as session, pytest.raises(NotFound):
        SIDES[side][2](session, author.viewer, "0" * 16, "publish")


@pytest.mark.parametrize("actor", [Actor.BROKER, Actor.SYSTEM])
def test_a_step_of_somebody_else_is_not_the_authors(
    actor: Actor, author: Party, make: Factory, database: Database
) -> None:
    need = make.need(author)
    table = {NeedStatus.PUBLISHED: {"expire": Transition(actor, NeedStatus.EXPIRED, "need:expire")}}
    kind = disclosure.SubjectType(**{**vars(needs.TYPE), "table": table})
    with database.session(write=True) as session, pytest.raises(Forbidden):
        disclosure.act(session, kind, author.viewer, need, policy.subject_of(need), need.status, "expire")


@pytest.mark.parametrize("side", SIDES)
def test_a_table_is_closed_and_its_events_are_known(side: str) -> None:
    from backend.audit.events import Event

    table, statuses, _act, _model = SIDES[side]
    for status, steps in table.items():
        assert status in list(statuses)
        for step in steps.values():
            assert step.target in list(statuses)
            assert step.event in list(Event)


def test_a_transition_that_is_not_in_the_table_is_a_conflict() -> None:
    assert transition(states.TABLE, "draft", "publish").target == "published"
    for status, action in (("draft", "withdraw"), ("closed", "publish"), ("nothing", "publish"), ("draft", "")):
        with pytest.raises(Conflict):
            transition(states.TABLE, status, action)


def test_buttons_come_from_the_table() -> None:
    assert actions(states.TABLE, "draft", Actor.AUTHOR) == ["publish", "discard"]
    assert actions(states.TABLE, "draft", Actor.BROKER) == []
    assert actions(states.TABLE, "closed", Actor.AUTHOR) == []


def test_the_diagram_shows_every_step() -> None:
    table: Table = {"a": {"go": Transition(Actor.SYSTEM, "b", "x:go")}}
    assert mermaid(table, "a") == "stateDiagram-v2\n    [*] --> a\n    a --> b: go (system)"


def test_the_diagrams_in_the_documentation_are_up_to_date() -> None:
    """After a change of a table: `make docs`."""
    assert generate_docs.STATES_FILE.read_text(encoding="utf-8") == generate_docs.states()
