"""Making one organisation of two that are registered for the same: what moves, and the merge, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select, update

from backend import mailer
from backend.accounts.models import User
from backend.audit import events
from backend.db import Database, utc_now
from backend.errors import DomainError
from backend.organisations import credit_code, policy, registration, service
from backend.organisations.models import (
    Department,
    Invitation,
    MemberRole,
    Membership,
    MembershipRequest,
    Organisation,
    name_key_of,
)
from backend.organisations.policy import Viewer
from backend.organisations.references import Merge, References
from backend.organisations.service import SUBJECT
from backend.organisations.states import TABLE, OrganisationAction, OrganisationStatus
from backend.transitions import transition


class Unsuitable(DomainError):
    """The named organisation cannot be the one that stays."""

    status = 422


class UnknownOrganisation(Unsuitable):
    """None of that name or code shows to the viewer."""

    zh = "没有找到这个名称或代码的单位，请核对。"
    en = "There is no organisation of this name or code."


class WrongWayRound(Unsuitable):
    """A verified organisation cannot become a part of an unverified one."""

    zh = "请保留已核验的单位，把未核验的单位合并进去。"
    en = "Keep the verified organisation and merge the unverified one into it."


class MergeWithItself(Unsuitable):
    """There is but one organisation."""

    zh = "这就是同一家单位，请填写另一家单位的名称或代码。"
    en = "This is the organisation itself. Name the other one."


@dataclass(frozen=True)
class Joining:
    """A member of the duplicate, and the role in the organisation that stays."""

    name: str
    email: str
    role: MemberRole
    is_member: bool


@dataclass(frozen=True)
class Preview:
    """What becomes of a duplicate. `things` are (what, how many) of other features."""

    duplicate: Organisation
    kept: Organisation
    members: Sequence[Joining]
    departments: Sequence[str]
    departments_joined: Sequence[str]
    things: Sequence[tuple[str, int]]
    takes_code: bool


def find(session: Session, viewer: Viewer, text: str) -> Organisation:
    """The organisation that stays, by its name or code; raises UnknownOrganisation."""
    code = credit_code.normalise(text)
    found = registration.find(session, text, code if credit_code.problem(code) is None else None)
    if found is None or not policy.can_see(viewer, found[0]):
        raise UnknownOrganisation
    return found[0]


def preview(session: Session, viewer: Viewer, duplicate_id: str, kept_id: str, references: References) -> Preview:
    """What a merge would do; raises NotFound, Forbidden or Unsuitable."""
    duplicate, kept = _pair(session, viewer, duplicate_id, kept_id)
    departments = service.departments_of(session, duplicate.id)
    joined = _same_departments(session, duplicate.id, kept.id)
    return Preview(
        duplicate=duplicate,
        kept=kept,
        members=[joining for _membership, joining in _joining(session, duplicate, kept)],
        departments=[d.name for d in departments if d.id not in joined],
        departments_joined=[d.name for d in departments if d.id in joined],
        things=[(reference.label, reference.count(session, duplicate.id)) for reference in references],
        takes_code=bool(duplicate.credit_code and not kept.credit_code),
    )


def merge(session: Session, viewer: Viewer, duplicate_id: str, kept_id: str, references: References) -> Organisation:
    """Hand everything of the duplicate over to the organisation that stays; done twice, it is done once.

    Owners of the duplicate become editors where the other one has an owner: who manages it decides about roles.

    Raises NotFound, Forbidden or Unsuitable.
    """
    stored = session.get(Organisation, duplicate_id)
    if stored is not None and stored.merged_into_id == kept_id:
        return _decided(session, viewer, kept_id)
    duplicate, kept = _pair(session, viewer, duplicate_id, kept_id)
    step = transition(TABLE, duplicate.status, OrganisationAction.MERGE)
    joining = _joining(session, duplicate, kept)
    departments = _same_departments(session, duplicate.id, kept.id)
    for reference in references:
        reference.move(session, Merge(duplicate.id, kept.id, departments))
    _move_members(session, joining, kept, departments)
    _move_departments(session, duplicate, kept, departments)
    _move_invitations(session, duplicate, kept)
    code, duplicate.credit_code = duplicate.credit_code, None
    duplicate.status = OrganisationStatus(step.target)
    duplicate.merged_into_id = kept.id
    duplicate.verified_at = None
    session.add(duplicate)
    session.flush()
    if code and not kept.credit_code:
        kept.credit_code = code
        session.add(kept)
    earlier = update(Organisation).where(col(Organisation.merged_into_id) == duplicate.id)
    session.exec(earlier.values(merged_into_id=kept.id))
    session.flush()
    for organisation in (duplicate, kept):
        events.record(
            session,
            step.event,
            SUBJECT,
            organisation.id,
            actor_id=viewer.user_id,
            duplicate=duplicate.id,
            kept=kept.id,
        )
    _tell(session, [j for _m, j in joining], duplicate, kept)
    return kept


def collect_strays(database: Database, references: References) -> int:
    """Hand over what was written for a duplicate while it was being merged; returns how many rows there were.

    Whoever had the form open sends it as a member of the duplicate; it may arrive a moment after the merge.
    """
    count = 0
    with database.session(write=True) as session:
        for duplicate in session.exec(select(Organisation).where(col(Organisation.merged_into_id).is_not(None))).all():
            for reference in references:
                if found := reference.count(session, duplicate.id):
                    count += found
                    reference.move(session, Merge(duplicate.id, str(duplicate.merged_into_id), {}))
    return count


def _pair(session: Session, viewer: Viewer, duplicate_id: str, kept_id: str) -> tuple[Organisation, Organisation]:
    if duplicate_id == kept_id:
        raise MergeWithItself
    duplicate, kept = _decided(session, viewer, duplicate_id), _decided(session, viewer, kept_id)
    if duplicate.is_verified and not kept.is_verified:
        raise WrongWayRound
    policy.check_can_merge_away(viewer, duplicate)
    return duplicate, kept


def _decided(session: Session, viewer: Viewer, organisation_id: str) -> Organisation:
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_decide(viewer, organisation)
    return organisation


def _joining(session: Session, duplicate: Organisation, kept: Organisation) -> list[tuple[Membership, Joining]]:
    """The members of the duplicate, with the role that each will have."""
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
        role = present.role if present else MemberRole.EDITOR if is_lowered else membership.role
        found.append((membership, Joining(user.name, user.email, role, present is not None)))
    return found


def _same_departments(session: Session, duplicate_id: str, kept_id: str) -> Mapping[str, str]:
    """Departments of the duplicate by id, with the one of the same name on the other side."""
    there = {name_key_of(d.name): d.id for d in service.departments_of(session, kept_id)}
    here = service.departments_of(session, duplicate_id)
    return {d.id: there[name_key_of(d.name)] for d in here if name_key_of(d.name) in there}


def _move_members(
    session: Session,
    joining: Sequence[tuple[Membership, Joining]],
    kept: Organisation,
    departments: Mapping[str, str],
) -> None:
    for membership, found in joining:
        if found.is_member:
            session.delete(membership)
            continue
        membership.organisation_id = kept.id
        membership.role = found.role
        if membership.department_id:
            membership.department_id = departments.get(membership.department_id, membership.department_id)
        session.add(membership)
    session.flush()


def _move_departments(session: Session, duplicate: Organisation, kept: Organisation, same: Mapping[str, str]) -> None:
    for department in session.exec(select(Department).where(Department.organisation_id == duplicate.id)).all():
        if department.id in same:
            session.delete(department)
        else:
            department.organisation_id = kept.id
            session.add(department)
    session.flush()


def _move_invitations(session: Session, duplicate: Organisation, kept: Organisation) -> None:
    """Open links go on working, for no more than an editor; requests wait for the other owners."""
    of_duplicate = col(Invitation.organisation_id) == duplicate.id
    is_owner = col(Invitation.role) == MemberRole.OWNER
    session.exec(update(Invitation).where(of_duplicate, is_owner).values(role=MemberRole.EDITOR))
    session.exec(update(Invitation).where(of_duplicate).values(organisation_id=kept.id))
    members = select(Membership.user_id).where(Membership.organisation_id == kept.id)
    requests = update(MembershipRequest).where(col(MembershipRequest.organisation_id) == duplicate.id)
    idle = requests.where(col(MembershipRequest.user_id).in_(members), col(MembershipRequest.answered_at).is_(None))
    session.exec(idle.values(answered_at=utc_now(), accepted=True))
    session.exec(requests.values(organisation_id=kept.id))


def _tell(session: Session, joining: Sequence[Joining], duplicate: Organisation, kept: Organisation) -> None:
    addresses = {j.email for j in joining} | {owner.email for owner in service.owners_of(session, kept.id)}
    for address in sorted(addresses):
        mailer.queue(
            session,
            "organisation-merged",
            address,
            duplicate=duplicate.name,
            kept=kept.name,
            organisation_id=kept.id,
            members=[j.name for j in joining],
        )
