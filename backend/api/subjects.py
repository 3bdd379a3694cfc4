"""Needs and capabilities of the API: the same services and policies as their pages."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from backend.api import schemas
from backend.api.deps import (
    CapabilityReaderDep,
    CapabilityWriterDep,
    IdPath,
    IfMatch,
    NeedReaderDep,
    NeedWriterDep,
    etag,
)
from backend.api.problems import Incomplete
from backend.api.responses import PROBLEMS
from backend.api.writing import Writer
from backend.capabilities import routes as capability_pages
from backend.capabilities import service as capabilities
from backend.capabilities import states as capability_states
from backend.capabilities.models import CapabilityKind
from backend.db import ID_PATTERN
from backend.deps import RecordingSessionDep, SessionDep
from backend.disclosure.cards import Card
from backend.disclosure.filters import MAX_PAGE, PAGE_SIZE, Filters
from backend.disclosure.models import SubjectKind
from backend.forms import clean
from backend.i18n import gettext as _
from backend.matching import service as matching
from backend.matching.deps import EngineDep
from backend.matching.pace import spending
from backend.needs import routes as need_pages
from backend.needs import service as needs
from backend.needs import states as need_states
from backend.needs.models import NeedKind
from backend.organisations.policy import Viewer
from backend.taxonomies import Taxonomy, device_categories, regions, specialties

router = APIRouter(responses=PROBLEMS)

NEEDS = Writer(need_pages.EDITOR, need_states.TABLE)
CAPABILITIES = Writer(capability_pages.EDITOR, capability_states.TABLE)

PageNumber = Annotated[int, Query(ge=1, le=MAX_PAGE)]
PerPage = Annotated[int, Query(ge=1, le=100)]
Code = Annotated[str | None, Query(max_length=20, description="A code of the taxonomy.")]
OrganisationId = Annotated[
    str | None, Query(pattern=f"^{ID_PATTERN}$", description="What this organisation shows under its name.")
]
Own = Annotated[bool, Query(description="Your own organisations' instead of what is open, drafts among them.")]


def filters_of(
    kind: str | None,
    region: str | None,
    specialty: str | None,
    device_category: str | None = None,
    organisation_id: str | None = None,
    page: int = 1,
    per_page: int = PAGE_SIZE,
) -> Filters:
    """The filters of a request; raises Incomplete for a code that the taxonomy does not know."""
    asked: tuple[tuple[str, str | None, Taxonomy], ...] = (
        ("region", region, regions()),
        ("specialty", specialty, specialties()),
        ("device_category", device_category, device_categories()),
    )
    unknown = [(name, _("未知的代码。")) for name, code, known in asked if code and code not in known]
    if unknown:
        raise Incomplete(unknown)
    return Filters(
        kind=kind or "",
        region=region or "",
        specialty=specialty or "",
        device_category=device_category or "",
        organisation_id=organisation_id or "",
        page=page,
        limit=per_page,
    )


def link_pages(request: Request, response: Response, filters: Filters, total: int) -> None:
    """The ways to other pages. Source: RFC 8288."""
    last = min(filters.pages(total), MAX_PAGE)
    targets = {"first": 1, "prev": filters.page - 1, "next": filters.page + 1, "last": last}
    found = {rel: number for rel, number in targets.items() if 1 <= number <= last}
    # Relative to this address: behind a proxy the server does not know its own name.
    links = [f'<?{request.url.include_query_params(page=n).query}>; rel="{rel}"' for rel, n in found.items()]
    response.headers["Link"] = ", ".join(links)


def _page(
    request: Request,
    response: Response,
    session: Session,
    viewer: Viewer,
    filters: Filters,
    listing: Callable[[Session, Viewer, Filters], tuple[Sequence[Card], int]],
    own: Callable[[Session, Viewer], Sequence[Card]] | None,
) -> schemas.Page[schemas.Teaser]:
    if own is None:
        cards, total = listing(session, viewer, filters)
    else:
        found = [card for card in own(session, viewer) if filters.admits(card)]
        cards, total = found[filters.offset : filters.offset + filters.limit], len(found)
    link_pages(request, response, filters, total)
    items = [schemas.teaser(card) for card in cards]
    return schemas.Page(items=items, page=filters.page, per_page=filters.limit, total=total)


def _need(session: Session, viewer: Viewer, need_id: str, response: Response) -> schemas.NeedDetail:
    found = needs.read(session, viewer, need_id)
    response.headers["ETag"] = etag(found.version)
    return schemas.NeedDetail(
        teaser=schemas.teaser(found.card),
        brief=schemas.NeedBrief(**asdict(found.brief)) if found.brief else None,
        contact=found.contact,
        requirements=[schemas.Requirement.model_validate(point) for point in found.requirements],
        version=found.version,
        can_edit=found.can_edit,
        actions=list(found.actions) if found.card.is_own else [],
    )


def _capability(session: Session, viewer: Viewer, capability_id: str, response: Response) -> schemas.CapabilityDetail:
    found = capabilities.read(session, viewer, capability_id)
    response.headers["ETag"] = etag(found.version)
    return schemas.CapabilityDetail(
        teaser=schemas.teaser(found.card),
        brief=schemas.CapabilityBrief(**asdict(found.brief)) if found.brief else None,
        contact=found.contact,
        version=found.version,
        can_edit=found.can_edit,
        actions=list(found.actions) if found.card.is_own else [],
    )


@router.get("/needs", tags=["needs"])
def list_needs(
    request: Request,
    response: Response,
    session: SessionDep,
    viewer: NeedReaderDep,
    kind: NeedKind | None = None,
    region: Code = None,
    specialty: Code = None,
    device_category: Code = None,
    organisation_id: OrganisationId = None,
    own: Own = False,
    page: PageNumber = 1,
    per_page: PerPage = PAGE_SIZE,
) -> schemas.Page[schemas.Teaser]:
    """Needs that are open to you, newest first, or your own."""
    filters = filters_of(kind, region, specialty, device_category, organisation_id, page, per_page)
    return _page(request, response, session, viewer, filters, needs.listing, needs.own if own else None)


@router.post("/needs", tags=["needs"], status_code=201)
def create_need(
    response: Response, session: SessionDep, viewer: NeedWriterDep, draft: schemas.NeedDraft
) -> schemas.NeedDetail:
    """Make a draft."""
    need_id, is_new = NEEDS.create(session, viewer, draft)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1/needs/{need_id}"
    return _need(session, viewer, need_id, response)


@router.get("/needs/{need_id}", tags=["needs"])
def get_need(
    response: Response, session: RecordingSessionDep, viewer: NeedReaderDep, need_id: IdPath
) -> schemas.NeedDetail:
    """One need, as far as you may read it; reading a brief or annex of others is recorded."""
    return _need(session, viewer, need_id, response)


@router.patch("/needs/{need_id}", tags=["needs"])
def change_need(
    response: Response,
    session: SessionDep,
    viewer: NeedWriterDep,
    need_id: IdPath,
    change: schemas.NeedChange,
    if_match: IfMatch = None,
) -> schemas.NeedDetail:
    """Change the fields that are sent; `If-Match` names the version that you have read."""
    NEEDS.change(session, viewer, need_id, change, if_match)
    return _need(session, viewer, need_id, response)


@router.post("/needs/{need_id}/actions", tags=["needs"])
def act_on_need(
    response: Response,
    session: SessionDep,
    viewer: NeedWriterDep,
    need_id: IdPath,
    act: schemas.Act,
    if_match: IfMatch = None,
) -> schemas.NeedDetail:
    """Take one of the `actions` of a need."""
    NEEDS.act(session, viewer, need_id, act.action, clean(act.note), if_match)
    return _need(session, viewer, need_id, response)


@router.get("/needs/{need_id}/suggestions", tags=["needs"])
def suggestions_for_need(
    request: Request, session: SessionDep, viewer: NeedReaderDep, engine: EngineDep, need_id: IdPath
) -> schemas.SuggestionsOut:
    """The capabilities that fit a need."""
    spend = spending(request, viewer)
    _card, found = matching.suggest(session, engine, viewer, SubjectKind.NEED, need_id, spend)
    return schemas.suggestions_out(found)


@router.get("/capabilities", tags=["capabilities"])
def list_capabilities(
    request: Request,
    response: Response,
    session: SessionDep,
    viewer: CapabilityReaderDep,
    kind: CapabilityKind | None = None,
    region: Code = None,
    specialty: Code = None,
    device_category: Code = None,
    organisation_id: OrganisationId = None,
    own: Own = False,
    page: PageNumber = 1,
    per_page: PerPage = PAGE_SIZE,
) -> schemas.Page[schemas.Teaser]:
    """Capabilities that are open to you, newest first, or your own."""
    filters = filters_of(kind, region, specialty, device_category, organisation_id, page, per_page)
    own_ones = capabilities.own if own else None
    return _page(request, response, session, viewer, filters, capabilities.listing, own_ones)


@router.post("/capabilities", tags=["capabilities"], status_code=201)
def create_capability(
    response: Response, session: SessionDep, viewer: CapabilityWriterDep, draft: schemas.CapabilityDraft
) -> schemas.CapabilityDetail:
    """Make a draft."""
    capability_id, is_new = CAPABILITIES.create(session, viewer, draft)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1/capabilities/{capability_id}"
    return _capability(session, viewer, capability_id, response)


@router.get("/capabilities/{capability_id}", tags=["capabilities"])
def get_capability(
    response: Response, session: RecordingSessionDep, viewer: CapabilityReaderDep, capability_id: IdPath
) -> schemas.CapabilityDetail:
    """One capability, as far as you may read it; reading a brief or annex of others is recorded."""
    return _capability(session, viewer, capability_id, response)


@router.patch("/capabilities/{capability_id}", tags=["capabilities"])
def change_capability(
    response: Response,
    session: SessionDep,
    viewer: CapabilityWriterDep,
    capability_id: IdPath,
    change: schemas.CapabilityChange,
    if_match: IfMatch = None,
) -> schemas.CapabilityDetail:
    """Change the fields that are sent; `If-Match` names the version that you have read."""
    CAPABILITIES.change(session, viewer, capability_id, change, if_match)
    return _capability(session, viewer, capability_id, response)


@router.post("/capabilities/{capability_id}/actions", tags=["capabilities"])
def act_on_capability(
    response: Response,
    session: SessionDep,
    viewer: CapabilityWriterDep,
    capability_id: IdPath,
    act: schemas.Act,
    if_match: IfMatch = None,
) -> schemas.CapabilityDetail:
    """Take one of the `actions` of a capability."""
    CAPABILITIES.act(session, viewer, capability_id, act.action, clean(act.note), if_match)
    return _capability(session, viewer, capability_id, response)


@router.get("/capabilities/{capability_id}/suggestions", tags=["capabilities"])
def suggestions_for_capability(
    request: Request, session: SessionDep, viewer: CapabilityReaderDep, engine: EngineDep, capability_id: IdPath
) -> schemas.SuggestionsOut:
    """The needs that fit a capability."""
    spend = spending(request, viewer)
    _card, found = matching.suggest(session, engine, viewer, SubjectKind.CAPABILITY, capability_id, spend)
    return schemas.suggestions_out(found)
