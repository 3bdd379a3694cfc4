"""Organisations: creating them, their members, and the viewer of a request."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, func, select, update

from backend.accounts.models import User
from backend.audit import events
from backend.audit.models import AuditEvent
from backend.db import utc_now
from backend.errors import Conflict, NotFound
from backend.organisations import policy
from backend.organisations.models import (
    Department,
    MemberRole,
    Membership,
    MembershipRequest,
    Organisation,
    OrganisationKind,
    name_key_of,
)
from backend.organisations.policy import MembershipFacts, Viewer
from backend.organisations.states import OrganisationStatus

SUBJECT = "organisation"
"""Subject of audit events."""
VERIFIED_FIELDS = ("name", "credit_code", "kind", "region", "jurisdiction")
"""What is verified: a change of it asks for another verification."""


class MergedMeanwhile(Conflict):
    """The organisation has become a part of another one while its member was writing."""

    zh = "本单位刚刚并入另一家单位，您加入该单位的申请正在等待答复。请先另存填写的内容，获准加入后再提交。"
    en = "Your organisation is a part of another one now, which you have asked to join. Keep your text until then."


@dataclass(frozen=True)
class Author:
    """An organisation as others know it: by the name that was verified last. `is_listed` says that it has a page."""

    name: str
    region: str
    is_listed: bool


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
            verified=organisation.is_verified,
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
    )
    if verified:
        mark_verified(organisation)
    session.add(organisation)
    session.flush()
    return organisation


def identity(organisation: Organisation) -> str:
    """A digest of what is verified, so that nobody verifies what he has not read."""
    values = "\n".join(str(getattr(organisation, name) or "") for name in VERIFIED_FIELDS)
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def mark_verified(organisation: Organisation) -> None:
    """What stands there now has been verified."""
    organisation.status = OrganisationStatus.VERIFIED
    organisation.verified_at = utc_now()
    organisation.verified_name = organisation.name
    organisation.refusal = ""


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


def membership(session: Session, user_id: str, organisation_id: str) -> Membership | None:
    """A user's membership, if any."""
    query = select(Membership).where(Membership.user_id == user_id, Membership.organisation_id == organisation_id)
    return session.exec(query).first()


def join(session: Session, user_id: str, organisation_id: str, role: MemberRole, *, actor_id: str | None) -> None:
    """Make a user a member, who may have become one meanwhile, and record it. An open request is answered by that."""
    if membership(session, user_id, organisation_id) is None:
        add_member(session, user_id, organisation_id, role)
    statement = update(MembershipRequest).where(
        col(MembershipRequest.user_id) == user_id,
        col(MembershipRequest.organisation_id) == organisation_id,
        col(MembershipRequest.answered_at).is_(None),
    )
    session.exec(statement.values(answered_at=utc_now(), answered_by=actor_id, accepted=True))
    detail = {"user": user_id, "role": role.value}
    events.record(session, events.Event.MEMBER_JOIN, SUBJECT, organisation_id, actor_id=actor_id, **detail)


WITH_MEMBERS = (
    select(Membership.organisation_id),
    select(AuditEvent.subject_id).where(
        AuditEvent.subject_kind == SUBJECT,
        col(AuditEvent.event).in_((events.Event.ORGANISATION_CREATE, events.Event.MEMBER_JOIN)),
    ),
)
"""The organisations to which somebody belongs, and those to which somebody has: a closed account leaves no row."""


def had_members(session: Session, organisation: Organisation) -> bool:
    """Whether anybody belongs to the organisation, or ever did."""
    is_this = col(Organisation.id) == organisation.id
    among = sa.or_(*(col(Organisation.id).in_(query) for query in WITH_MEMBERS))
    return session.exec(select(Organisation.id).where(is_this, among)).first() is not None


def check_is_there(session: Session, viewer: Viewer, organisation_id: str) -> None:
    """Raise MergedMeanwhile where the organisation has become a part of another one that the viewer does not belong to.

    What is written a moment after a merge is handed over to that one, see `merging.collect_strays`.
    """
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or organisation.merged_into_id is None:
        return
    if viewer.user_id is None or membership(session, viewer.user_id, organisation.merged_into_id) is None:
        raise MergedMeanwhile


