"""Pages of organisations."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.deps import SessionDep
from backend.organisations import service
from backend.organisations.deps import ViewerDep
from backend.organisations.models import Department, Organisation
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class OrganisationPage:
    """Context of organisations/detail.html; needs and capabilities load as fragments of their own floors."""

    organisation: Organisation
    departments: Sequence[Department]


@router.get("/organisations/{organisation_id}")
def organisation_page(request: Request, organisation_id: str, session: SessionDep, viewer: ViewerDep) -> Response:
    """One organisation."""
    organisation = service.get(session, organisation_id)
    page = OrganisationPage(organisation, service.departments_of(session, organisation_id))
    return render(request, "organisations/detail.html", page)
