"""The JSON API under /api/v1: an application of its own, mounted, with errors as problem+json and a description."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from backend.api import files, problems, schemas, subjects
from backend.api.deps import AccessDep, IdPath, ReaderDep, refuse_unknown_parameters
from backend.api.problems import Incomplete
from backend.api.responses import PROBLEMS
from backend.api.subjects import Code, PageNumber, PerPage, filters_of, link_pages
from backend.deps import SessionDep
from backend.disclosure.filters import PAGE_SIZE
from backend.disclosure.models import SubjectKind
from backend.errors import DomainError
from backend.forms import clean
from backend.i18n import gettext as _
from backend.matching import searching
from backend.matching import service as matching
from backend.matching.deps import EngineDep
from backend.matching.pace import spend_search
from backend.matching.routes import KINDS
from backend.organisations import service as organisations

PATH = "/api/v1"
UPLOADS = f"{PATH}{files.UPLOADS}"
"""The addresses that take files."""
DESCRIPTION = """Needs and capabilities for programs, under the same rules as the pages.

Make a token at `/account/tokens` and send it as `Authorization: Bearer yq_…`. A token can do at most what its user can,
and of that what its scopes name. Errors are `application/problem+json` (RFC 9457) in Chinese and English. Changes need
the `ETag` of what was read as `If-Match`. A draft or file with an `id` that you choose can be sent twice without harm.

Files go up as `multipart/form-data`, are checked by their content and lose their metadata unless `strip` is false; each
download is recorded. A parameter that an address does not know is refused. Many requests in a short time get 429 with
`Retry-After`.
"""

router = APIRouter(responses=PROBLEMS)


@router.get("/me", tags=["account"])
def me(access: AccessDep) -> schemas.Me:
    """Whose token this is."""
    viewer = access.viewer
    return schemas.Me(
        user_id=str(viewer.user_id),
        name=viewer.name,
        memberships=[
            schemas.MembershipOut(
                organisation=schemas.Named(id=m.organisation_id, name=m.organisation_name),
                kind=m.kind,
                role=m.role,
                verified=m.verified,
                jurisdiction=m.jurisdiction,
            )
            for m in viewer.memberships
        ],
        token=access.name,
        scopes=sorted(access.scopes),
        expires_at=access.expires_at,
    )


@router.get("/organisations/{organisation_id}", tags=["organisations"])
def get_organisation(session: SessionDep, viewer: ReaderDep, organisation_id: IdPath) -> schemas.OrganisationOut:
    """One organisation."""
    return schemas.OrganisationOut.of(organisations.get(session, viewer, organisation_id))


@router.get("/search", tags=["search"])
def search(
    request: Request,
    response: Response,
    session: SessionDep,
    viewer: ReaderDep,
    engine: EngineDep,
    q: Annotated[str, Query(max_length=4000)] = "",
    side: SubjectKind = SubjectKind.CAPABILITY,
    kind: Annotated[str | None, Query(max_length=30, description="A kind of that side.")] = None,
    region: Code = None,
    specialty: Code = None,
    page: PageNumber = 1,
    per_page: PerPage = PAGE_SIZE,
) -> schemas.SearchOut:
    """Teasers of one side that fit the words; without words the newest."""
    if kind and kind not in KINDS[side]:
        raise Incomplete([("kind", _("这一侧没有这种类型。"))])
    filters = filters_of(kind, region, specialty, page=page, per_page=per_page)
    if text := clean(q.replace("\ufffd", " ")):
        spend_search(request, viewer)
    result = searching.search(session, engine, viewer, side, text, filters)
    link_pages(request, response, filters, result.total)
    items = [
        schemas.Hit(teaser=schemas.teaser(card), snippet=schemas.plain(result.snippets.get(card.id, ())))
        for card in result.cards
    ]
    return schemas.SearchOut(
        items=items,
        page=page,
        per_page=per_page,
        total=result.total,
        state=result.state,
        nearest=result.nearest,
        by_words=result.by_words,
    )


@router.post("/match", tags=["search"])
def match(
    request: Request, session: SessionDep, viewer: ReaderDep, engine: EngineDep, wanted: schemas.MatchText
) -> schemas.SuggestionsOut:
    """What fits a text that is not kept, by teasers."""
    spend_search(request, viewer)
    engine.follow_if_possible()
    found = matching.match_text(session, engine, viewer, matching.free_text(clean(wanted.text)), wanted.side)
    return schemas.suggestions_out(found)


class Api(FastAPI):
    """Leaves what it did not expect to the site around it, which runs a request again, or tells of a fault."""

    def build_middleware_stack(self) -> ASGIApp:
        handlers: Mapping[Any, Any] = self.exception_handlers
        return ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=handlers)


def make_api(app: FastAPI) -> FastAPI:
    """The API of an application, with what that one keeps (database, engine, settings)."""
    api = Api(
        title="医桥 Yiqiao API",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    api.state = app.state
    for part in (router, subjects.router, files.router):
        api.include_router(part)
    api.add_exception_handler(DomainError, problems.of_domain)
    api.add_exception_handler(HTTPException, problems.of_http)
    api.add_exception_handler(RequestValidationError, problems.of_validation)

    def described() -> dict[str, Any]:
        if not api.openapi_schema:
            made = get_openapi(
                title=api.title,
                version=api.version,
                description=DESCRIPTION,
                routes=api.routes,
                servers=[{"url": PATH}],
            )
            problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            made["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
            api.openapi_schema = made
        return api.openapi_schema

    api.openapi = described  # type: ignore[method-assign]
    return api
