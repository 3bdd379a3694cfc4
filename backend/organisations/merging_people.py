"""What a merge of two organisations makes of their people: who joins, who has to ask, and which invitations end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, delete, select, update

from backend.accounts.models import User
from backend.audit import events
from backend.db import utc_now
from backend.i18n import gettext as _
from backend.organisations import service
from backend.organisations.models import Invitation, MemberRole, Membership, MembershipRequest, Organisation
from backend.organisations.policy import Viewer
from backend.organisations.service import SUBJECT


@dataclass(frozen=True)
class Joining:
    """A member of the duplicate, and the role in the organisation that stays; None for who has to ask."""

    user_id: str
    name: str
    email: str
    role: MemberRole | None
    is_member: bool


def joining(session: Session, duplicate: Organisation, kept: Organisation, *, moves: bool) -> list[Joining]:
    """The members of the duplicate, with the role that each will have.

    Owners of the duplicate become editors where the other one has an owner: who manages it decides about roles. Where
    members do not move with it (`moves`), those alone have a role who have one there already.
    """
    has_owner = bool(service.owners_of(session, kept.id))
    query = (
        select(Membership, User)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(Membership.organisation_id == duplicate.id)
        .order_by(col(Membership.created_at), col(User.email))
    )
    found = []
    for membership, user in session.exec(query).all():
        present = service.membership(session, user.id, kept.id)
        is_lowered = has_owner and membership.role is MemberRole.OWNER
        moved = (MemberRole.EDITOR if is_lowered else membership.role) if moves else None
        role = present.role if present else moved
        found.append(Joining(user.id, user.name, user.email, role, present is not None))
    return found


def move_requests(session: Session, duplicate: Organisation, kept: Organisation) -> None:
    """Requests that wait for the duplicate wait for the other owners, once for each user."""
    is_open = col(MembershipRequest.answered_at).is_(None)
    there = select(MembershipRequest.user_id).where(MembershipRequest.organisation_id == kept.id, is_open)
    of_duplicate = col(MembershipRequest.organisation_id) == duplicate.id
    waiting_there = session.exec(there).all()
    session.exec(
        delete(MembershipRequest).where(of_duplicate, is_open, col(MembershipRequest.user_id).in_(waiting_there))
    )
    members = select(Membership.user_id).where(Membership.organisation_id == kept.id)
    idle = update(MembershipRequest).where(of_duplicate, is_open, col(MembershipRequest.user_id).in_(members))
    session.exec(idle.values(answered_at=utc_now(), accepted=True))
    session.exec(update(MembershipRequest).where(of_duplicate).values(organisation_id=kept.id))


def move(
    session: Session,
    people: Sequence[Joining],
    duplicate: Organisation,
    kept: Organisation,
    departments: Mapping[str, str],
) -> None:
    """Make the members of the duplicate members of the other one; open links go on, for no more than an editor."""
    for found in people:
        membership = service.membership(session, found.user_id, duplicate.id)
        assert membership is not None
        if found.is_member or found.role is None:
            session.delete(membership)
            continue
        membership.organisation_id = kept.id
        membership.role = found.role
        if membership.department_id:
            membership.department_id = departments.get(membership.department_id, membership.department_id)
        session.add(membership)
    session.flush()
    of_duplicate = col(Invitation.organisation_id) == duplicate.id
    is_owner = col(Invitation.role) == MemberRole.OWNER
    session.exec(update(Invitation).where(of_duplicate, is_owner).values(role=MemberRole.EDITOR))
    session.exec(update(Invitation).where(of_duplicate).values(organisation_id=kept.id))


def ask(
    session: Session, viewer: Viewer, people: Sequence[Joining], duplicate: Organisation, kept: Organisation
) -> None:
    """End the memberships and invitations of the duplicate; who is no member of the other one asks its owners."""
    session.exec(delete(Membership).where(col(Membership.organisation_id) == duplicate.id))
    is_open = col(MembershipRequest.answered_at).is_(None)
    waiting = set(
        session.exec(
            select(MembershipRequest.user_id).where(MembershipRequest.organisation_id == kept.id, is_open)
        ).all()
    )
    message = _("原为“%(name)s”的成员，该单位已由主管部门并入本单位。") % {"name": duplicate.name}
    for found in people:
        if found.is_member or found.user_id in waiting:
            continue
        session.add(MembershipRequest(organisation_id=kept.id, user_id=found.user_id, message=message))
        events.record(
            session,
            events.Event.MEMBER_REQUEST,
            SUBJECT,
            kept.id,
            actor_id=viewer.user_id,
            user=found.user_id,
            duplicate=duplicate.id,
        )
    of_duplicate = update(Invitation).where(col(Invitation.organisation_id) == duplicate.id)
    unused = of_duplicate.where(col(Invitation.accepted_at).is_(None), col(Invitation.withdrawn_at).is_(None))
    session.exec(unused.values(withdrawn_at=utc_now()))
    session.flush()
