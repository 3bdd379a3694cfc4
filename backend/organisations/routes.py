"""Pages of organisations: registration, profile, verification and merging."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from backend import flash
from backend.db import new_id
from backend.deps import FormDep, SessionDep
from backend.htmx import redirect
from backend.organisations import credit_code, merging, policy, registration, requests, service, verification
from backend.organisations.deps import CountedViewerDep, ReferencesDep, SignedInDep
from backend.organisations.forms import TAKEN, JoinForm, MergeForm, OrganisationForm, RefusalForm
from backend.organisations.models import Department, MemberRole, Organisation
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class OrganisationPage:
    """Context of organisations/detail.html; needs and capabilities load as fragments of their own floors."""

    organisation: Organisation
    departments: Sequence[Department]
    shows_contact: bool
    is_member: bool
    can_manage: bool
    can_decide: bool
    can_merge_away: bool
    refusal: RefusalForm


@dataclass(frozen=True)
class OrganisationFormPage:
    """Context of organisations/form.html. `organisation` is what is stored, None for a new one.

    `join` is the way to those who have registered the organisation before.
    """

    form: OrganisationForm
    url: str
    organisation: Organisation | None = None
    join: JoinForm | None = None


@dataclass(frozen=True)
class MinePage:
    """Context of organisations/mine.html."""

    requests: Sequence[requests.OwnRequest]
    may_verify: bool


@dataclass(frozen=True)
class WaitingPage:
    """Context of organisations/waiting.html."""

    waiting: Sequence[Organisation]
    requests: Sequence[requests.OpenRequest]
    roles: Sequence[MemberRole] = field(default=(MemberRole.OWNER, MemberRole.EDITOR, MemberRole.VIEWER))


@dataclass(frozen=True)
class MergePage:
    """Context of organisations/merge.html. `moves` says that members and texts go along."""

    organisation: Organisation
    form: MergeForm
    moves: bool
    preview: merging.Preview | None = None


@router.get("/organisations")
def my_organisations(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """Where I am a member, and how to become one."""
    page = MinePage(requests.own(session, viewer), policy.can_verify_any(viewer))
    return render(request, "organisations/mine.html", page)


@router.get("/organisations/new")
def new_organisation(request: Request, viewer: SignedInDep) -> Response:
    """An empty form."""
    form = OrganisationForm(
        data={"organisation_id": new_id(), "contact_name": viewer.name, "contact_email": viewer.email}
    )
    return render(request, "organisations/form.html", OrganisationFormPage(form, "/organisations"))


@router.post("/organisations")
def register_organisation(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Register an organisation; one that exists already is offered to be joined."""
    form: OrganisationForm = OrganisationForm.read(data)
    page = OrganisationFormPage(form, "/organisations")
    if not form.validate():
        return render(request, "organisations/form.html", page, status=422)
    try:
        made = registration.register(session, viewer, str(form.organisation_id.data), form.details())
    except registration.AlreadyRegistered as error:
        form[error.field].errors = [TAKEN[error.field]]
        join = JoinForm(data={"name": form.name.data, "credit_code": form.credit_code.data})
        page = OrganisationFormPage(form, "/organisations", join=join)
        return render(request, "organisations/form.html", page, status=422)
    return flash.put(redirect(request, f"/organisations/{made.id}"), "organisation-registered")


