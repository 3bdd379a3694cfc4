"""Members of an organisation: the list, roles, leaving and handing over. An organisation keeps an owner."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from backend import mailer
from backend.accounts.models import User
from backend.audit import events
from backend.errors import Conflict, Forbidden, NotFound
from backend.organisations import policy, service
from backend.organisations.models import Department, MemberRole, Membership, Organisation
from backend.organisations.policy import Viewer
from backend.organisations.service import SUBJECT


class LastOwner(Conflict):
    """The organisation would be left without anybody who manages it."""

    zh = "您是本单位唯一的管理成员。请先把管理移交给另一位成员，再退出或更改角色。"
    en = "You are the only owner of this organisation. Hand it over to another member first."


@dataclass(frozen=True)
class Member:
    """A member as colleagues see them; the address is for owners and for oneself."""

    user_id: str
    name: str
    email: str | None
    role: MemberRole
    department_id: str | None
    department_name: str | None
    since: datetime
    is_self: bool


def listing(session: Session, viewer: Viewer, organisation_id: str) -> list[Member]:
    """The members, owners first; raises NotFound or Forbidden for others than members."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_is_member(viewer, organisation)
    query = (
        select(Membership, User, Department)
        .join(User, col(User.id) == col(Membership.user_id))
        .join(Department, col(Department.id) == col(Membership.department_id), isouter=True)
        .where(Membership.organisation_id == organisation_id)
        .order_by(col(Membership.created_at), col(User.email))
    )
    shows_address = policy.can_manage(viewer, organisation)
    found = [
        Member(
            user_id=user.id,
            name=user.name,
            email=user.email if shows_address or user.id == viewer.user_id else None,
            role=membership.role,
            department_id=department.id if department else None,
            department_name=department.name if department else None,
            since=membership.created_at,
            is_self=user.id == viewer.user_id,
        )
        for membership, user, department in session.exec(query).all()
    ]
    order = list(MemberRole)
    return sorted(found, key=lambda member: order.index(member.role))


def one(session: Session, viewer: Viewer, organisation_id: str, user_id: str) -> Member:
    """One member, for owners and for oneself; raises NotFound or Forbidden."""
    found = next((m for m in listing(session, viewer, organisation_id) if m.user_id == user_id), None)
    if found is None:
        raise NotFound
    if not found.is_self and not viewer.owns(organisation_id):
        raise Forbidden
    return found


def change_role(session: Session, viewer: Viewer, organisation_id: str, user_id: str, role: MemberRole) -> None:
    """Give a member another role; raises NotFound, Forbidden or LastOwner."""
    organisation, membership = _managed(session, viewer, organisation_id, user_id)
    former = membership.role
    if former is role:
        return
    if former is MemberRole.OWNER:
        _check_not_last(session, membership)
    membership.role = role
    session.add(membership)
    session.flush()
    events.record(
        session,
        events.Event.MEMBER_ROLE,
        SUBJECT,
        organisation_id,
        actor_id=viewer.user_id,
        user=user_id,
        role=role.value,
        former=former.value,
    )
    _tell(session, viewer, organisation, user_id, "role", role)


def remove(session: Session, viewer: Viewer, organisation_id: str, user_id: str) -> None:
    """End a membership; raises NotFound, Forbidden or LastOwner."""
    organisation, membership = _managed(session, viewer, organisation_id, user_id)
    if membership.role is MemberRole.OWNER:
        _check_not_last(session, membership)
    session.delete(membership)
    session.flush()
    events.record(session, events.Event.MEMBER_REMOVE, SUBJECT, organisation_id, actor_id=viewer.user_id, user=user_id)
    _tell(session, viewer, organisation, user_id, "removed")


def leave(session: Session, viewer: Viewer, organisation_id: str) -> None:
    """End one's own membership; raises NotFound, Forbidden or LastOwner."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_is_member(viewer, organisation)
    assert viewer.user_id is not None
    membership = service.membership(session, viewer.user_id, organisation_id)
    if membership is None:
        return
    if membership.role is MemberRole.OWNER:
        _check_not_last(session, membership)
    session.delete(membership)
    session.flush()
    events.record(session, events.Event.MEMBER_LEAVE, SUBJECT, organisation_id, actor_id=viewer.user_id)
    for owner in service.owners_of(session, organisation_id):
        mailer.queue(
            session,
            "member-left",
            owner.email,
            organisation=organisation.name,
            organisation_id=organisation_id,
            name=viewer.name,
        )


def hand_over(session: Session, viewer: Viewer, organisation_id: str, user_id: str) -> None:
    """Make another member owner in one's own place; raises NotFound or Forbidden, Conflict for oneself."""
    organisation, membership = _managed(session, viewer, organisation_id, user_id)
    own = service.membership(session, viewer.user_id or "", organisation_id)
    if own is None or own.user_id == user_id:
        raise Conflict
    membership.role, own.role = MemberRole.OWNER, MemberRole.EDITOR
    session.add_all([membership, own])
    session.flush()
    events.record(
        session, events.Event.MEMBER_HAND_OVER, SUBJECT, organisation_id, actor_id=viewer.user_id, user=user_id
    )
    _tell(session, viewer, organisation, user_id, "owner", MemberRole.OWNER)


def set_department(
    session: Session, viewer: Viewer, organisation_id: str, user_id: str, department_id: str | None
) -> None:
    """Note in which department a member works: their own word, or an owner's. Raises NotFound or Forbidden."""
    member = one(session, viewer, organisation_id, user_id)
    if department_id is not None:
        department = session.get(Department, department_id)
        if department is None or department.organisation_id != organisation_id:
            raise NotFound
    membership = service.membership(session, user_id, organisation_id)
    assert membership is not None
    if member.department_id == department_id:
        return
    membership.department_id = department_id
    session.add(membership)
    session.flush()
    events.record(
        session, events.Event.MEMBER_DEPARTMENT, SUBJECT, organisation_id, actor_id=viewer.user_id, user=user_id
    )


def _managed(session: Session, viewer: Viewer, organisation_id: str, user_id: str) -> tuple[Organisation, Membership]:
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_manage(viewer, organisation)
    membership = service.membership(session, user_id, organisation_id)
    if membership is None:
        raise NotFound
    return organisation, membership


def _check_not_last(session: Session, membership: Membership) -> None:
    if all(owner.id == membership.user_id for owner in service.owners_of(session, membership.organisation_id)):
        raise LastOwner


def _tell(
    session: Session,
    viewer: Viewer,
    organisation: Organisation,
    user_id: str,
    change: str,
    role: MemberRole | None = None,
) -> None:
    user = session.get(User, user_id)
    if user is None or not user.is_active or user.id == viewer.user_id:
        return
    mailer.queue(
        session,
        "member-changed",
        user.email,
        organisation=organisation.name,
        organisation_id=organisation.id,
        change=change,
        role=role.value if role else "",
    )
