"""Pages of what a viewer oversees: reviews that wait, versions, releases, and what is open to one's organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from backend import flash
from backend.capabilities.forms import CapabilityForm
from backend.db import utc_now
from backend.deps import FormDep, RecordingSessionDep, SessionDep
from backend.disclosure import proposals, releases
from backend.disclosure.differences import FieldChange, compare
from backend.disclosure.filters import page_number
from backend.disclosure.forms import SubjectForm
from backend.disclosure.models import SubjectKind, Tier
from backend.disclosure.policy import check_can_propose, check_can_release
from backend.disclosure.releases import NotToThisOrganisation
from backend.errors import NotFound
from backend.forms import clean_line
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.needs.forms import NeedForm
from backend.organisations import service as organisations
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.oversight import service
from backend.oversight.forms import DAYS, DEFAULT_DAYS, ProposalForm, ReleaseForm
from backend.templating import render

router = APIRouter()

Form = TypeVar("Form", ReleaseForm, ProposalForm)

FORMS: dict[SubjectKind, type[SubjectForm]] = {
    SubjectKind.NEED: NeedForm,
    SubjectKind.CAPABILITY: CapabilityForm,
}


@dataclass(frozen=True)
class ReviewsPage:
    """Context of oversight/reviews.html."""

    waiting: Sequence[service.Waiting]


@dataclass(frozen=True)
class ReleasedPage:
    """Context of oversight/released.html."""

    opened: Sequence[service.Opened]


@dataclass(frozen=True)
class VersionsPage:
    """Context of oversight/versions.html. `number` is the version whose changes are shown, against `since`."""

    found: service.Overseen
    rows: Sequence[service.VersionRow]
    number: int | None = None
    since: int | None = None
    changes: Sequence[FieldChange] = ()


@dataclass(frozen=True)
class ReleasesPage:
    """Context of oversight/releases.html; `form` is that of a release or of a proposal, whichever the viewer may."""

    found: service.Overseen
    page: service.Releases
    q: str
    organisations: Sequence[tuple[str, str]]
    form: ReleaseForm | ProposalForm
    days: Sequence[tuple[str, str]]
    number: int


def _kind(request: Request) -> SubjectKind:
    """The side that an address belongs to."""
    return SubjectKind.NEED if request.url.path.startswith("/needs/") else SubjectKind.CAPABILITY


@router.get("/reviews")
def reviews(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """What waits for a broker."""
    return render(request, "oversight/reviews.html", ReviewsPage(service.reviews(session, viewer)))


@router.get("/released")
def released(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """What others have opened to the viewer's organisations."""
    return render(request, "oversight/released.html", ReleasedPage(service.opened(session, viewer)))


