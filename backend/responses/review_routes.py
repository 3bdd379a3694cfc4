"""Pages of reviews, of the results, and of the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, RecordingSessionDep, SessionDep
from backend.errors import Forbidden
from backend.htmx import redirect
from backend.introductions import undertaking
from backend.introductions.service import Unsuitable
from backend.introductions.signing import BadConsent, Consent
from backend.introductions.states import DeclineReason
from backend.introductions.undertaking import Undertaking
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.responses import answers, calls, deciding, policy, results, reviewing, service
from backend.responses.calls import Call
from backend.responses.deciding import Verdict
from backend.responses.forms import (
    NOT_CHOSEN,
    AcceptForm,
    InviteForm,
    RefuseForm,
    check_consent,
    decision_form,
    given,
    picks_any,
    score_data,
    score_form,
)
from backend.responses.models import CallResponse, Review
from backend.responses.reviewing import NoSuchAccount, NotAllScored, ReviewerHasConflict
from backend.responses.routes import show
from backend.responses.states import RefusalReason
from backend.templating import render
from backend.transitions import Actor

router = APIRouter()


@dataclass(frozen=True)
class ReviewPage:
    """Context of responses/review.html: what a reviewer is asked, and how far they have come."""

    call: Call
    shown: service.Shown
    review: Review
    brief: Mapping[str, str]
    responses: Sequence[tuple[CallResponse, str]]
    scored: Mapping[str, int]
    accept_form: AcceptForm
    refuse_form: RefuseForm
    problem: str = ""


@dataclass(frozen=True)
class ScorePage:
    """Context of responses/score.html: one response beside the form for it."""

    call: Call
    shown: service.Shown
    page: answers.ResponsePage
    form: Any


@dataclass(frozen=True)
class ResultsPage:
    """Context of responses/results.html."""

    call: Call
    shown: service.Shown
    table: results.Table
    may_decide: bool


@dataclass(frozen=True)
class DecisionPage:
    """Context of responses/decision.html."""

    call: Call
    shown: service.Shown
    table: results.Table
    form: Any
    undertaking: Undertaking
    problem: str = ""


@router.post("/calls/{call_id}/reviewers")
def invite(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Ask somebody to review."""
    call = calls.get(session, viewer, call_id)
    policy.check_can_invite(viewer, call.facts)
    form = InviteForm.read(data)
    form.user_id.choices = [("", NOT_CHOSEN), *reviewing.colleagues(session, viewer, call)]
    if form.validate():
        try:
            reviewing.invite(session, viewer, call_id, form.email.data or "", form.user_id.data or "")
        except (NoSuchAccount, ReviewerHasConflict) as error:
            (form.user_id if form.user_id.data else form.email).errors = [error.zh]
        else:
            return flash.put(redirect(request, f"{calls.path_of(call_id)}#reviewers"), "reviewer-invited")
    return show(request, session, viewer, call_id, invite_form=form)