def get(session: Session, viewer: Viewer, organisation_id: str) -> Organisation:
    """An organisation that shows to the viewer; raises NotFound."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or organisation.status is OrganisationStatus.MERGED:
        raise NotFound
    policy.check_can_see(viewer, organisation)
    return organisation


def merged_into(session: Session, viewer: Viewer, organisation_id: str) -> str | None:
    """The organisation that a merged one has become a part of, for those who knew it: members, brokers, admins."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or organisation.merged_into_id is None:
        return None
    is_known = viewer.is_admin or organisation.region in viewer.jurisdictions
    return organisation.merged_into_id if is_known or viewer.membership_in(organisation.merged_into_id) else None


def find_by_name(session: Session, name: str) -> Organisation | None:
    """The organisation of that name, if any; the one that it was merged into, where it was."""
    query = (
        select(Organisation).where(Organisation.name_key == name_key_of(name)).order_by(col(Organisation.created_at))
    )
    return followed(session, session.exec(query).first())


def find_by_code(session: Session, credit_code: str) -> Organisation | None:
    """The organisation of that code, if any."""
    return session.exec(select(Organisation).where(Organisation.credit_code == credit_code)).first()


def followed(session: Session, organisation: Organisation | None) -> Organisation | None:
    """The organisation itself, or the one that it was merged into."""
    if organisation is None or organisation.merged_into_id is None:
        return organisation
    return session.get(Organisation, organisation.merged_into_id)


def named(session: Session, text: str, limit: int) -> Sequence[Organisation]:
    """Verified organisations whose name holds the text, shortest names first."""
    is_verified = col(Organisation.status) == OrganisationStatus.VERIFIED
    query = select(Organisation).where(is_verified, col(Organisation.name).contains(text, autoescape=True))
    return session.exec(query.order_by(func.length(Organisation.name), col(Organisation.name)).limit(limit)).all()


def authors(session: Session, ids: Iterable[str]) -> Mapping[str, Author]:
    """Organisations by id, as others know them."""
    o = Organisation
    query = sa.select(col(o.id), col(o.name), col(o.verified_name), col(o.region), col(o.status))
    return {
        row.id: Author(row.verified_name or row.name, row.region, row.status is OrganisationStatus.VERIFIED)
        for row in session.execute(query.where(col(o.id).in_(set(ids)))).all()
    }


def verified_ids(session: Session, ids: Iterable[str]) -> frozenset[str]:
    """Those of the organisations that are verified now."""
    query = select(Organisation.id).where(
        col(Organisation.id).in_(set(ids)), Organisation.status == OrganisationStatus.VERIFIED
    )
    return frozenset(session.exec(query).all())


def department_names(session: Session, ids: Iterable[str]) -> Mapping[str, str]:
    """The names of departments by id."""
    return dict(session.exec(select(Department.id, Department.name).where(col(Department.id).in_(set(ids)))).all())


def departments_of(session: Session, organisation_id: str) -> Sequence[Department]:
    """The departments of a hospital, by name."""
    query = select(Department).where(Department.organisation_id == organisation_id).order_by(col(Department.name))
    return session.exec(query).all()


def listing(session: Session, status: OrganisationStatus | None = None) -> Sequence[Organisation]:
    """All organisations, for the operator."""
    query = select(Organisation).order_by(col(Organisation.region), col(Organisation.name))
    return session.exec(query if status is None else query.where(Organisation.status == status)).all()


def owners_of(session: Session, organisation_id: str) -> Sequence[User]:
    """Active users who manage the organisation."""
    query = (
        select(User)
        .join(Membership)
        .where(
            Membership.organisation_id == organisation_id,
            Membership.role == MemberRole.OWNER,
            col(User.is_active).is_(True),
        )
    )
    return session.exec(query.order_by(col(Membership.created_at))).all()


def count(session: Session) -> int:
    """How many organisations there are."""
    return session.exec(select(func.count()).select_from(Organisation)).one()
