"""The home page, search, and the suggestions that the pages of needs and capabilities load."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from backend.capabilities.models import CapabilityKind
from backend.db import Database
from backend.deps import DatabaseDep, SessionDep
from backend.disclosure.cards import PATHS, Card
from backend.disclosure.filters import Filters, page_number
from backend.disclosure.models import SubjectKind
from backend.forms import clean
from backend.headers import method_of
from backend.matching import searching, service, shown
from backend.matching.deps import EngineDep
from backend.matching.index_sync import SearchEngine
from backend.matching.pace import spend_search, spending
from backend.needs.models import NeedKind
from backend.organisations.deps import CountedViewerDep, ViewerDep
from backend.organisations.policy import Viewer
from backend.taxonomies import regions, specialties
from backend.templating import render

router = APIRouter()

QUERY_LENGTH = 4000
KINDS: Mapping[SubjectKind, frozenset[str]] = {
    SubjectKind.NEED: frozenset(NeedKind),
    SubjectKind.CAPABILITY: frozenset(CapabilityKind),
}


@dataclass(frozen=True)
class HomePage:
    """Context of matching/home.html."""

    needs: Sequence[Card]
    need_total: int
    capabilities: Sequence[Card]
    capability_total: int


@dataclass(frozen=True)
class SearchPage:
    """Context of matching/search.html, whose block `results` is the fragment.

    `url` gives the address of the search with some of its parameters changed; the page number starts over unless given.
    """

    q: str
    side: SubjectKind
    filters: Filters
    result: searching.SearchResult
    pages: int
    too_long: bool
    regions: Sequence[tuple[str, str]]
    specialties: Sequence[tuple[str, str]]
    url: Callable[..., str]


@dataclass(frozen=True)
class SuggestionsPage:
    """Context of matching/suggestions.html, whose block `suggestions` is the fragment."""

    kind: SubjectKind
    subject_id: str
    card: Card
    suggestions: service.Suggestions


def _search_url(text: str, side: SubjectKind, filters: Filters) -> Callable[..., str]:
    asked = {
        "q": text,
        "side": side.value,
        "kind": filters.kind,
        "region": filters.region,
        "specialty": filters.specialty,
    }

    def url(**changes: str | int) -> str:
        values = {**asked, **changes}
        return "/search?" + urlencode({k: v for k, v in values.items() if v != "" and (k, v) != ("page", 1)})

    return url


@router.get("/")
def home(request: Request, session: SessionDep, viewer: CountedViewerDep) -> Response:
    """Search, and what has been published last."""
    few = Filters(limit=6)
    needs, need_total = searching.LISTINGS[SubjectKind.NEED](session, viewer, few)
    capabilities, capability_total = searching.LISTINGS[SubjectKind.CAPABILITY](session, viewer, few)
    return render(request, "matching/home.html", HomePage(needs, need_total, capabilities, capability_total))


@router.get("/search")
def search(
    request: Request,
    session: SessionDep,
    viewer: CountedViewerDep,
    engine: EngineDep,
    q: str = "",
    side: str = SubjectKind.CAPABILITY,
    kind: str = "",
    region: str = "",
    specialty: str = "",
    page: str = "1",
) -> Response:
    """Search the teasers of one side. Values that no link of the site makes are taken as not given."""
    chosen = SubjectKind(side) if side in list(SubjectKind) else SubjectKind.CAPABILITY
    filters = Filters(
        kind=kind if kind in KINDS[chosen] else "",
        region=region if region in regions() else "",
        specialty=specialty if specialty in specialties() else "",
        page=page_number(page),
    )
    text = clean(q.replace("\ufffd", " "))
    too_long = len(text) > QUERY_LENGTH
    if text:
        spend_search(request, viewer)
    result = searching.search(session, engine, viewer, chosen, text[:QUERY_LENGTH], filters)
    context = SearchPage(
        q=text,
        side=chosen,
        filters=filters,
        result=result,
        pages=filters.pages(result.total),
        too_long=too_long,
        regions=regions().choices(),
        specialties=specialties().choices(),
        url=_search_url(text, chosen, filters),
    )
    status = 422 if too_long else 200
    return render(request, "matching/search.html", context, block="results", status=status)


@router.get("/needs/{subject_id}/suggestions")
def suggestions_for_need(
    request: Request, subject_id: str, session: SessionDep, viewer: ViewerDep, engine: EngineDep, database: DatabaseDep
) -> Response:
    """The capabilities that fit a need."""
    return _suggestions(request, session, viewer, engine, database, SubjectKind.NEED, subject_id)


@router.get("/capabilities/{subject_id}/suggestions")
def suggestions_for_capability(
    request: Request, subject_id: str, session: SessionDep, viewer: ViewerDep, engine: EngineDep, database: DatabaseDep
) -> Response:
    """The needs that fit a capability."""
    return _suggestions(request, session, viewer, engine, database, SubjectKind.CAPABILITY, subject_id)


@router.get("/needs/{need_id}/suggestions/{capability_id}")
def open_capability(
    request: Request, need_id: str, capability_id: str, viewer: ViewerDep, database: DatabaseDep
) -> Response:
    """From a suggestion to the page of the capability, noted for the ranker; that page decides who may read it."""
    return _open(request, viewer, database, need_id, capability_id, SubjectKind.CAPABILITY, capability_id)


@router.get("/capabilities/{capability_id}/suggestions/{need_id}")
def open_need(request: Request, capability_id: str, need_id: str, viewer: ViewerDep, database: DatabaseDep) -> Response:
    """From a suggestion to the page of the need, likewise."""
    return _open(request, viewer, database, need_id, capability_id, SubjectKind.NEED, need_id)


def _open(
    request: Request,
    viewer: Viewer,
    database: Database,
    need_id: str,
    capability_id: str,
    kind: SubjectKind,
    subject_id: str,
) -> Response:
    response = RedirectResponse(f"{PATHS[kind]}/{subject_id}", status_code=303, headers={"Cache-Control": "no-store"})
    if viewer.is_signed_in and shown.looks(method_of(request), request.headers):
        response.background = BackgroundTask(shown.note_opened, database, viewer, need_id, capability_id)
    return response


def _suggestions(
    request: Request,
    session: Session,
    viewer: Viewer,
    engine: SearchEngine,
    database: Database,
    kind: SubjectKind,
    subject_id: str,
) -> Response:
    card, found = service.suggest(session, engine, viewer, kind, subject_id, spending(request, viewer))
    page = SuggestionsPage(kind, subject_id, card, found)
    response = render(request, "matching/suggestions.html", page, block="suggestions")
    # After the answer has gone out: nobody waits for it, and this transaction only reads. What is found by words alone
    # was not put in this order by the ranker.
    if viewer.is_signed_in and not found.by_words and shown.looks(method_of(request), request.headers):
        seen = shown.lines(kind, card, found.matches)
        response.background = BackgroundTask(shown.note_shown, database, viewer, seen)
    return response