@router.post("/calls/{call_id}/reviewers/{review_id}/remove")
def remove(request: Request, call_id: str, review_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Take an invitation back."""
    reviewing.remove(session, viewer, call_id, review_id)
    return flash.put(redirect(request, f"{calls.path_of(call_id)}#reviewers"), "reviewer-removed")


@router.get("/calls/{call_id}/review")
def review_page(request: Request, call_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """The viewer's review."""
    return _review(request, session, viewer, call_id)


def _review(
    request: Request,
    session: Session,
    viewer: Viewer,
    call_id: str,
    *,
    accept_form: AcceptForm | None = None,
    refuse_form: RefuseForm | None = None,
    problem: str = "",
) -> Response:
    call, review = reviewing.mine(session, viewer, call_id)
    overview = service.invitation(session, call)
    page = ReviewPage(
        call=call,
        shown=service.shown(session, viewer, call),
        review=review,
        brief=reviewing.brief_for(session, viewer, call, review),
        responses=overview,
        scored=reviewing.scored(session, call, review),
        accept_form=accept_form or AcceptForm(),
        refuse_form=refuse_form or RefuseForm(),
        problem=problem,
    )
    status = 422 if accept_form or refuse_form or problem else 200
    return render(request, "responses/review.html", page, status=status)


@router.post("/calls/{call_id}/review/accept")
def accept(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Take the review on."""
    form: AcceptForm = AcceptForm.read(data)
    if not form.validate():
        return _review(request, session, viewer, call_id, accept_form=form)
    reviewing.accept(session, viewer, call_id)
    return flash.put(redirect(request, f"{calls.path_of(call_id)}/review"), "review-accepted")


@router.post("/calls/{call_id}/review/refuse")
def refuse(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Refuse it, or give it back."""
    form: RefuseForm = RefuseForm.read(data)
    if not form.validate():
        return _review(request, session, viewer, call_id, refuse_form=form)
    reviewing.refuse(session, viewer, call_id, RefusalReason(str(form.reason.data)), form.note.data or "")
    return flash.put(redirect(request, "/responses"), "review-refused")


@router.post("/calls/{call_id}/review/submit")
def submit(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Hand the scores in."""
    try:
        reviewing.submit(session, viewer, call_id)
    except NotAllScored as error:
        return _review(request, session, viewer, call_id, problem=error.zh)
    return flash.put(redirect(request, f"{calls.path_of(call_id)}/results"), "review-submitted")


@router.get("/responses/{response_id}/review")
def score_page(request: Request, response_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """One response beside the form for it."""
    call, page, review = _scored(session, viewer, response_id)
    data = score_data(reviewing.scores_of(session, review), response_id)
    form = score_form(call.criteria)(data=data)
    return render(request, "responses/score.html", ScorePage(call, service.shown(session, viewer, call), page, form))


def _scored(session: Session, viewer: Viewer, response_id: str) -> tuple[Call, answers.ResponsePage, Review]:
    call, page = answers.read(session, viewer, response_id)
    _call, review = reviewing.mine(session, viewer, call.row.id)
    reviewing.check_can_score(review)
    return call, page, review


@router.post("/responses/{response_id}/review")
def score(request: Request, response_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Keep what the reviewer gives."""
    call, page, _mine = _scored(session, viewer, response_id)
    form = score_form(call.criteria).read(data)
    if not form.validate():
        context = ScorePage(call, service.shown(session, viewer, call), page, form)
        return render(request, "responses/score.html", context, status=422)
    reviewing.score(session, viewer, call.row.id, response_id, given(form, call.criteria))
    return flash.put(redirect(request, f"{calls.path_of(call.row.id)}/review"), "review-scored")


@router.get("/calls/{call_id}/results")
def results_page(request: Request, call_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """The table of results."""
    call, table = results.get(session, viewer, call_id)
    page = service.page(session, viewer, call)
    return render(request, "responses/results.html", ResultsPage(call, page.shown, table, page.may_decide))


@router.get("/calls/{call_id}/decision")
def decision_page(request: Request, call_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """The form of the decision."""
    call, table = _decidable(session, viewer, call_id)
    form = decision_form([row.response for row in table.rows])(data={"digest": undertaking.PRESENT.digest})
    return _decision(request, session, viewer, call, table, form)


def _decidable(session: Session, viewer: Viewer, call_id: str) -> tuple[Call, results.Table]:
    call, table = results.get(session, viewer, call_id)
    if Actor.AUTHOR not in policy.roles(viewer, call.facts):
        raise Forbidden
    return call, table


def _decision(
    request: Request,
    session: Session,
    viewer: Viewer,
    call: Call,
    table: results.Table,
    form: Any,
    *,
    status: int = 200,
    problem: str = "",
) -> Response:
    # Whoever sends the form again accepts the text that stands beside it now.
    form.digest.data = undertaking.PRESENT.digest
    shown = service.shown(session, viewer, call)
    page = DecisionPage(call, shown, table, form, undertaking.PRESENT, problem)
    return render(request, "responses/decision.html", page, status=status)


@router.post("/calls/{call_id}/decision")
def decide(request: Request, call_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Publish the decision."""
    call, table = _decidable(session, viewer, call_id)
    responses = [row.response for row in table.rows]
    form = decision_form(responses).read(data)
    form.validate()
    picks = picks_any(form, responses)
    if picks:
        check_consent(form)
    if form.problems:
        return _decision(request, session, viewer, call, table, form, status=422)
    try:
        # What was done before the refusal is undone: the answer is a page, and the request commits.
        with session.begin_nested():
            deciding.decide(
                session,
                viewer,
                call_id,
                {r.id: _verdict(form, r) for r in responses},
                str(form.summary.data),
                _consent(form) if picks else None,
            )
    except (BadConsent, Unsuitable) as error:
        call, table = _decidable(session, viewer, call_id)
        return _decision(request, session, viewer, call, table, form, status=422, problem=error.zh)
    return flash.put(redirect(request, calls.path_of(call_id)), "call-decided")


def _verdict(form: Any, response: CallResponse) -> Verdict:
    return Verdict(
        picked=bool(form[f"picked_{response.id}"].data),
        outcome=str(form[f"outcome_{response.id}"].data or ""),
        reason=DeclineReason(form[f"reason_{response.id}"].data or DeclineReason.OTHER),
    )


def _consent(form: Any) -> Consent:
    fields = ("digest", "signed_name", "contact", "message")
    digest, name, contact, message = (str(form[field].data or "") for field in fields)
    return Consent(digest, name, contact, message)
