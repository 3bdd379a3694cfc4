"""Departments of hospitals: added, renamed and removed by owners."""

from sqlmodel import Session, col, func, select

from backend.audit import events
from backend.errors import Conflict, NotFound
from backend.organisations import policy, service
from backend.organisations.models import Department, Organisation, OrganisationKind, name_key_of
from backend.organisations.policy import Viewer
from backend.organisations.references import References
from backend.organisations.service import SUBJECT

AT_MOST = 300


class DepartmentExists(Conflict):
    """The hospital has a department of that name."""

    zh = "本单位已有这个科室。"
    en = "The hospital has a department of this name already."


class DepartmentInUse(Conflict):
    """Texts refer to the department."""

    zh = "还有内容属于这个科室，请先在其编辑页改选科室，再删除。"
    en = "Texts still belong to this department. Give them another one first."


def managed(session: Session, viewer: Viewer, organisation_id: str) -> Organisation:
    """A hospital whose departments the viewer manages; raises NotFound or Forbidden."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_manage(viewer, organisation)
    if organisation.kind is not OrganisationKind.HOSPITAL:
        raise NotFound
    return organisation


def one(session: Session, viewer: Viewer, organisation_id: str, department_id: str) -> Department:
    """A department that the viewer manages; raises NotFound or Forbidden."""
    managed(session, viewer, organisation_id)
    department = session.get(Department, department_id)
    if department is None or department.organisation_id != organisation_id:
        raise NotFound
    return department


def add(session: Session, viewer: Viewer, organisation_id: str, name: str, specialty: str | None) -> Department:
    """Add a department; raises NotFound, Forbidden or DepartmentExists."""
    managed(session, viewer, organisation_id)
    _check_free(session, organisation_id, name)
    count = select(func.count()).select_from(Department).where(Department.organisation_id == organisation_id)
    if session.exec(count).one() >= AT_MOST:
        raise Conflict
    department = service.add_department(session, organisation_id, name=name, specialty=specialty)
    _record(session, events.Event.DEPARTMENT_ADD, viewer, department)
    return department


def edit(
    session: Session, viewer: Viewer, organisation_id: str, department_id: str, name: str, specialty: str | None
) -> None:
    """Rename a department or change its specialty; raises NotFound, Forbidden or DepartmentExists."""
    department = one(session, viewer, organisation_id, department_id)
    _check_free(session, organisation_id, name, but=department_id)
    if (department.name, department.specialty) == (name, specialty):
        return
    department.name, department.specialty = name, specialty
    session.add(department)
    session.flush()
    _record(session, events.Event.DEPARTMENT_EDIT, viewer, department)


def uses(session: Session, references: References, department_id: str) -> list[tuple[str, int]]:
    """(what, how many) belongs to a department."""
    found = [(reference.label, reference.count_of_department(session, department_id)) for reference in references]
    return [(label, number) for label, number in found if number]


def remove(session: Session, viewer: Viewer, organisation_id: str, department_id: str, references: References) -> None:
    """Remove a department that nothing belongs to; its members stay, without one.

    Raises NotFound, Forbidden or DepartmentInUse.
    """
    department = one(session, viewer, organisation_id, department_id)
    if uses(session, references, department_id):
        raise DepartmentInUse
    session.delete(department)
    session.flush()
    _record(session, events.Event.DEPARTMENT_REMOVE, viewer, department)


def _check_free(session: Session, organisation_id: str, name: str, *, but: str = "") -> None:
    query = select(Department).where(Department.organisation_id == organisation_id, col(Department.id) != but)
    if name_key_of(name) in {name_key_of(department.name) for department in session.exec(query).all()}:
        raise DepartmentExists


def _record(session: Session, event: str, viewer: Viewer, department: Department) -> None:
    events.record(
        session, event, SUBJECT, department.organisation_id, actor_id=viewer.user_id, department=department.id
    )
