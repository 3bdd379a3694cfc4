"""Every action by every role in every status of an introduction: allowed as the states table says, or refused."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.db import Database
from backend.decisions.models import Decision
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import cases, service
from backend.introductions.models import CaseEvent, CaseParty, Introduction, PartyState, Side
from backend.introductions.states import (
    CLOSED,
    OPEN,
    OPENED,
    TABLE,
    WAITING,
    DeclineReason,
    IntroductionAction,
    IntroductionStatus,
)
from backend.organisations.models import MemberRole, OrganisationKind
from backend.organisations.policy import VISITOR, Viewer
from backend.transitions import Actor
from tests.factories import JIADING, PUTUO, Factory
from tests.unit.test_introductions import CONSENT, Scene

A, S = IntroductionAction, IntroductionStatus
STEPS = [(status, action) for status in S for action in A]
ANSWERS = {Actor.NEED_SIDE: A.ACCEPT_FOR_NEED, Actor.CAPABILITY_SIDE: A.ACCEPT_FOR_CAPABILITY}
OUTSIDERS = (Actor.RESPONDER, Actor.REVIEWER, "visitor", "stranger", "admin", "broker elsewhere", "unverified broker")
READERS = ("need's reader", "broker who only reads")
ROLES: tuple[str, ...] = (*dict.fromkeys((*Actor, *OUTSIDERS)), *READERS)


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


def viewers(scene: Scene) -> dict[str, Viewer | None]:
    """Somebody of every role; None is the system. The partner has been asked and has not answered."""
    make = scene.make
    lab = make.party(OrganisationKind.PLATFORM)
    agency = OrganisationKind.AGENCY
    return {
        Actor.AUTHOR: make.join(scene.hospital, MemberRole.OWNER).viewer,
        Actor.NEED_SIDE: scene.hospital.viewer,
        Actor.CAPABILITY_SIDE: scene.company.viewer,
        Actor.PARTNER: lab.viewer,
        Actor.BROKER: scene.broker.viewer,
        Actor.SYSTEM: None,
        # Whoever answers a call or reviews answers has no part in a case by that.
        Actor.RESPONDER: make.party().viewer,
        Actor.REVIEWER: make.party().viewer,
        "visitor": VISITOR,
        "stranger": make.party().viewer,
        "admin": make.admin(),
        "broker elsewhere": make.broker(JIADING).viewer,
        "unverified broker": make.party(agency, jurisdiction=PUTUO, verified=False).viewer,
        "need's reader": make.join(scene.hospital, MemberRole.VIEWER).viewer,
        "broker who only reads": make.join(scene.broker, MemberRole.VIEWER).viewer,
    }


def put(scene: Scene, row: Introduction, status: IntroductionStatus, partner: Viewer) -> None:
    """Set the case to a status, with parties as that status leaves them; the need's side has asked, if anybody."""
    has_accepted = {
        Side.NEED: status in {S.SUGGESTED, S.ACCEPTED_BY_NEED} | OPENED,
        Side.CAPABILITY: status in {S.ACCEPTED_BY_CAPABILITY} | OPENED,
    }

    def work(session: Session) -> None:
        stored = session.get_one(Introduction, row.id)
        stored.status = status
        stored.open_key = f"{row.need_id}:{scene.company.organisation.id}" if status in OPEN else None
        session.add(stored)
        for party in session.exec(select(CaseParty).where(CaseParty.introduction_id == row.id)).all():
            if party.side is Side.PARTNER:
                continue
            asked = PartyState.PROSPECT if status is S.SUGGESTED else PartyState.INVITED
            party.state = PartyState.ACCEPTED if has_accepted[party.side] else asked
            session.add(party)
        [home] = partner.organisation_ids
        present = select(CaseParty.id).where(CaseParty.introduction_id == row.id, CaseParty.organisation_id == home)
        if session.exec(present).first() is None:
            session.add(
                CaseParty(
                    introduction_id=row.id,
                    organisation_id=home,
                    side=Side.PARTNER,
                    state=PartyState.INVITED,
                    region=PUTUO,
                )
            )

    scene.do(work)


def call(session: Session, role: str, viewer: Viewer | None, row: Introduction, action: str) -> Any:
    """Do what the page would do for an action; answering for the other side has no address of its own."""
    if viewer is None:
        return service.act(session, None, row.id, action, "一句说明")
    if action == A.PROPOSE:
        return service.take_on(session, viewer, row.id, "值得一谈。")
    if action in ANSWERS.values() and ANSWERS.get(_side(role), action) == action:
        return service.answer(session, viewer, row.id, CONSENT)
    if action == A.DECLINE:
        return service.decline(session, viewer, row.id, DeclineReason.TERMS, "一句说明")
    return service.act(session, viewer, row.id, action, "一句说明")