@router.post("/organisations/join")
def ask_to_join(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Ask the owners of a registered organisation for membership."""
    form: JoinForm = JoinForm.read(data)
    if not form.validate():
        empty = OrganisationForm(data={"organisation_id": new_id(), "name": form.name.data})
        page = OrganisationFormPage(empty, "/organisations", join=form)
        return render(request, "organisations/form.html", page, status=422)
    code = credit_code.normalise(form.credit_code.data or "") or None
    member_of = requests.ask(session, viewer, str(form.name.data), code, str(form.message.data))
    if member_of:
        return redirect(request, f"/organisations/{member_of}")
    return flash.put(redirect(request, "/organisations"), "join-requested")


@router.get("/organisations/waiting")
def waiting_organisations(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """What waits for verification, and requests for organisations that nobody manages."""
    page = WaitingPage(verification.waiting(session, viewer), requests.without_owner(session, viewer))
    return render(request, "organisations/waiting.html", page)


@router.get("/organisations/{organisation_id}")
def organisation_page(
    request: Request, organisation_id: str, session: SessionDep, viewer: CountedViewerDep
) -> Response:
    """One organisation; a merged one leads to what it has become a part of."""
    if kept_id := service.merged_into(session, viewer, organisation_id):
        # Not to be kept by the browser: whoever uses it next may not be led anywhere.
        return RedirectResponse(f"/organisations/{kept_id}", 301, headers={"Cache-Control": "no-store"})
    organisation = service.get(session, viewer, organisation_id)
    form = RefusalForm(data={"seen": service.identity(organisation)})
    return render(request, "organisations/detail.html", _page(session, viewer, organisation, form))


@router.get("/organisations/{organisation_id}/edit")
def edit_organisation(request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The form with what is registered."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_manage(viewer, organisation)
    form = OrganisationForm(data={**organisation.model_dump(), "organisation_id": organisation.id})
    return render(request, "organisations/form.html", OrganisationFormPage(form, _edit_url(organisation), organisation))


@router.post("/organisations/{organisation_id}/edit")
def change_organisation(
    request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Save what was corrected; it may have to be verified again."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_manage(viewer, organisation)
    was_waiting = not organisation.is_verified
    form: OrganisationForm = OrganisationForm.read(data)
    form.organisation_id.data = organisation_id
    form.code_is_optional = organisation.credit_code is None
    form.verified_name = organisation.verified_name
    page = OrganisationFormPage(form, _edit_url(organisation), organisation)
    if not form.validate():
        return render(request, "organisations/form.html", page, status=422)
    try:
        changed = registration.edit(session, viewer, organisation_id, form.details())
    except registration.AlreadyRegistered as error:
        form[error.field].errors = [TAKEN[error.field]]
        return render(request, "organisations/form.html", page, status=422)
    code = "organisation-changed" if changed.is_verified or was_waiting else "organisation-waits-again"
    return flash.put(redirect(request, f"/organisations/{organisation_id}"), code)


@router.post("/organisations/{organisation_id}/verify")
def verify_organisation(
    request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Verify an organisation."""
    verification.verify(session, viewer, organisation_id, seen=str(data.get("seen", "")))
    return flash.put(redirect(request, "/organisations/waiting"), "organisation-verified")


@router.post("/organisations/{organisation_id}/refuse")
def refuse_organisation(
    request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Refuse an organisation with a reason."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_decide(viewer, organisation)
    form: RefusalForm = RefusalForm.read(data)
    if not form.validate():
        page = _page(session, viewer, organisation, form)
        return render(request, "organisations/detail.html", page, status=422)
    verification.refuse(session, viewer, organisation_id, str(form.reason.data), seen=form.seen.data or "")
    return flash.put(redirect(request, "/organisations/waiting"), "organisation-refused")


@router.get("/organisations/{organisation_id}/merge")
def merge_form(
    request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep, references: ReferencesDep
) -> Response:
    """Name the organisation that stays, then look at what moves."""
    organisation = service.get(session, viewer, organisation_id)
    merging.check_can_merge_away(session, viewer, organisation, references)
    moves = policy.can_hand_over(viewer)
    if "into" not in request.query_params:
        return render(request, "organisations/merge.html", MergePage(organisation, MergeForm(), moves))
    form = MergeForm(data={"into": request.query_params["into"].strip()})
    try:
        if not form.validate():
            return render(request, "organisations/merge.html", MergePage(organisation, form, moves), status=422)
        kept = merging.find(session, viewer, str(form.into.data))
        preview = merging.preview(session, viewer, organisation_id, kept.id, references)
    except merging.Unsuitable as error:
        form.into.errors = [error.zh]
        return render(request, "organisations/merge.html", MergePage(organisation, form, moves), status=error.status)
    return render(request, "organisations/merge.html", MergePage(organisation, form, moves, preview))


@router.post("/organisations/{organisation_id}/merge")
def merge_organisation(
    request: Request,
    organisation_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    references: ReferencesDep,
    data: FormDep,
) -> Response:
    """Merge an organisation into another one."""
    kept = merging.merge(session, viewer, organisation_id, str(data.get("kept_id", "")), references)
    return flash.put(redirect(request, f"/organisations/{kept.id}"), "organisation-merged")


def _edit_url(organisation: Organisation) -> str:
    return f"/organisations/{organisation.id}/edit"


def _page(session: Session, viewer: Viewer, organisation: Organisation, form: RefusalForm) -> OrganisationPage:
    return OrganisationPage(
        organisation=organisation,
        departments=service.departments_of(session, organisation.id),
        shows_contact=policy.can_read_contact(viewer, organisation),
        is_member=viewer.membership_in(organisation.id) is not None,
        can_manage=policy.can_manage(viewer, organisation),
        can_decide=policy.can_decide(viewer, organisation),
        can_merge_away=policy.can_merge_away(viewer, organisation),
        refusal=form,
    )
