"""The web application: one factory, nothing happens at import."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from backend.accounts import routes as accounts
from backend.api import pages as api_pages
from backend.api import problems
from backend.api import routes as api
from backend.attachments import routes as attachments
from backend.attachments.storage import make_storage
from backend.capabilities import routes as capabilities
from backend.config import FRONTEND_DIR, Settings
from backend.csrf import SAFE_METHODS
from backend.db import Database
from backend.errors import DomainError, NotFound, NotSignedIn
from backend.headers import SECURITY_HEADERS, Compression, RequestGuard, SecurityHeaders
from backend.htmx import wants_fragment
from backend.i18n import gettext as _
from backend.jobs import make_tasks
from backend.labels import LABELS
from backend.matching import ranker
from backend.matching import routes as matching
from backend.matching.engine import make_engine
from backend.matching.index_sync import SearchEngine
from backend.needs import routes as needs
from backend.organisations import routes as organisations
from backend.organisations.deps import get_viewer
from backend.quiet import keep_server_quiet, trace, where
from backend.tasks import Runner
from backend.templating import make_environment, render

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ErrorPage:
    """Context of errors/error.html."""

    status: int
    message: str


class CachedStaticFiles(StaticFiles):
    """Static files are addressed with a digest of their content, so browsers may keep them for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and b"v=" in scope["query_string"]:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def create_app(
    settings: Settings | None = None,
    *,
    database: Database | None = None,
    engine: SearchEngine | None = None,
) -> FastAPI:
    """The application over a database whose tables are up to date. Database and engine may be given by tests."""
    settings = settings or Settings()
    keep_server_quiet()
    ranker.use(ranker.own_file(settings.data_dir))
    database = database or Database(settings.resolved_database_url)
    engine = engine or make_engine(settings, database)
    environment = make_environment(LABELS)
    storage = make_storage(settings)
    runner = Runner(make_tasks(settings, database, environment, storage)) if settings.worker == "inside" else None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        engine.start()
        if runner is not None:
            runner.start()
        yield
        if runner is not None:
            runner.close()
        engine.close()
        database.dispose()

    app = FastAPI(title="医桥 Yiqiao", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.settings = settings
    app.state.database = database
    app.state.engine = engine
    app.state.storage = storage
    app.state.templates = environment
    after_commit: list[Callable[[], None]] = [engine.follow_if_possible]
    if runner is not None:
        after_commit.append(runner.wake)
    app.state.after_commit = after_commit
    app.state.error_page = error_page

    # The last one added stands outermost.
    app.add_middleware(
        RequestGuard,
        max_body_bytes=settings.max_body_bytes,
        uploads=attachments.UPLOADS,
        # A file that is a little too large still gets its reason beside the field.
        max_upload_bytes=max(2 * settings.max_upload_bytes, settings.max_body_bytes),
    )
    app.add_middleware(Compression, minimum_size=2000)
    app.add_middleware(SecurityHeaders)

    app.mount("/static", CachedStaticFiles(directory=FRONTEND_DIR / "static"), name="static")
    # Suggestions come before needs, or their address would be taken for an action on a need.
    for routes in (matching, attachments, api_pages, accounts, organisations, needs, capabilities):
        app.include_router(routes.router)

    app.mount(api.PATH, api.make_api(app))

    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


def error_page(request: Request, error: DomainError) -> Response:
    """The page of a domain error, its line in the flash region for htmx, or a problem of the API; the true status."""
    if request.url.path.startswith(f"{api.PATH}/"):
        return problems.of_domain(request, error)
    if isinstance(error, NotSignedIn):
        return _to_sign_in(request)
    return _render_error(request, error.status, error.zh)


def _render_error(request: Request, status: int, message: str) -> Response:
    if not hasattr(request.state, "viewer"):
        _load_viewer(request)
    headers = {"HX-Retarget": "#flash", "HX-Reswap": "innerHTML"} if wants_fragment(request) else {}
    page = ErrorPage(status, message)
    return render(request, "errors/error.html", page, block="message", status=status, headers=headers)


def _load_viewer(request: Request) -> None:
    """The frame of an error page shows who is signed in, also where the route was never reached."""
    try:
        get_viewer(request)
    except Exception as error:
        log.error("viewer could not be loaded for an error page: %s", where(error))


def _to_sign_in(request: Request) -> Response:
    """Send a visitor to the sign-in form and back afterwards; a write that found the session ended goes home."""
    back = request.url.path if request.method in SAFE_METHODS else "/"
    if request.url.query and request.method in SAFE_METHODS:
        back += f"?{request.url.query}"
    url = f"/sign-in?next={quote(back)}"
    if wants_fragment(request):
        return Response(status_code=401, headers={"HX-Redirect": url})
    return RedirectResponse(url, status_code=303)


def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return error_page(request, error)


def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    messages = {
        404: NotFound.zh,
        405: _("这个地址不支持该操作，请从页面上的按钮进入。"),
    }
    response = _render_error(request, status, messages.get(status, _("请求无法处理，请返回上一页重试。")))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _gone(request: Request, error: Exception) -> Response:
    """Whoever asked has left before the request was whole: nobody reads the answer, and nothing went wrong here."""
    return Response(status_code=400)


def _unexpected_error(request: Request, error: Exception) -> Response:
    # Without its message, which may hold a text that not everybody may read.
    log.error("unexpected error on %s %s: %s", request.method, request.url.path, trace(error))
    response = _render_error(
        request, 500, _("服务器出现故障，操作可能没有保存。请稍后重试；如仍有问题，请联系平台管理员。")
    )
    # This answer is made outside of all middleware.
    response.headers.update(SECURITY_HEADERS)
    return response
