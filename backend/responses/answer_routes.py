"""Pages of responses: the form of an organisation, and a response as those read it who may."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.db import utc_now
from backend.deps import FormDep, RecordingSessionDep, SessionDep
from backend.errors import Forbidden
from backend.htmx import redirect
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.responses import answers, calls, policy, service
from backend.responses.answers import EditedElsewhere, NotOwnCapability
from backend.responses.forms import NO_CAPABILITY, ResponseForm, response_data
from backend.responses.states import ResponseStatus
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class ResponseFormPage:
    """Context of responses/form.html."""

    call: calls.Call
    shown: service.Shown
    form: ResponseForm
    organisation_name: str
    is_submitted: bool
    conflict: str = ""


@dataclass(frozen=True)
class ResponseDetailPage:
    """Context of responses/detail.html."""

    call: calls.Call
    shown: service.Shown
    page: answers.ResponsePage
    may_score: bool


@router.get("/calls/{call_id}/respond")
def response_form(
    request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, organisation_id: str = ""
) -> Response:
    """The form of an organisation: empty, or with what it has written so far."""
    call = calls.get(session, viewer, call_id)
    memberships = policy.check_can_respond(viewer, call.facts, utc_now())
    chosen = next((m.organisation_id for m in memberships if m.organisation_id == organisation_id), None)
    home = chosen or memberships[0].organisation_id
    row = answers.find(session, call, home)
    form = ResponseForm(data=response_data(row) if row else {"organisation_id": home, "version": "0"})
    return _form(request, session, viewer, call, form)


def _form(
    request: Request,
    session: Session,
    viewer: Viewer,
    call: calls.Call,
    form: ResponseForm,
    *,
    status: int = 200,
    conflict: str = "",
) -> Response:
    home = str(form.organisation_id.data)
    row = answers.find(session, call, home)
    _offer(session, form)
    page = ResponseFormPage(
        call=call,
        shown=service.shown(session, viewer, call),
        form=form,
        organisation_name=next(m.organisation_name for m in viewer.memberships if m.organisation_id == home),
        is_submitted=row is not None and row.status is ResponseStatus.SUBMITTED,
        conflict=conflict,
    )
    return render(request, "responses/form.html", page, status=status)


def _offer(session: Session, form: ResponseForm) -> None:
    """Offer the organisation's capabilities; one that was chosen and is published no more may stay."""
    found = list(answers.choices(session, str(form.organisation_id.data)))
    chosen: Any = form.capability_id.data
    if chosen and chosen not in dict(found):
        found.append((chosen, chosen))
    form.capability_id.choices = [("", NO_CAPABILITY), *found]


@router.post("/calls/{call_id}/respond")
def save(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Save a draft, or hand the response in."""
    call = calls.get(session, viewer, call_id)
    form: ResponseForm = ResponseForm.read(data)
    home = str(form.organisation_id.data)
    if home not in {m.organisation_id for m in policy.check_can_respond(viewer, call.facts, utc_now())}:
        raise Forbidden
    _offer(session, form)
    row = answers.find(session, call, home)
    submitted = row is not None and row.status is ResponseStatus.SUBMITTED
    form.submitting = data.get("action") == "submit" or submitted
    if not form.validate():
        return _form(request, session, viewer, call, form, status=422)
    values = {name: form[name].data for name in (*answers.TEXTS, "stage", "capability_id")}
    try:
        row = answers.save(session, viewer, call_id, home, values, submit=form.submitting, version=form.known_version)
    except EditedElsewhere as error:
        assert row is not None
        form.version.data = str(row.version)
        return _form(request, session, viewer, call, form, status=error.status, conflict=error.zh)
    except NotOwnCapability as error:
        form.capability_id.errors = [error.zh]
        return _form(request, session, viewer, call, form, status=422)
    code = "response-changed" if submitted else "response-submitted" if form.submitting else "response-saved"
    return flash.put(redirect(request, f"/responses/{row.id}"), code)


@router.get("/responses/{response_id}")
def response_page(request: Request, response_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """One response, for its own organisation, or after the date for those who decide and review."""
    call, page = answers.read(session, viewer, response_id)
    may_score = not page.is_own and policy.can_review(viewer, call.facts)
    context = ResponseDetailPage(call, service.shown(session, viewer, call), page, may_score)
    return render(request, "responses/detail.html", context)


@router.post("/responses/{response_id}/withdraw")
def withdraw(request: Request, response_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Take a response back."""
    answers.withdraw(session, viewer, response_id)
    return flash.put(redirect(request, f"/responses/{response_id}"), "response-withdrawn")
