"""Who is told: brokers of a region, administrators, and those who write for an organisation."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.organisations.models import Membership, Organisation, OrganisationKind
from backend.organisations.policy import WRITING_ROLES
from backend.organisations.states import OrganisationStatus


def brokers_of(session: Session, region: str) -> Sequence[User]:
    """The active brokers who review texts of a region: writing members of verified agencies with that jurisdiction."""
    query = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .join(Organisation, col(Membership.organisation_id) == col(Organisation.id))
        .where(
            Organisation.kind == OrganisationKind.AGENCY,
            Organisation.jurisdiction == region,
            Organisation.status == OrganisationStatus.VERIFIED,
            col(Membership.role).in_(WRITING_ROLES),
            col(User.is_active).is_(True),
        )
    )
    return session.exec(query.distinct()).all()


def admins(session: Session) -> Sequence[User]:
    """The active administrators."""
    return session.exec(select(User).where(col(User.is_admin).is_(True), col(User.is_active).is_(True))).all()


def writers_of(session: Session, organisation_id: str) -> Sequence[User]:
    """The active owners and editors of an organisation, owners first."""
    query = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(
            Membership.organisation_id == organisation_id,
            col(Membership.role).in_(WRITING_ROLES),
            col(User.is_active).is_(True),
        )
        .order_by(col(Membership.role).desc(), col(Membership.created_at))
    )
    return session.exec(query).all()
