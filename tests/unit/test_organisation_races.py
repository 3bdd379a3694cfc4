"""Two who do the same at the same moment, and what a merge leaves for the task that collects."""

import threading
from collections.abc import Callable
from datetime import timedelta

from sqlmodel import Session, select

from backend.again import repeated
from backend.db import Database, new_id, utc_now
from backend.errors import DomainError
from backend.mailer import Mail
from backend.needs.models import Need
from backend.organisations import invitations, members, merging, registration, service
from backend.organisations.invitations import KEPT
from backend.organisations.members import LastOwner
from backend.organisations.models import Invitation, MemberRole, Membership, Organisation, OrganisationKind
from backend.organisations.policy import Viewer
from backend.organisations.registration import AlreadyRegistered, Details
from backend.references import REFERENCES
from tests.factories import PUTUO, Factory, Party
from tests.unit.test_credit_code import code

OPERATOR = Viewer(is_admin=True)


def together(database: Database, *acts: Callable[[Session], object]) -> list[type[DomainError] | None]:
    """Do all at the same moment, each in a transaction of its own; returns the kind of error of each, if any."""
    barrier = threading.Barrier(len(acts))
    outcomes: list[type[DomainError] | None] = [None] * len(acts)
    failures: list[Exception] = []

    def transaction(act: Callable[[Session], object]) -> None:
        with database.session(write=True) as session:
            act(session)

    def run(number: int) -> None:
        barrier.wait()
        try:
            repeated(lambda: transaction(acts[number]))
        except DomainError as error:
            outcomes[number] = type(error)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return outcomes


def leave(party: Party) -> Callable[[Session], object]:
    """What a member does who leaves."""
    return lambda session: members.leave(session, party.viewer, party.organisation.id)


def test_one_of_two_owners_who_leave_at_once_stays(make: Factory, database: Database) -> None:
    for _round in range(5):
        first = make.owner()
        second = make.join(first, MemberRole.OWNER)
        id_ = first.organisation.id
        outcomes = together(database, leave(first), leave(second))
        assert sorted(outcomes, key=str) == [LastOwner, None]
        with database.session() as session:
            assert len(service.owners_of(session, id_)) == 1


def test_one_of_two_who_register_the_same_is_told_of_the_other(make: Factory, database: Database) -> None:
    people = [make.somebody() for _number in range(4)]
    details = Details("示例同名公司", code(7), OrganisationKind.ENTERPRISE, PUTUO)

    def register(party: Party) -> Callable[[Session], object]:
        return lambda session: registration.register(session, party.viewer, new_id(), details)

    outcomes = together(database, *map(register, people))
    assert sorted(outcomes, key=str) == [AlreadyRegistered] * 3 + [None]
    with database.session() as session:
        assert len(session.exec(select(Organisation).where(Organisation.name == details.name)).all()) == 1


def test_an_invitation_that_is_accepted_twice_at_once_makes_one_member(make: Factory, database: Database) -> None:
    owner, person = make.owner(), make.somebody(email="invited@test.example")
    with database.session(write=True) as session:
        invitation = invitations.invite(
            session, owner.viewer, owner.organisation.id, new_id(), person.user.email, MemberRole.EDITOR
        )
        token = _token(session)
    outcomes = together(database, *[lambda session: invitations.accept(session, person.viewer, token)] * 3)
    assert outcomes == [None] * 3
    with database.session() as session:
        found = session.exec(select(Membership).where(Membership.user_id == person.user.id)).all()
        assert [m.organisation_id for m in found] == [invitation.organisation_id]


def test_who_joins_a_duplicate_while_it_is_merged_joins_the_other(make: Factory, database: Database) -> None:
    kept, duplicate, person = make.owner(), make.owner(), make.somebody(email="invited@test.example")
    with database.session(write=True) as session:
        invitations.invite(
            session, duplicate.viewer, duplicate.organisation.id, new_id(), person.user.email, MemberRole.EDITOR
        )
        token = _token(session)
    outcomes = together(
        database,
        lambda session: merging.merge(session, OPERATOR, duplicate.organisation.id, kept.organisation.id, REFERENCES),
        lambda session: invitations.accept(session, person.viewer, token),
    )
    assert outcomes == [None, None]
    with database.session() as session:
        found = session.exec(select(Membership).where(Membership.user_id == person.user.id)).all()
        assert [m.organisation_id for m in found] == [kept.organisation.id]


def test_what_arrives_after_a_merge_is_collected(make: Factory, database: Database) -> None:
    """A form that was open meanwhile is sent by somebody who was a member when it was opened."""
    kept, duplicate = make.owner(), make.owner()
    with database.session(write=True) as session:
        merging.merge(session, OPERATOR, duplicate.organisation.id, kept.organisation.id, REFERENCES)
    late = make.need(duplicate, publish=False)
    assert merging.collect_strays(database, REFERENCES) == 1
    assert merging.collect_strays(database, REFERENCES) == 0
    with database.session() as session:
        stored = session.get(Need, late.id)
        assert stored
        assert stored.organisation_id == kept.organisation.id


def test_addresses_of_those_who_never_came_are_forgotten(make: Factory, database: Database) -> None:
    owner = make.owner()
    with database.session(write=True) as session:
        for address in ("old@test.example", "new@test.example"):
            invitations.invite(session, owner.viewer, owner.organisation.id, new_id(), address, MemberRole.EDITOR)
        old = session.exec(select(Invitation).where(Invitation.email == "old@test.example")).one()
        old.expires_at = utc_now() - KEPT - timedelta(seconds=1)
        session.add(old)
    assert invitations.forget(database) == 1
    with database.session() as session:
        assert [i.email for i in session.exec(select(Invitation)).all()] == ["new@test.example"]


def _token(session: Session) -> str:
    """The token of the mail that waits to be sent."""
    session.flush()
    return str(session.exec(select(Mail)).one().context["token"])
