"""The states tables, walked through the services: what a table allows is done, everything else is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session, select

from backend import outbox
from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.capabilities import service as capabilities
from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityAction, CapabilityStatus
from backend.db import Database
from backend.disclosure import service as disclosure
from backend.disclosure.models import SubjectKind
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.needs import policy, states
from backend.needs import service as needs
from backend.needs.models import Need
from backend.needs.states import NeedAction, NeedStatus
from backend.notifications.models import Notice
from backend.organisations.models import MemberRole, OrganisationKind
from backend.organisations.policy import VISITOR, Viewer
from backend.transitions import Actor, Table, Transition, actions, mermaid, transition
from tests import generate_docs
from tests.factories import JIADING, PUTUO, Factory, Party

Act = Callable[..., Any]
SIDES: dict[str, tuple[Table, Any, Act, Any]] = {
    "need": (states.TABLE, NeedStatus, needs.act, Need),
    "capability": (capability_states.TABLE, CapabilityStatus, capabilities.act, Capability),
}


def load(session: Session, side: str, subject_id: str) -> Any:
    """A need or capability that has to be there."""
    found = session.get(SIDES[side][3], subject_id)
    assert found is not None
    return found


ACTIONS: dict[str, Any] = {"need": NeedAction, "capability": CapabilityAction}
BEFORE_BROKERS: dict[str, Any] = {
    "need": states.OPEN | states.SUBMITTED,
    "capability": capability_states.OPEN | capability_states.SUBMITTED,
}
OPEN: dict[str, Any] = {"need": states.OPEN, "capability": capability_states.OPEN}
AGENCY = OrganisationKind.AGENCY
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
    make.broker()
    for action in ACTIONS[side]:
        with database.session(write=True) as session:
            stored = load(session, side, subject.id)
            stored.status = status
            session.add(stored)
        step = table.get(status, {}).get(action)
        with database.session(write=True) as session:
            if step is None or Actor.AUTHOR not in step.who:
                with pytest.raises(Conflict if step is None else Forbidden):
                    act(session, author.viewer, subject.id, action, "一句说明")
                assert load(session, side, subject.id).status == status
                continue
            assert act(session, author.viewer, subject.id, action, "一句说明").status == step.target
        with database.session() as session:
            assert load(session, side, subject.id).status == step.target
            assert step.event in session.exec(select(AuditEvent.event)).all()
            waiting = [(row.subject_kind, row.subject_id) for row in outbox.pending(session, outbox.Topic.INDEX)]
            is_for_others = {status, step.target} & OPEN[side]
            assert not is_for_others or (side, subject.id) in waiting


@pytest.mark.parametrize(("side", "status"), STEPS)
def test_the_broker_of_the_region_does_what_the_table_allows_and_nothing_else(
    side: str, status: Any, author: Party, make: Factory, database: Database
) -> None:
    """Of what has not come before brokers a broker does not learn that it exists."""
    table, _statuses, act, _model = SIDES[side]
    subject = (make.need if side == "need" else make.capability)(author, publish=False)
    broker, elsewhere = make.broker(), make.broker(JIADING)
    before_brokers = status in BEFORE_BROKERS[side]
    for action in ACTIONS[side]:
        with database.session(write=True) as session:
            stored = load(session, side, subject.id)
            stored.status = status
            session.add(stored)
        step = table.get(status, {}).get(action)
        with database.session(write=True) as session:
            with pytest.raises(NotFound):
                act(session, elsewhere.viewer, subject.id, action, "理由")
            if not before_brokers or step is None or Actor.BROKER not in step.who:
                error = NotFound if not before_brokers else Conflict if step is None else Forbidden
                with pytest.raises(error):
                    act(session, broker.viewer, subject.id, action, "理由")
                assert load(session, side, subject.id).status == status
                continue
            if step.needs_note:
                for note in ("", "  ", "字" * 1001):
                    with pytest.raises(disclosure.BadNote):
                        act(session, broker.viewer, subject.id, action, note)
                    assert load(session, side, subject.id).status == status
            assert act(session, broker.viewer, subject.id, action, "理由").status == step.target
            changes = disclosure.history(session, SubjectKind(side), subject.id)
            assert (changes[0].actor, changes[0].action, changes[0].note) == ("broker", action, "理由")


@pytest.mark.parametrize(("side", "status"), STEPS)
def test_the_system_does_what_the_table_allows_and_nothing_else(
    side: str, status: Any, author: Party, make: Factory, database: Database
) -> None:
    table, _statuses, act, _model = SIDES[side]
    subject = (make.need if side == "need" else make.capability)(author, publish=False)
    for action in ACTIONS[side]:
        with database.session(write=True) as session:
            stored = load(session, side, subject.id)
            stored.status = status
            session.add(stored)
        step = table.get(status, {}).get(action)
        with database.session(write=True) as session:
            if step is not None and Actor.SYSTEM in step.who:
                assert act(session, None, subject.id, action).status == step.target
            else:
                with pytest.raises(Conflict if step is None else Forbidden):
                    act(session, None, subject.id, action)


@pytest.mark.parametrize(("side", "status"), STEPS)
def test_nobody_but_author_and_broker_acts(
    side: str, status: Any, author: Party, make: Factory, database: Database
) -> None:
    """Strangers do not learn that it exists, colleagues who only read are told; an admin is a stranger."""
    _table, _statuses, act, _model = SIDES[side]
    subject = (make.need if side == "need" else make.capability)(author, publish=False)
    others: dict[str, tuple[Viewer, type[DomainError]]] = {
        "visitor": (VISITOR, NotFound),
        "stranger": (make.party().viewer, NotFound),
        "broker elsewhere": (make.broker(JIADING).viewer, NotFound),
        "unverified broker": (make.party(AGENCY, jurisdiction=PUTUO, verified=False).viewer, NotFound),
        "admin": (make.admin(), NotFound),
        "reader": (make.join(author, MemberRole.VIEWER).viewer, Forbidden),
        "broker who only reads": (
            make.party(AGENCY, jurisdiction=PUTUO, role=MemberRole.VIEWER).viewer,
            Forbidden if status in BEFORE_BROKERS[side] else NotFound,
        ),
    }
    with database.session(write=True) as session:
        stored = load(session, side, subject.id)
        stored.status = status
        session.add(stored)
    for viewer, error in others.values():
        for action in ACTIONS[side]:
            with database.session(write=True) as session, pytest.raises(error):
                act(session, viewer, subject.id, action, "理由")
    with database.session() as session:
        assert load(session, side, subject.id).status == status


@pytest.mark.parametrize("side", SIDES)
def test_an_action_on_nothing_finds_nothing(side: str, author: Party, database: Database) -> None:
    with database.session(write=True) as session, pytest.raises(NotFound):
        SIDES[side][2](session, author.viewer, "0" * 16, "submit")


@pytest.mark.parametrize("actor", [Actor.BROKER, Actor.SYSTEM])
def test_a_step_of_somebody_else_is_not_the_authors(
    actor: Actor, author: Party, make: Factory, database: Database
) -> None:
    need = make.need(author)
    table = {NeedStatus.PUBLISHED: {"expire": Transition((actor,), NeedStatus.EXPIRED, "need:expire")}}
    kind = disclosure.SubjectType(**{**vars(needs.TYPE), "table": table})
    with database.session(write=True) as session, pytest.raises(Forbidden):
        disclosure.act(session, kind, author.viewer, need, policy.subject_of(need), need.status, "expire")


@pytest.mark.parametrize("side", SIDES)
def test_a_table_is_closed_and_its_events_are_known(side: str) -> None:
    table, statuses, _act, _model = SIDES[side]
    for status, steps in table.items():
        assert status in list(statuses)
        for step in steps.values():
            assert step.target in list(statuses)
            assert step.event in list(Event)
            assert step.notice is None or step.notice in list(Notice)
            assert step.who


def test_a_transition_that_is_not_in_the_table_is_a_conflict() -> None:
    assert transition(states.TABLE, "draft", "submit").target == "submitted"
    for status, action in (
        ("draft", "withdraw"),
        ("draft", "publish"),
        ("closed", "publish"),
        ("nothing", "publish"),
        ("draft", ""),
    ):
        with pytest.raises(Conflict):
            transition(states.TABLE, status, action)


def test_buttons_come_from_the_table() -> None:
    assert actions(states.TABLE, "draft", Actor.AUTHOR) == ["submit", "discard"]
    assert actions(states.TABLE, "draft", Actor.BROKER) == []
    assert actions(states.TABLE, "submitted", Actor.BROKER) == ["publish", "return", "reject"]
    assert actions(states.TABLE, "submitted", {Actor.AUTHOR}) == ["take-back"]
    assert actions(states.TABLE, "submitted", ()) == []


def test_the_diagram_shows_every_step() -> None:
    table: Table = {"a": {"go": Transition((Actor.SYSTEM, Actor.BROKER), "b", "x:go")}}
    assert mermaid(table, "a") == "stateDiagram-v2\n    [*] --> a\n    a --> b: go (system, broker)"


def test_the_diagrams_in_the_documentation_are_up_to_date() -> None:
    """After a change of a table: `make docs`."""
    assert generate_docs.STATES_FILE.read_text(encoding="utf-8") == generate_docs.states()
