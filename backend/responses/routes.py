"""Pages of calls: the block on a need, opening or proposing one, its page, its date and its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, RecordingSessionDep, SessionDep
from backend.disclosure.service import BadNote
from backend.errors import Forbidden, NotFound
from backend.htmx import redirect
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations.deps import SignedInDep, ViewerDep
from backend.organisations.policy import Viewer
from backend.responses import calling, calls, policy, service
from backend.responses.calling import LONGEST, SHORTEST, BadDate
from backend.responses.forms import DEFAULT_CRITERIA, NOT_CHOSEN, CallForm, DateForm, InviteForm, call_data
from backend.responses.states import CallAction, CallStatus
from backend.templating import render
from backend.transitions import Actor
from backend.working_days import add_working_days, today

router = APIRouter()

USUAL_DAYS = 20
"""Working days that the form of a new call proposes."""


@dataclass(frozen=True)
class NeedBlockPage:
    """Context of responses/of_need.html, whose block `responses` is a fragment of the page of a need."""

    need_id: str
    title: str
    page: service.CallPage | None
    begins_as: str | None


@dataclass(frozen=True)
class CallFormPage:
    """Context of responses/call_form.html. `asks_date` is False where the date is changed elsewhere, with notice."""

    form: Any
    url: str
    back: str
    title: str
    is_new: bool
    proposes: bool
    asks_date: bool
    earliest: str
    shortest: int
    longest: int


@dataclass(frozen=True)
class CallDetailPage:
    """Context of responses/call.html. `problem` is what was wrong with the note of the action `wrong`."""

    page: service.CallPage
    date_form: DateForm
    invite_form: Any
    earliest: str
    shortest: int
    wrong: str = ""
    problem: str = ""
    typed: str = ""


@dataclass(frozen=True)
class MinePage:
    """Context of responses/mine.html."""

    mine: service.Mine


def _earliest() -> str:
    return add_working_days(today(), SHORTEST).isoformat()


@router.get("/needs/{need_id}/responses")
def of_need(request: Request, need_id: str, session: SessionDep, viewer: ViewerDep) -> Response:
    """How a need stands with responses: a fragment of its page, and a page of its own."""
    call = calls.of_need(session, viewer, need_id)
    need = needs.get(session, viewer, need_id)
    role = policy.role_to_begin(viewer, need_policy.subject_of(need))
    page = service.page(session, viewer, call) if call else None
    has_live = page is not None and page.shown.status in (CallStatus.PROPOSED, CallStatus.OPEN, CallStatus.CLOSED)
    context = NeedBlockPage(need_id, need.title, page, role.value if role and not has_live else None)
    return render(request, "responses/of_need.html", context, block="responses")


@router.get("/needs/{need_id}/responses/new")
def new_call(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The form that opens a need to responses, or proposes it."""
    until = add_working_days(today(), USUAL_DAYS).isoformat()
    form = CallForm(data={"until": until, **call_data(DEFAULT_CRITERIA)})
    return _new(request, session, viewer, need_id, form)


def _new(request: Request, session: Session, viewer: Viewer, need_id: str, form: Any, status: int = 200) -> Response:
    need = needs.get(session, viewer, need_id)
    role = policy.check_can_begin(viewer, need_policy.subject_of(need))
    page = CallFormPage(
        form=form,
        url=f"/needs/{need_id}/responses",
        back=f"/needs/{need_id}",
        title=need.title,
        is_new=True,
        proposes=role is Actor.BROKER,
        asks_date=True,
        earliest=_earliest(),
        shortest=SHORTEST,
        longest=LONGEST,
    )
    return render(request, "responses/call_form.html", page, status=status)


