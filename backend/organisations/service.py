"""Organisations: creating them, their members, and the viewer of a request."""

from collections.abc import Iterable, Mapping, Sequence

from sqlmodel import Session, col, func, select

from backend.accounts.models import User
from backend.db import utc_now
from backend.errors import NotFound
from backend.organisations.models import Department, MemberRole, Membership, Organisation, OrganisationKind
from backend.organisations.policy import MembershipFacts, Viewer


def viewer_of(session: Session, user: User) -> Viewer:
    """The user with their memberships as plain data, detached from the database."""
    query = (
        select(Membership, Organisation, Department)
        .join(Organisation, col(Membership.organisation_id) == col(Organisation.id))
        .join(Department, col(Membership.department_id) == col(Department.id), isouter=True)
        .where(Membership.user_id == user.id)
        .order_by(col(Membership.created_at))
    )
    memberships = tuple(
        MembershipFacts(
            organisation_id=organisation.id,
            organisation_name=organisation.name,
            kind=organisation.kind,
            role=membership.role,
            verified=organisation.verified_at is not None,
            region=organisation.region,
            jurisdiction=organisation.jurisdiction,
            department_id=department.id if department else None,
            department_name=department.name if department else None,
            specialty=department.specialty if department else None,
        )
        for membership, organisation, department in session.exec(query).all()
    )
    return Viewer(user.id, user.name, user.email, user.is_admin, memberships)


def create_organisation(
    session: Session,
    *,
    name: str,
    kind: OrganisationKind,
    region: str,
    summary: str = "",
    jurisdiction: str | None = None,
    key: str | None = None,
    verified: bool = False,
) -> Organisation:
    """Create an organisation."""
    organisation = Organisation(
        key=key,
        name=name,
        kind=kind,
        region=region,
        summary=summary,
        jurisdiction=jurisdiction,
        verified_at=utc_now() if verified else None,
    )
    session.add(organisation)
    session.flush()
    return organisation


def add_department(
    session: Session, organisation_id: str, *, name: str, specialty: str | None = None, key: str | None = None
) -> Department:
    """Add a department to a hospital."""
    department = Department(organisation_id=organisation_id, name=name, specialty=specialty, key=key)
    session.add(department)
    session.flush()
    return department


def add_member(
    session: Session, user_id: str, organisation_id: str, role: MemberRole, department_id: str | None = None
) -> Membership:
    """Make a user a member."""
    membership = Membership(user_id=user_id, organisation_id=organisation_id, role=role, department_id=department_id)
    session.add(membership)
    session.flush()
    return membership


def get(session: Session, organisation_id: str) -> Organisation:
    """One organisation; raises NotFound."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound
    return organisation


def find_by_name(session: Session, name: str) -> Organisation | None:
    """The organisation of that exact name, if any."""
    return session.exec(select(Organisation).where(Organisation.name == name)).first()


def named(session: Session, text: str, limit: int) -> Sequence[Organisation]:
    """Organisations whose name holds the text, shortest names first."""
    query = select(Organisation).where(col(Organisation.name).contains(text, autoescape=True))
    return session.exec(query.order_by(func.length(Organisation.name), col(Organisation.name)).limit(limit)).all()


def names(session: Session, ids: Iterable[str]) -> Mapping[str, str]:
    """The names of organisations by id."""
    return dict(
        session.exec(select(Organisation.id, Organisation.name).where(col(Organisation.id).in_(set(ids)))).all()
    )


def department_names(session: Session, ids: Iterable[str]) -> Mapping[str, str]:
    """The names of departments by id."""
    return dict(session.exec(select(Department.id, Department.name).where(col(Department.id).in_(set(ids)))).all())


def departments_of(session: Session, organisation_id: str) -> Sequence[Department]:
    """The departments of a hospital, by name."""
    query = select(Department).where(Department.organisation_id == organisation_id).order_by(col(Department.name))
    return session.exec(query).all()


def count(session: Session) -> int:
    """How many organisations there are."""
    return session.exec(select(func.count()).select_from(Organisation)).one()
