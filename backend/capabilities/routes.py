"""Pages of capabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend.capabilities import policy, service
from backend.capabilities.forms import CapabilityForm
from backend.capabilities.models import Capability, CapabilityKind, Stage
from backend.capabilities.states import SUBMITTED, CapabilityAction
from backend.config import Settings
from backend.deps import FormDep, RecordingSessionDep, SessionDep
from backend.disclosure import autosave, pages
from backend.disclosure.cards import Card
from backend.disclosure.differences import FieldChange, compare
from backend.disclosure.filters import Filters, page_number
from backend.disclosure.lapsing import REMIND_DAYS
from backend.disclosure.models import SubjectKind
from backend.disclosure.policy import can_create
from backend.errors import NotFound
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations import service as organisations
from backend.organisations.deps import CountedViewerDep, SignedInDep
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class CapabilityListPage:
    """Context of capabilities/list.html."""

    own: Sequence[Card]
    may_create: bool


@dataclass(frozen=True)
class CapabilityDetailPage:
    """Context of capabilities/detail.html."""

    capability: service.CapabilityDetail
    days_left: int | None
    remind_days: int
    checks: pages.Checks | None
    changes: Sequence[FieldChange]
    note_problem: pages.NoteProblem | None = None


@dataclass(frozen=True)
class OrganisationCapabilitiesPage:
    """Context of capabilities/of_organisation.html, whose block `listing` is a fragment of the organisation's page."""

    organisation: Organisation
    cards: Sequence[Card]
    total: int
    page: int
    pages: int


def _values(form: CapabilityForm) -> dict[str, object]:
    return pages.values_of(form) | {
        "kind": CapabilityKind(str(form.kind.data)),
        "stage": Stage(form.stage.data) if form.stage.data else None,
    }


def _write(session: Session, capability: Capability, form: CapabilityForm) -> bool:
    values = {name: value for name, value in _values(form).items() if name != "organisation_id"}
    return service.write_draft(session, capability, values)


def _save(
    session: Session, viewer: Viewer, capability_id: str, form: CapabilityForm, expected_version: int | None
) -> Capability:
    return service.save(session, viewer, capability_id, _values(form), expected_version=expected_version)


def _show(
    request: Request,
    session: Session,
    viewer: Viewer,
    capability_id: str,
    note_problem: pages.NoteProblem | None = None,
) -> Response:
    detail = service.read(session, viewer, capability_id)
    seen(request, notifications.mark_subject_read(session, viewer, capability_id))
    subject = service.find(session, capability_id)
    waits = subject is not None and subject.status in SUBMITTED and detail.handling is not None
    settings: Settings = request.app.state.settings
    page = CapabilityDetailPage(
        capability=detail,
        days_left=pages.days_left(detail.confirmed_at, settings.capability_days) if detail.is_open else None,
        remind_days=REMIND_DAYS[SubjectKind.CAPABILITY],
        checks=pages.checks(session, viewer, EDITOR, subject) if waits and subject and not detail.card.is_own else None,
        changes=compare(CapabilityForm(), *detail.changed) if detail.changed else (),
        note_problem=note_problem,
    )
    return render(request, "capabilities/detail.html", page, status=422 if note_problem else 200)


EDITOR = pages.Editor(
    kind=SubjectKind.CAPABILITY,
    template="capabilities/form.html",
    form=CapabilityForm,
    find=service.find,
    check_can_edit=policy.check_can_edit,
    data=lambda _session, capability: pages.data_of(capability),
    prepare=lambda _session, _form, _viewer, _author: None,
    save=_save,
    write=_write,
    act=service.act,
    show=_show,
    status=lambda capability: capability.status,
    is_open=service.is_open,
)


@router.get("/capabilities")
def my_capabilities(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """The capabilities of my organisations."""
    page = CapabilityListPage(service.own(session, viewer), can_create(viewer))
    return render(request, "capabilities/list.html", page)


@router.get("/capabilities/new")
def new_capability(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """An empty form."""
    return pages.show_new(request, session, viewer, EDITOR, {})


@router.post("/capabilities")
def create_capability(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Save a new capability as a draft, or submit it at once."""
    return pages.submit(request, session, viewer, EDITOR, data, None)


@router.get("/capabilities/{capability_id}")
def capability_page(
    request: Request, capability_id: str, session: RecordingSessionDep, viewer: CountedViewerDep
) -> Response:
    """One capability, as far as the viewer may read it."""
    return _show(request, session, viewer, capability_id)


@router.get("/capabilities/{capability_id}/edit")
def edit_capability(
    request: Request, capability_id: str, session: SessionDep, viewer: SignedInDep, copy: str = ""
) -> Response:
    """The form with the present text, or with what was not saved."""
    return pages.show_edit(request, session, viewer, EDITOR, capability_id, take_up=bool(copy))


@router.post("/capabilities/{capability_id}/edit")
def change_capability(
    request: Request, capability_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Save a changed text."""
    return pages.submit(request, session, viewer, EDITOR, data, capability_id)


@router.post("/capabilities/{capability_id}/autosave")
def autosave_capability(
    request: Request, capability_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Save a form that is being filled in."""
    return autosave.save(request, session, viewer, EDITOR, data, capability_id)


@router.post("/capabilities/{capability_id}/copy/discard")
def discard_copy_of_capability(
    request: Request, capability_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """Give up what was not saved."""
    return autosave.discard(request, session, viewer, EDITOR, capability_id)


@router.post("/capabilities/{capability_id}/{action}")
def act_on_capability(
    request: Request, capability_id: str, action: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Take an action of the author or of a broker: submit, publish, return, withdraw and the others of the table."""
    # What the system alone does has no address.
    if action not in list(CapabilityAction) or action == CapabilityAction.EXPIRE:
        raise NotFound
    return pages.act(request, session, viewer, EDITOR, capability_id, action, data)


@router.get("/organisations/{organisation_id}/capabilities")
def capabilities_of_organisation(
    request: Request, organisation_id: str, session: SessionDep, viewer: CountedViewerDep, page: str = "1"
) -> Response:
    """The open capabilities of an organisation under its name: a fragment of its page, and a page of its own."""
    organisation = organisations.get(session, viewer, organisation_id)
    filters = Filters(organisation_id=organisation_id, page=page_number(page))
    cards, total = service.listing(session, viewer, filters)
    context = OrganisationCapabilitiesPage(organisation, cards, total, filters.page, filters.pages(total))
    return render(request, "capabilities/of_organisation.html", context, block="listing")
