"""Pages of needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.config import Settings
from backend.deps import FormDep, RecordingSessionDep, SessionDep
from backend.disclosure import autosave, pages
from backend.disclosure.cards import Card
from backend.disclosure.differences import FieldChange, compare
from backend.disclosure.filters import Filters, page_number
from backend.disclosure.lapsing import REMIND_DAYS
from backend.disclosure.models import SubjectKind, Tier
from backend.disclosure.policy import can_create
from backend.errors import NotFound
from backend.htmx import redirect
from backend.needs import policy, requirements, service
from backend.needs.forms import POINT_FIELDS, NeedForm
from backend.needs.models import Need, NeedKind, RequirementSource
from backend.needs.requirements import Written
from backend.needs.states import SUBMITTED, NeedAction
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations import service as organisations
from backend.organisations.deps import CountedViewerDep, SignedInDep
from backend.organisations.models import Organisation, OrganisationKind
from backend.organisations.policy import MembershipFacts, Viewer
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class NeedListPage:
    """Context of needs/list.html: own needs, and for brokers the open needs of their jurisdiction."""

    own: Sequence[Card]
    in_jurisdiction: Sequence[Card]
    total: int
    page: int
    pages: int
    may_create: bool


@dataclass(frozen=True)
class NeedDetailPage:
    """Context of needs/detail.html."""

    need: service.NeedDetail
    days_left: int | None
    remind_days: int
    checks: pages.Checks | None
    changes: Sequence[FieldChange]
    note_problem: pages.NoteProblem | None = None


@dataclass(frozen=True)
class OrganisationNeedsPage:
    """Context of needs/of_organisation.html, whose block `listing` is a fragment of the organisation's page."""

    organisation: Organisation
    cards: Sequence[Card]
    total: int
    page: int
    pages: int


def _data(session: Session, need: Need) -> Mapping[str, Any]:
    points = requirements.stored(session, need.id)
    proposed = all(point.source is RequirementSource.PROPOSED for point in points)
    return {
        **pages.data_of(need),
        "teaser_requirements": "\n".join(point.text for point in points if point.tier is Tier.TEASER),
        "requirements": "\n".join(point.text for point in points if point.tier is Tier.BRIEF),
        "requirements_seen": requirements.digest(points) if proposed else "",
    }


def _prepare(session: Session, form: NeedForm, viewer: Viewer, author: MembershipFacts | None) -> None:
    departments = organisations.departments_of(session, author.organisation_id) if author else []
    form.set_departments([(d.id, d.name) for d in departments])


def _values(form: NeedForm) -> dict[str, object]:
    values = {name: value for name, value in pages.values_of(form).items() if name not in POINT_FIELDS}
    return values | {"kind": NeedKind(str(form.kind.data))}


def _write(session: Session, need: Need, form: NeedForm) -> bool:
    values = {name: value for name, value in _values(form).items() if name != "organisation_id"}
    written = Written(form.teaser_requirement_lines(), form.requirement_lines(), form.requirements_untouched())
    return service.write_draft(session, need, values, written)


def _save(session: Session, viewer: Viewer, need_id: str, form: NeedForm, expected_version: int | None) -> Need:
    return service.save(
        session,
        viewer,
        need_id,
        _values(form),
        form.requirement_lines(),
        form.teaser_requirement_lines(),
        untouched=form.requirements_untouched(),
        expected_version=expected_version,
    )


def _show(
    request: Request,
    session: Session,
    viewer: Viewer,
    need_id: str,
    note_problem: pages.NoteProblem | None = None,
) -> Response:
    detail = service.read(session, viewer, need_id)
    seen(request, notifications.mark_subject_read(session, viewer, need_id))
    subject = service.find(session, need_id)
    waits = subject is not None and subject.status in SUBMITTED and detail.handling is not None
    settings: Settings = request.app.state.settings
    page = NeedDetailPage(
        need=detail,
        days_left=pages.days_left(detail.confirmed_at, settings.need_days) if detail.is_open else None,
        remind_days=REMIND_DAYS[SubjectKind.NEED],
        checks=pages.checks(session, viewer, EDITOR, subject) if waits and subject and not detail.card.is_own else None,
        changes=compare(NeedForm(), *detail.changed) if detail.changed else (),
        note_problem=note_problem,
    )
    return render(request, "needs/detail.html", page, status=422 if note_problem else 200)