def tried(scene: Scene, work: Callable[[Session], Any]) -> tuple[Any, DomainError | None]:
    """What a call gave, or what it was refused for."""
    try:
        return scene.do(work), None
    except DomainError as error:
        return None, error


def targets(status: IntroductionStatus, action: str) -> set[str]:
    """Where a step leads; proposing what the need's side has asked for counts it as accepted at once."""
    target = TABLE[status][action].target
    return {target, S.ACCEPTED_BY_NEED} if status is S.SUGGESTED and action == A.PROPOSE else {target}


@pytest.mark.parametrize("status", list(S))
def test_every_role_does_what_the_table_allows_and_nothing_else(status: IntroductionStatus, scene: Scene) -> None:
    people = viewers(scene)
    assert set(people) == set(ROLES)
    partner = people[Actor.PARTNER]
    assert partner is not None
    row = scene.propose()
    done: list[tuple[str, str]] = []
    for action in A:
        step = TABLE.get(status, {}).get(action)
        for role, viewer in people.items():
            put(scene, row, status, partner)
            allowed = step is not None and _acts(role, action, step.who)
            before = scene.do(lambda s: _count(s, row))
            result, error = tried(scene, partial(call, role=role, viewer=viewer, row=row, action=action))
            if error is not None:
                assert not allowed and isinstance(error, _refusals(role, status)), (role, action, error)
            elif allowed:
                assert result.status in targets(status, action), (role, action)
                done.append((role, action))
            else:
                # What is done already, or is not the caller's to do again, changes nothing.
                assert _is_idle(role, status, action), (role, action)
            if not allowed:
                stored = scene.do(lambda s: s.get_one(Introduction, row.id))
                assert stored.status is status, (role, action)
                assert scene.do(lambda s: _count(s, row)) == before, (role, action)
            else:
                assert scene.do(lambda s: _count(s, row))[0] > before[0], (role, action)
                # Of several open cases of a pair there is one: the next round begins with this one again.
    expected = {
        (role, action)
        for action, step in TABLE.get(status, {}).items()
        for role in people
        if _acts(role, action, step.who)
    }
    assert set(done) == expected


def _side(role: str) -> Any:
    """`author` stands for a colleague on the need's side."""
    return Actor.NEED_SIDE if role == Actor.AUTHOR else role


def _acts(role: str, action: str, who: tuple[Actor, ...]) -> bool:
    """Whether a role may take an action."""
    if action == A.WITHDRAW and role == Actor.CAPABILITY_SIDE and set(who) >= {Actor.NEED_SIDE, Actor.CAPABILITY_SIDE}:
        # What the need's side has asked for is not known to the other side.
        return False
    return _side(role) in who


def _refusals(role: str, status: IntroductionStatus) -> tuple[type[DomainError], ...]:
    """What a role is told where an action is not for it."""
    if role in OUTSIDERS:
        # Whether there is a case is not told; who may propose a pair is.
        return (NotFound, Forbidden)
    if status is S.SUGGESTED and role == Actor.CAPABILITY_SIDE:
        return (NotFound, Forbidden)
    return (Forbidden, Conflict)


def _is_idle(role: str, status: IntroductionStatus, action: str) -> bool:
    if action in ANSWERS.values() and _side(role) in ANSWERS:
        return True
    return action == A.PROPOSE and role == Actor.BROKER and status in WAITING | OPENED


def _count(session: Session, row: Introduction) -> tuple[int, int]:
    events = session.exec(select(CaseEvent).where(CaseEvent.introduction_id == row.id)).all()
    return len(events), len(session.exec(select(Decision)).all())


@pytest.mark.parametrize("status", list(S))
def test_the_buttons_are_those_that_work(status: IntroductionStatus, scene: Scene) -> None:
    people = viewers(scene)
    partner = people[Actor.PARTNER]
    assert partner is not None
    row = scene.propose()
    put(scene, row, status, partner)
    for role, viewer in people.items():
        if viewer is None:
            continue
        shown = scene.do(partial(shown_to, viewer, row))
        wanted = [action for action, step in TABLE.get(status, {}).items() if _acts(role, action, step.who)]
        assert list(shown) == wanted, role


def shown_to(viewer: Viewer, row: Introduction, session: Session) -> tuple[str, ...]:
    return service.available(viewer, cases.load(session, row.id))


def test_a_closed_case_allows_nothing() -> None:
    assert all(not TABLE.get(status) for status in CLOSED)
