"""Making one organisation of two that are registered for the same: what moves, and the merge, in one transaction.

Whoever belongs to an organisation reads its drafts, so nobody comes by texts of others through a merge that a broker
decides alone: a broker merges away what has never been verified and holds nothing, and its members then ask the owners
of the other one, as everybody does. An administrator hands over all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select, update

from backend import mailer
from backend.audit import events
from backend.db import Database
from backend.errors import DomainError, Forbidden
from backend.organisations import credit_code, invitations, merging_people, policy, registration, service
from backend.organisations.merging_people import Joining
from backend.organisations.models import Department, Organisation, name_key_of
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


class NobodyAnswers(Unsuitable):
    """The organisation that stays has no owner who could say whether the members of the other one belong to it."""

    zh = "这家单位没有管理成员，无人确认并入的成员是否属于该单位，请联系平台管理员办理合并。"
    en = "This organisation has no owner who could answer those who join. Ask an administrator to merge the two."


class HoldsTexts(Forbidden):
    """A broker would choose who reads what the members have written."""

    zh = (
        "这家单位已有需求、能力、附议或披露授权，合并会把它们交给另一家单位的成员。"
        "请联系平台管理员办理合并，并说明两家为同一家单位的依据。"
    )
    en = "This organisation holds texts, which a merge hands to the members of another one. Ask an administrator."


@dataclass(frozen=True)
class Preview:
    """What becomes of a duplicate. `things` are (what, how many) of other features; `invitations` are the open ones."""

    duplicate: Organisation
    kept: Organisation
    members: Sequence[Joining]
    departments: Sequence[str]
    departments_joined: Sequence[str]
    things: Sequence[tuple[str, int]]
    takes_code: bool
    invitations: int


def find(session: Session, viewer: Viewer, text: str) -> Organisation:
    """The organisation that stays, by its name or code; raises UnknownOrganisation."""
    code = credit_code.normalise(text)
    found = registration.find(session, text, code if credit_code.problem(code) is None else None)
    if found is None or not policy.can_see(viewer, found[0]):
        raise UnknownOrganisation
    return found[0]


def check_can_merge_away(session: Session, viewer: Viewer, duplicate: Organisation, references: References) -> None:
    """Raise NotFound, Forbidden or HoldsTexts for who may not make the organisation a part of another one.

    What its members have written, and what others have opened to it, is theirs: a broker does not choose who reads it.
    """
    policy.check_can_merge_away(viewer, duplicate)
    if not policy.can_hand_over(viewer) and any(r.count(session, duplicate.id) for r in references):
        raise HoldsTexts


def preview(session: Session, viewer: Viewer, duplicate_id: str, kept_id: str, references: References) -> Preview:
    """What a merge would do; raises NotFound, Forbidden or Unsuitable."""
    duplicate, kept = _pair(session, viewer, duplicate_id, kept_id, references)
    departments = service.departments_of(session, duplicate.id)
    joined = _same_departments(session, duplicate.id, kept.id)
    return Preview(
        duplicate=duplicate,
        kept=kept,
        members=merging_people.joining(session, duplicate, kept, moves=policy.can_hand_over(viewer)),
        departments=[d.name for d in departments if d.id not in joined],
        departments_joined=[d.name for d in departments if d.id in joined],
        things=[(reference.label, reference.count(session, duplicate.id)) for reference in references],
        takes_code=bool(duplicate.credit_code and not kept.credit_code),
        invitations=len(invitations.of_organisation(session, duplicate.id)),
    )


def merge(session: Session, viewer: Viewer, duplicate_id: str, kept_id: str, references: References) -> Organisation:
    """Hand everything of the duplicate over to the organisation that stays; done twice, it is done once.

    Its members go along where an administrator merges; else they ask the owners of the other one.

    Raises NotFound, Forbidden or Unsuitable.
    """
    stored = session.get(Organisation, duplicate_id)
    if stored is not None and stored.merged_into_id == kept_id:
        return _decided(session, viewer, kept_id)
    duplicate, kept = _pair(session, viewer, duplicate_id, kept_id, references)
    step = transition(TABLE, duplicate.status, OrganisationAction.MERGE)
    moves = policy.can_hand_over(viewer)
    joining = merging_people.joining(session, duplicate, kept, moves=moves)
    departments = _same_departments(session, duplicate.id, kept.id)
    for reference in references:
        reference.move(session, Merge(duplicate.id, kept.id, departments))
    merging_people.move_requests(session, duplicate, kept)
    if moves:
        merging_people.move(session, joining, duplicate, kept, departments)
    else:
        merging_people.ask(session, viewer, joining, duplicate, kept)
    _move_departments(session, duplicate, kept, departments)
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
    _tell(session, joining, duplicate, kept)
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


def _pair(
    session: Session, viewer: Viewer, duplicate_id: str, kept_id: str, references: References
) -> tuple[Organisation, Organisation]:
    if duplicate_id == kept_id:
        raise MergeWithItself
    duplicate, kept = _decided(session, viewer, duplicate_id), _decided(session, viewer, kept_id)
    if duplicate.is_verified and not kept.is_verified:
        raise WrongWayRound
    check_can_merge_away(session, viewer, duplicate, references)
    if not policy.can_hand_over(viewer) and not service.owners_of(session, kept.id):
        raise NobodyAnswers
    return duplicate, kept


def _decided(session: Session, viewer: Viewer, organisation_id: str) -> Organisation:
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_decide(viewer, organisation)
    return organisation


def _same_departments(session: Session, duplicate_id: str, kept_id: str) -> Mapping[str, str]:
    """Departments of the duplicate by id, with the one of the same name on the other side."""
    there = {name_key_of(d.name): d.id for d in service.departments_of(session, kept_id)}
    here = service.departments_of(session, duplicate_id)
    return {d.id: there[name_key_of(d.name)] for d in here if name_key_of(d.name) in there}


def _move_departments(session: Session, duplicate: Organisation, kept: Organisation, same: Mapping[str, str]) -> None:
    for department in session.exec(select(Department).where(Department.organisation_id == duplicate.id)).all():
        if department.id in same:
            session.delete(department)
        else:
            department.organisation_id = kept.id
            session.add(department)
    session.flush()


def _tell(session: Session, joining: Sequence[Joining], duplicate: Organisation, kept: Organisation) -> None:
    asking = [j for j in joining if j.role is None]
    addresses = {j.email: "/organisations" if j.role is None else f"/organisations/{kept.id}/members" for j in joining}
    addresses |= {owner.email: f"/organisations/{kept.id}/members" for owner in service.owners_of(session, kept.id)}
    for address, path in sorted(addresses.items()):
        mailer.queue(
            session,
            "organisation-merged",
            address,
            duplicate=duplicate.name,
            kept=kept.name,
            path=path,
            members=[j.name for j in joining if j.role is not None],
            asking=[j.name for j in asking],
        )