EDITOR = pages.Editor(
    kind=SubjectKind.NEED,
    template="needs/form.html",
    form=NeedForm,
    find=service.find,
    check_can_edit=policy.check_can_edit,
    data=_data,
    prepare=_prepare,
    save=_save,
    write=_write,
    act=service.act,
    show=_show,
    status=lambda need: need.status,
    is_open=service.is_open,
)


@router.get("/needs")
def my_needs(request: Request, session: SessionDep, viewer: SignedInDep, page: str = "1") -> Response:
    """My needs; a broker sees the open needs of the jurisdiction besides."""
    filters = Filters(jurisdictions=viewer.jurisdictions, page=page_number(page))
    cards, total = service.listing(session, viewer, filters) if viewer.is_broker else ([], 0)
    context = NeedListPage(
        own=service.own(session, viewer),
        in_jurisdiction=cards,
        total=total,
        page=filters.page,
        pages=filters.pages(total),
        may_create=can_create(viewer),
    )
    return render(request, "needs/list.html", context)


@router.get("/needs/new")
def new_need(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """An empty form."""
    author = pages.author_membership(viewer, None)
    defaults = {}
    if author:
        is_hospital = author.kind is OrganisationKind.HOSPITAL
        kind = NeedKind.CLINICAL if is_hospital else NeedKind.TECHNICAL
        defaults = {
            "kind": kind.value,
            "department_id": author.department_id or "",
            "specialty": author.specialty or "",
        }
    return pages.show_new(request, session, viewer, EDITOR, defaults)


@router.post("/needs")
def create_need(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Save a new need as a draft, or submit it at once."""
    return pages.submit(request, session, viewer, EDITOR, data, None)


@router.get("/needs/{need_id}")
def need_page(request: Request, need_id: str, session: RecordingSessionDep, viewer: CountedViewerDep) -> Response:
    """One need, as far as the viewer may read it."""
    return _show(request, session, viewer, need_id)


@router.get("/needs/{need_id}/edit")
def edit_need(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep, copy: str = "") -> Response:
    """The form with the present text, or with what was not saved."""
    return pages.show_edit(request, session, viewer, EDITOR, need_id, take_up=bool(copy))


@router.post("/needs/{need_id}/edit")
def change_need(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Save a changed text."""
    return pages.submit(request, session, viewer, EDITOR, data, need_id)


@router.post("/needs/{need_id}/autosave")
def autosave_need(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Save a form that is being filled in."""
    return autosave.save(request, session, viewer, EDITOR, data, need_id)


@router.post("/needs/{need_id}/copy/discard")
def discard_copy_of_need(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Give up what was not saved."""
    return autosave.discard(request, session, viewer, EDITOR, need_id)


@router.post("/needs/{need_id}/support")
def join_need(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Be counted among those who lack the same."""
    service.support_need(session, viewer, need_id)
    return flash.put(redirect(request, f"/needs/{need_id}#support"), "need-supported")


@router.post("/needs/{need_id}/support/undo")
def leave_need(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Take that back."""
    service.leave_need(session, viewer, need_id)
    return flash.put(redirect(request, f"/needs/{need_id}#support"), "need-left")


@router.post("/needs/{need_id}/requirements/split")
def split_requirements_again(request: Request, need_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Give up the author's requirements for those of the text."""
    service.split_again(session, viewer, need_id)
    return flash.put(redirect(request, f"/needs/{need_id}#requirements"), "need-changed")


@router.post("/needs/{need_id}/{action}")
def act_on_need(
    request: Request, need_id: str, action: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Take an action of the author or of a broker: submit, publish, return, withdraw and the others of the table."""
    # What the system alone does has no address.
    if action not in list(NeedAction) or action == NeedAction.EXPIRE:
        raise NotFound
    return pages.act(request, session, viewer, EDITOR, need_id, action, data)


@router.get("/organisations/{organisation_id}/needs")
def needs_of_organisation(
    request: Request, organisation_id: str, session: SessionDep, viewer: CountedViewerDep, page: str = "1"
) -> Response:
    """The open needs of an organisation under its name: a fragment of its page, and a page of its own."""
    organisation = organisations.get(session, viewer, organisation_id)
    filters = Filters(organisation_id=organisation_id, page=page_number(page))
    cards, total = service.listing(session, viewer, filters)
    context = OrganisationNeedsPage(organisation, cards, total, filters.page, filters.pages(total))
    return render(request, "needs/of_organisation.html", context, block="listing")
