"""Pages of the departments of a hospital."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, SessionDep
from backend.htmx import redirect
from backend.organisations import departments, service
from backend.organisations.deps import ReferencesDep, SignedInDep
from backend.organisations.forms import DepartmentForm
from backend.organisations.models import Department, Organisation
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class DepartmentsPage:
    """Context of organisations/departments.html."""

    organisation: Organisation
    departments: Sequence[Department]
    form: DepartmentForm


@dataclass(frozen=True)
class DepartmentPage:
    """Context of organisations/department.html. `uses` keeps the department from being removed."""

    organisation: Organisation
    department: Department
    form: DepartmentForm
    uses: Sequence[tuple[str, int]]


@router.get("/organisations/{organisation_id}/departments")
def departments_page(request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The departments of a hospital, for its owners."""
    return _show_departments(request, session, viewer, organisation_id, DepartmentForm())


@router.post("/organisations/{organisation_id}/departments")
def add_department(
    request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Add a department."""
    form: DepartmentForm = DepartmentForm.read(data)
    if not form.validate():
        return _show_departments(request, session, viewer, organisation_id, form, status=422)
    try:
        departments.add(session, viewer, organisation_id, str(form.name.data), form.specialty.data or None)
    except departments.DepartmentExists as error:
        form.name.errors = [error.zh]
        return _show_departments(request, session, viewer, organisation_id, form, status=422)
    return _back_to_departments(request, organisation_id, "department-added")


@router.get("/organisations/{organisation_id}/departments/{department_id}")
def department_page(
    request: Request,
    organisation_id: str,
    department_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    references: ReferencesDep,
) -> Response:
    """One department: its name, and removing it."""
    department = departments.one(session, viewer, organisation_id, department_id)
    form = DepartmentForm(data={"name": department.name, "specialty": department.specialty or ""})
    uses = departments.uses(session, references, department_id)
    organisation = service.get(session, viewer, organisation_id)
    return render(request, "organisations/department.html", DepartmentPage(organisation, department, form, uses))


@router.post("/organisations/{organisation_id}/departments/{department_id}")
def edit_department(
    request: Request,
    organisation_id: str,
    department_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    references: ReferencesDep,
    data: FormDep,
) -> Response:
    """Rename a department or change its specialty."""
    department = departments.one(session, viewer, organisation_id, department_id)
    form: DepartmentForm = DepartmentForm.read(data)
    problem = not form.validate()
    if not problem:
        try:
            name, specialty = str(form.name.data), form.specialty.data or None
            departments.edit(session, viewer, organisation_id, department_id, name, specialty)
        except departments.DepartmentExists as error:
            form.name.errors = [error.zh]
            problem = True
    if problem:
        organisation = service.get(session, viewer, organisation_id)
        uses = departments.uses(session, references, department_id)
        page = DepartmentPage(organisation, department, form, uses)
        return render(request, "organisations/department.html", page, status=422)
    return _back_to_departments(request, organisation_id, "department-changed")


@router.post("/organisations/{organisation_id}/departments/{department_id}/remove")
def remove_department(
    request: Request,
    organisation_id: str,
    department_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    references: ReferencesDep,
) -> Response:
    """Remove a department that nothing belongs to."""
    departments.remove(session, viewer, organisation_id, department_id, references)
    return _back_to_departments(request, organisation_id, "department-removed")


def _show_departments(
    request: Request,
    session: Session,
    viewer: Viewer,
    organisation_id: str,
    form: DepartmentForm,
    *,
    status: int = 200,
) -> Response:
    organisation = departments.managed(session, viewer, organisation_id)
    page = DepartmentsPage(organisation, service.departments_of(session, organisation_id), form)
    return render(request, "organisations/departments.html", page, status=status)


def _back_to_departments(request: Request, organisation_id: str, code: str) -> Response:
    return flash.put(redirect(request, f"/organisations/{organisation_id}/departments"), code)
