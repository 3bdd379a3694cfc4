"""The form by which an administrator says why he reads a brief: a fragment of the subject's page, and a page itself."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, SessionDep
from backend.disclosure import reasoned
from backend.disclosure.cards import Card
from backend.disclosure.models import AccessPurpose, SubjectKind
from backend.htmx import redirect
from backend.organisations.deps import SignedInDep
from backend.oversight import service
from backend.oversight.forms import AccessForm
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class AccessPage:
    """Context of oversight/reasoned_access.html, whose block `access` is a fragment of the subject's page."""

    card: Card
    form: AccessForm


def _kind(request: Request) -> SubjectKind:
    return SubjectKind.NEED if request.url.path.startswith("/needs/") else SubjectKind.CAPABILITY


@router.get("/needs/{subject_id}/reasoned-access")
@router.get("/capabilities/{subject_id}/reasoned-access")
def access_form(request: Request, subject_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """An empty form."""
    found = service.closed_brief(session, viewer, _kind(request), subject_id)
    return render(request, "oversight/reasoned_access.html", AccessPage(found.card, AccessForm()), block="access")


@router.post("/needs/{subject_id}/reasoned-access")
@router.post("/capabilities/{subject_id}/reasoned-access")
def give_reason(request: Request, subject_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Keep the reason, and open the brief for half an hour."""
    found = service.closed_brief(session, viewer, _kind(request), subject_id)
    form: AccessForm = AccessForm.read(data)
    if not form.validate():
        page = AccessPage(found.card, form)
        return render(request, "oversight/reasoned_access.html", page, block="access", status=422)
    purpose, reason = AccessPurpose(str(form.purpose.data)), str(form.reason.data)
    reasoned.give_reason(session, viewer, found.subject, found.facts, purpose, reason)
    return flash.put(redirect(request, f"{found.card.url}#brief"), "reason-given")
