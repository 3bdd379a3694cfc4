"""Who sees, verifies and reads the contact of an organisation: every role against every status, and the SQL twin."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from backend.db import Database
from backend.errors import DomainError, Forbidden, NotFound
from backend.organisations import policy
from backend.organisations.models import MemberRole, Organisation, OrganisationKind
from backend.organisations.policy import VISITOR, MembershipFacts, Viewer
from backend.organisations.states import TABLE, OrganisationStatus
from backend.transitions import Actor
from tests.factories import JIADING, PUTUO

HERE = "0" * 16


def member(role: MemberRole, *, verified: bool = True, organisation_id: str = HERE) -> Viewer:
    """A member of an enterprise."""
    facts = MembershipFacts(organisation_id, "单位", OrganisationKind.ENTERPRISE, role, verified, PUTUO)
    return Viewer("u", memberships=(facts,))


def broker(region: str, *, role: MemberRole = MemberRole.EDITOR, verified: bool = True) -> Viewer:
    """A member of an agency with a jurisdiction."""
    facts = MembershipFacts("a", "机关", OrganisationKind.AGENCY, role, verified, region, region)
    return Viewer("b", memberships=(facts,))


VIEWERS = {
    "visitor": VISITOR,
    "stranger": member(MemberRole.OWNER, organisation_id="f" * 16),
    "viewer": member(MemberRole.VIEWER),
    "editor": member(MemberRole.EDITOR),
    "owner": member(MemberRole.OWNER),
    "broker": broker(PUTUO),
    "reading broker": broker(PUTUO, role=MemberRole.VIEWER),
    "broker elsewhere": broker(JIADING),
    "broker of an unverified agency": broker(PUTUO, verified=False),
    "broker and owner": Viewer("c", memberships=broker(PUTUO).memberships + member(MemberRole.OWNER).memberships),
    "admin": Viewer("d", is_admin=True),
}
OWN = {"viewer", "editor", "owner", "broker and owner"}
NEAR = {"broker", "reading broker", "broker and owner"}


def organisation(status: OrganisationStatus, kind: OrganisationKind = OrganisationKind.ENTERPRISE) -> Organisation:
    """An organisation in Putuo."""
    return Organisation(id=HERE, name="示例单位", kind=kind, region=PUTUO, status=status)


def refusal(
    check: Callable[[Viewer, Organisation], None], viewer: Viewer, subject: Organisation
) -> type[DomainError] | None:
    """The kind of error that a check raises, if any."""
    try:
        check(viewer, subject)
    except DomainError as error:
        return type(error)
    return None


PRESENT = [status for status in OrganisationStatus if status is not OrganisationStatus.MERGED]


@pytest.mark.parametrize("status", PRESENT)
@pytest.mark.parametrize("kind", [OrganisationKind.ENTERPRISE, OrganisationKind.AGENCY])
@pytest.mark.parametrize("name", VIEWERS)
def test_who_may_do_what(name: str, kind: OrganisationKind, status: OrganisationStatus) -> None:
    viewer, subject = VIEWERS[name], organisation(status, kind)
    is_agency = kind is OrganisationKind.AGENCY
    sees = status is OrganisationStatus.VERIFIED or name in OWN | NEAR | {"admin"}
    assert policy.can_see(viewer, subject) is sees
    assert policy.can_manage(viewer, subject) is (name in {"owner", "broker and owner"})
    assert policy.can_decide(viewer, subject) is (name == "admin" or (name == "broker" and not is_agency))
    asked = name == "admin" and (is_agency or status is OrganisationStatus.WAITING)
    assert policy.can_read_contact(viewer, subject) is (name in OWN | NEAR or asked)
    for check in (policy.check_can_manage, policy.check_can_decide, policy.check_is_member):
        assert refusal(check, viewer, subject) in (None, Forbidden if sees else NotFound)


@pytest.mark.parametrize("name", VIEWERS)
def test_the_list_holds_what_may_be_decided(name: str, database: Database) -> None:
    """The condition of the query and the check of one organisation are twins."""
    with database.session(write=True) as session:
        for number, (kind, region, status) in enumerate(
            (kind, region, status)
            for kind in (OrganisationKind.ENTERPRISE, OrganisationKind.AGENCY)
            for region in (PUTUO, JIADING)
            for status in PRESENT
        ):
            id_ = HERE if number == 0 else f"{number:016x}"
            session.add(Organisation(id=id_, name=f"示例{number}", kind=kind, region=region, status=status))
        session.flush()
        stored = session.exec(select(Organisation)).all()
        listed = session.exec(select(Organisation.id).where(policy.decided_by(VIEWERS[name]))).all()
    assert set(listed) == {o.id for o in stored if policy.can_decide(VIEWERS[name], o)}
    assert bool(listed) <= policy.can_verify_any(VIEWERS[name])


def test_a_merged_organisation_is_left_alone_and_owners_only_submit() -> None:
    assert OrganisationStatus.MERGED not in TABLE
    steps = [(action, step) for actions in TABLE.values() for action, step in actions.items()]
    assert {action for action, step in steps if step.who == (Actor.AUTHOR,)} == {"submit"}
    verified = [action for action, step in steps if step.target == OrganisationStatus.VERIFIED]
    assert verified == ["verify"]