@router.get("/needs/{subject_id}/versions")
@router.get("/capabilities/{subject_id}/versions")
def versions(request: Request, subject_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The versions of a text."""
    found = service.overseen(session, viewer, _kind(request), subject_id)
    return render(request, "oversight/versions.html", VersionsPage(found, service.version_rows(session, found)))


@router.get("/needs/{subject_id}/versions/{number}")
@router.get("/capabilities/{subject_id}/versions/{number}")
def version(
    request: Request, subject_id: str, number: str, session: RecordingSessionDep, viewer: SignedInDep, since: str = ""
) -> Response:
    """What a version changed."""
    found = service.overseen(session, viewer, _kind(request), subject_id)
    asked = _number(since) if since else None
    former_number, former, present = service.version_pair(session, viewer, found, _number(number), asked)
    ids = {str(fields["department_id"]) for fields in (former, present) if fields.get("department_id")}
    departments = organisations.department_names(session, ids)
    names = {"department_id": lambda id_: departments.get(id_, "")}
    changes = compare(FORMS[found.facts.kind](), former, present, names)
    rows = service.version_rows(session, found)
    page = VersionsPage(found, rows, _number(number), former_number, changes)
    return render(request, "oversight/versions.html", page)


def _number(text: str) -> int:
    """A version number from an address; raises NotFound for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise NotFound
    return int(text)


@router.get("/needs/{subject_id}/releases")
@router.get("/capabilities/{subject_id}/releases")
def releases_page(
    request: Request, subject_id: str, session: SessionDep, viewer: SignedInDep, q: str = "", page: str = "1"
) -> Response:
    """To whom a text is open, who has read it, and the form to open it to one more."""
    found = service.overseen(session, viewer, _kind(request), subject_id)
    return _releases(request, session, viewer, found, q, number=page_number(page))


def _releases(
    request: Request,
    session: Session,
    viewer: Viewer,
    found: service.Overseen,
    q: str,
    form: ReleaseForm | ProposalForm | None = None,
    number: int = 1,
) -> Response:
    shown = service.releases_of(session, viewer, found, number)
    text = clean_line(q)[:100]
    choices = service.verified_organisations(session, found, text)
    page = ReleasesPage(
        found=found,
        page=shown,
        q=text,
        organisations=choices,
        form=form or (ProposalForm() if shown.may_propose else ReleaseForm()),
        days=list(DAYS.items()),
        number=number,
    )
    return render(request, "oversight/releases.html", page, status=422 if form is not None else 200)


@router.post("/needs/{subject_id}/releases")
@router.post("/capabilities/{subject_id}/releases")
def grant(request: Request, subject_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Open a tier to an organisation."""
    found = service.overseen(session, viewer, _kind(request), subject_id)
    check_can_release(viewer, found.facts)
    form = _read(ReleaseForm, data)
    if form.validate() and _chosen(form):
        try:
            tier, until = Tier(str(form.tier.data)), _until(str(form.days.data))
            releases.grant(session, viewer, found.facts, tier, str(form.organisation_id.data), until)
        except NotToThisOrganisation as error:
            form.organisation_id.errors = [error.zh]
        else:
            return flash.put(redirect(request, f"{found.card.url}/releases"), "release-granted")
    return _releases(request, session, viewer, found, str(form.q.data or ""), form)


@router.post("/needs/{subject_id}/releases/{release_id}/revoke")
@router.post("/capabilities/{subject_id}/releases/{release_id}/revoke")
def revoke(request: Request, subject_id: str, release_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """End a release at once."""
    found = service.overseen(session, viewer, _kind(request), subject_id)
    releases.revoke(session, viewer, found.facts, release_id)
    return flash.put(redirect(request, f"{found.card.url}/releases"), "release-revoked")


@router.post("/needs/{subject_id}/proposals")
@router.post("/capabilities/{subject_id}/proposals")
def propose(request: Request, subject_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Suggest to the author to open a tier to an organisation."""
    found = service.overseen(session, viewer, _kind(request), subject_id)
    check_can_propose(viewer, found.facts)
    form = _read(ProposalForm, data)
    if form.validate() and _chosen(form):
        organisation_id, tier, note = str(form.organisation_id.data), Tier(str(form.tier.data)), form.note.data or ""
        try:
            proposals.propose(session, viewer, found.subject, found.facts, tier, organisation_id, note)
        except NotToThisOrganisation as error:
            form.organisation_id.errors = [error.zh]
        else:
            return flash.put(redirect(request, f"{found.card.url}/releases"), "release-proposed")
    return _releases(request, session, viewer, found, str(form.q.data or ""), form)


@router.post("/needs/{subject_id}/proposals/{proposal_id}/{answer}")
@router.post("/capabilities/{subject_id}/proposals/{proposal_id}/{answer}")
def decide(
    request: Request,
    subject_id: str,
    proposal_id: str,
    answer: str,
    session: SessionDep,
    viewer: SignedInDep,
    data: FormDep,
) -> Response:
    """Accept or decline a proposal."""
    if answer not in ("accept", "decline"):
        raise NotFound
    found = service.overseen(session, viewer, _kind(request), subject_id)
    days = str(data.get("days") or DEFAULT_DAYS)
    until = _until(days if days in DAYS else DEFAULT_DAYS)
    accept = answer == "accept"
    proposals.decide(session, viewer, found.facts, proposal_id, accept=accept, expires_at=until)
    code = "release-granted" if accept else "release-declined"
    return flash.put(redirect(request, f"{found.card.url}/releases"), code)


def _read(form: type[Form], data: FormData) -> Form:
    made: Form = form.read(data)
    chosen = made.organisation_id.data
    # Whether the organisation may be chosen is the service's to say.
    made.organisation_id.choices = [("", ""), (chosen, "")] if chosen else [("", "")]
    return made


def _chosen(form: ReleaseForm | ProposalForm) -> bool:
    """Whether an organisation was chosen at all; says so beside the field if not."""
    if not form.organisation_id.data:
        form.organisation_id.errors = [_("请选择单位。")]
    return bool(form.organisation_id.data)


def _until(days: str) -> datetime | None:
    return utc_now() + timedelta(days=int(days)) if int(days) else None