@router.post("/needs/{need_id}/responses")
def begin(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Open a need to responses, or propose it."""
    form = CallForm.read(data)
    policy.check_can_begin(viewer, need_policy.subject_of(needs.get(session, viewer, need_id)))
    if form.validate():
        try:
            row = calling.begin(
                session, viewer, need_id, form.day, form.criteria, form.terms.data or "", form.note.data or ""
            )
        except BadDate as error:
            form.until.errors = [error.zh]
        else:
            code = "call-proposed" if row.is_proposed else "call-opened"
            return flash.put(redirect(request, calls.path_of(row.id)), code)
    return _new(request, session, viewer, need_id, form, 422)


@router.get("/responses")
def mine(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """My calls, responses and reviews."""
    return render(request, "responses/mine.html", MinePage(service.mine(session, viewer)))


@router.get("/calls/{call_id}")
def call_page(request: Request, call_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """One call, as far as the viewer may know of it."""
    return show(request, session, viewer, call_id)


def show(
    request: Request,
    session: Session,
    viewer: Viewer,
    call_id: str,
    *,
    date_form: DateForm | None = None,
    invite_form: Any = None,
    wrong: str = "",
    problem: str = "",
    typed: str = "",
) -> Response:
    """The page of a call, with the form that was refused, if one was."""
    call = calls.get(session, viewer, call_id)
    seen(request, notifications.mark_subject_read(session, viewer, call_id))
    page = service.page(session, viewer, call)
    status = 422 if date_form or invite_form or problem else 200
    invite_form = invite_form or InviteForm()
    invite_form.user_id.choices = [("", NOT_CHOSEN), *page.colleagues]
    context = CallDetailPage(
        page=page,
        date_form=date_form or DateForm(data={"until": calls.last_day(call.row.until).isoformat()}),
        invite_form=invite_form,
        earliest=_earliest(),
        shortest=SHORTEST,
        wrong=wrong,
        problem=problem,
        typed=typed,
    )
    return render(request, "responses/call.html", context, status=status)


@router.get("/calls/{call_id}/edit")
def edit_call(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The form of a call that nobody has answered yet."""
    call = _changeable(session, viewer, call_id)
    until = calls.last_day(call.row.until).isoformat()
    form = CallForm(data={"until": until, "terms": call.row.terms, **call_data(call.criteria)})
    return _edit(request, call, form)


def _changeable(session: Session, viewer: Viewer, call_id: str) -> calls.Call:
    call = calls.get(session, viewer, call_id)
    if CallAction.CHANGE not in calls.available(viewer, call):
        raise calling.Locked if call.row.locked_at and policy.roles(viewer, call.facts) else Forbidden
    return call


def _edit(request: Request, call: calls.Call, form: Any, status: int = 200) -> Response:
    path = calls.path_of(call.row.id)
    page = CallFormPage(
        form=form,
        url=f"{path}/edit",
        back=path,
        title=call.need.title,
        is_new=False,
        proposes=False,
        asks_date=call.row.status is CallStatus.PROPOSED,
        earliest=_earliest(),
        shortest=SHORTEST,
        longest=LONGEST,
    )
    return render(request, "responses/call_form.html", page, status=status)


@router.post("/calls/{call_id}/edit")
def change_call(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Save changed criteria."""
    call = _changeable(session, viewer, call_id)
    form = CallForm.read(data)
    if call.row.status is not CallStatus.PROPOSED:
        form.until.data = calls.last_day(call.row.until).isoformat()
    if form.validate():
        try:
            calling.change(session, viewer, call_id, form.day, form.criteria, form.terms.data or "")
        except BadDate as error:
            form.until.errors = [error.zh]
        else:
            return flash.put(redirect(request, calls.path_of(call_id)), "call-changed")
    return _edit(request, call, form, 422)


@router.post("/calls/{call_id}/date")
def reschedule(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Extend or shorten a call, with notice."""
    form: DateForm = DateForm.read(data)
    if form.validate():
        try:
            calling.reschedule(session, viewer, call_id, form.day, form.note.data or "")
        except BadDate as error:
            form.until.errors = [error.zh]
        else:
            return flash.put(redirect(request, calls.path_of(call_id)), "call-rescheduled")
    return show(request, session, viewer, call_id, date_form=form)


ACTIONS: Sequence[str] = tuple(calling.BY_NOTE)


@router.post("/calls/{call_id}/act/{action}")
def act(
    request: Request, call_id: str, action: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Answer a proposal, take it back, or cancel a call."""
    if action not in ACTIONS:
        raise NotFound
    note = str(data.get("note") or "")
    try:
        calling.act(session, viewer, call_id, action, note)
    except BadNote as error:
        return show(request, session, viewer, call_id, wrong=action, problem=error.zh, typed=note)
    except BadDate as error:
        return show(request, session, viewer, call_id, wrong=action, problem=error.zh)
    return flash.put(redirect(request, calls.path_of(call_id)), f"call-{action}")
