"""The web application: one factory, nothing happens at import."""

import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from anyio import to_thread
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from backend import ended_session
from backend.accounts import routes as accounts
from backend.accounts import sessions
from backend.accounts.seen import SessionsSeen
from backend.accounts.single_sign_on import Issuer
from backend.admin import audit_routes as admin_audit
from backend.admin import routes as admin
from backend.admin import user_routes as admin_users
from backend.again import RunAgain
from backend.api import pages as api_pages
from backend.api import problems
from backend.api import routes as api
from backend.attachments import routes as attachments
from backend.attachments.storage import make_storage
from backend.capabilities import routes as capabilities
from backend.capabilities import service as capabilities_service
from backend.client_address import ProxyNoticed
from backend.config import FRONTEND_DIR, Settings
from backend.conversations import routes as conversations
from backend.conversations.deps import load_messages
from backend.conversations.live import Live
from backend.csrf import SAFE_METHODS
from backend.db import Database, is_conflict, is_unavailable
from backend.desk import assignment_routes as assignment
from backend.desk import match_routes as match_desk
from backend.desk import routes as desk
from backend.desk import service as desk_service
from backend.disclosure.models import SubjectKind
from backend.errors import DomainError, NotFound, NotSignedIn, SecondFactorMissing
from backend.headers import SECURITY_HEADERS, Compression, HeadAsGet, RequestGuard, SecureCookies, SecurityHeaders
from backend.htmx import wants_fragment
from backend.i18n import gettext as _
from backend.introductions import lists as introductions_lists
from backend.introductions import people_routes as introduction_people
from backend.introductions import routes as introductions
from backend.introductions.case_page import Panel
from backend.introductions.cases import KIND as INTRODUCTION
from backend.introductions.deps import load_waiting
from backend.introductions.states import OPENED
from backend.jobs import import_task, index_task, make_tasks, shortlist_task
from backend.labels import LABELS
from backend.ledger import routes as ledger
from backend.matching import ranker
from backend.matching import routes as matching
from backend.matching.engine import make_engine
from backend.matching.index_sync import SearchEngine
from backend.meetings import docking_routes as docking
from backend.meetings import docking_showing
from backend.meetings import routes as meetings
from backend.meetings.docking import KIND as DOCKING
from backend.monitoring import routes as monitoring
from backend.needs import routes as needs
from backend.needs import service as needs_service
from backend.notifications import routes as notifications
from backend.notifications.deps import load_unread
from backend.notifications.service import Resolver
from backend.observing import HEADER, Observed
from backend.organisations import department_routes as departments
from backend.organisations import member_routes as members
from backend.organisations import routes as organisations
from backend.organisations.deps import load_viewer
from backend.organisations.service import viewer_of
from backend.oversight import access_routes as reasoned_access
from backend.oversight import routes as oversight
from backend.pace import Pace
from backend.personal import routes as personal
from backend.quiet import keep_server_quiet, trace, where
from backend.references import REFERENCES
from backend.rehearsal import routes as rehearsal
from backend.responses import answer_routes, review_routes
from backend.responses import routes as responses
from backend.responses import service as responses_service
from backend.responses.calls import KIND as CALL
from backend.results import routes as results
from backend.sealing import make_sealer
from backend.tasks import Runner
from backend.templating import make_environment, render
from backend.transfers import drafts as import_drafts
from backend.transfers import routes as transfers
from backend.transport import HSTS, BodyInTime, HostCheck, StrictTransport
from backend.worker import waker

log = logging.getLogger(__name__)

SECOND_FACTOR = "/account/second-factor"
JUST_NOW = timedelta(hours=1)
THREADS = 16
"""Requests that one process works on at the same time; more would wait for the interpreter and for connections."""
RETRY_SECONDS = 10

RESOLVERS: Mapping[str, Resolver] = {
    SubjectKind.NEED: needs_service.cards,
    SubjectKind.CAPABILITY: capabilities_service.cards,
    INTRODUCTION: introductions_lists.shown,
    CALL: responses_service.cards,
    DOCKING: docking_showing.cards,
    desk_service.KIND: desk_service.handed,
    import_drafts.KIND: import_drafts.shown,
}
"""Titles of what notifications are about, as far as the viewer may read them now."""

CASE_PANELS: tuple[Panel, ...] = (
    Panel("conversation", _("沟通"), _("正在载入沟通记录……"), OPENED),
    Panel("meetings", _("会议"), _("正在载入会议……"), OPENED),
    ledger.PANEL,
)
"""What higher floors add to the page of an introduction; each is loaded from `/introductions/{id}/<name>`."""


@dataclass(frozen=True)
class ErrorPage:
    """Context of errors/error.html."""

    status: int
    message: str
    request_id: str


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
    tasks = [
        *make_tasks(settings, database, environment, storage),
        import_task(database, engine),
        shortlist_task(engine, database),
    ]
    # Either does the work here, or tells the worker of it.
    runner = Runner(tasks) if settings.worker == "inside" else waker(settings, [*tasks, index_task(engine)])

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        engine.start()
        runner.start()
        yield
        runner.close()
        engine.close()
        database.dispose()

    app = FastAPI(title="医桥 Yiqiao", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.settings = settings
    app.state.database = database
    app.state.engine = engine
    app.state.pace = Pace(settings)
    app.state.storage = storage
    app.state.live = Live()
    app.state.templates = environment
    app.state.sealer = make_sealer(settings)
    app.state.issuer = Issuer(settings) if settings.oidc_issuer else None
    after_commit: list[Callable[[], None]] = [engine.follow_if_possible, runner.wake]
    app.state.after_commit = after_commit
    app.state.error_page = error_page
    app.state.references = REFERENCES
    app.state.resolvers = RESOLVERS
    app.state.with_viewer = (load_unread, load_waiting, load_messages)
    app.state.case_panels = CASE_PANELS
    app.state.landing = landing

    # The last one added stands outermost.
    app.add_middleware(BodyInTime)
    app.add_middleware(
        RequestGuard,
        max_body_bytes=settings.max_body_bytes,
        uploads=re.compile(
            "|".join(
                (
                    attachments.UPLOADS.pattern,
                    rehearsal.FILL_PATH,
                    transfers.PATH,
                    conversations.UPLOADS,
                    api.UPLOADS,
                )
            )
        ),
        # A file that is a little too large still gets its reason beside the field.
        max_upload_bytes=max(2 * settings.max_upload_bytes, settings.max_body_bytes),
    )
    app.add_middleware(Compression, minimum_size=2000)
    app.add_middleware(SecurityHeaders)
    if settings.by_https:
        app.add_middleware(StrictTransport)
    if settings.sends_cookies_by_https_alone:
        app.add_middleware(SecureCookies)
    app.add_middleware(SessionsSeen, database=lambda: app.state.database)
    app.add_middleware(RunAgain)
    if settings.proxy_hops == 0:
        app.add_middleware(ProxyNoticed)
    app.add_middleware(HeadAsGet)
    app.add_middleware(HostCheck, hosts=settings.known_hosts)
    app.add_middleware(Observed)

    app.mount("/static", CachedStaticFiles(directory=FRONTEND_DIR / "static"), name="static")
    # Suggestions, releases and the like come before needs, or their addresses would be taken for actions on a need.
    subjects = (needs, capabilities)
    of_organisations = (organisations, members, departments)
    cases = (introductions, introduction_people, ledger)
    above = (monitoring, *cases, matching, rehearsal, transfers, personal, attachments, api_pages, notifications)
    overseeing = (oversight, reasoned_access)
    administration = (admin, admin_audit, admin_users)
    of_calls = (responses, answer_routes, review_routes)
    broking = (results, desk, match_desk, assignment)
    of_cases = (conversations, meetings, docking)
    for routes in (*administration, *broking, *of_cases, *above, *of_calls, *overseeing, *of_organisations, *subjects):
        app.include_router(routes.router)
    # They stand below organisations and know no viewer; the frame of their pages does.
    app.include_router(accounts.router, dependencies=[Depends(load_viewer)])

    app.mount(api.PATH, api.make_api(app))

    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


def landing(session: Session, token: str) -> str:
    """Where the work of whoever has just signed in begins: at the desk for brokers, else at the home page."""
    found = sessions.find(session, token, JUST_NOW)
    return "/desk" if found and viewer_of(session, found[0]).is_broker else "/"


def error_page(request: Request, error: DomainError) -> Response:
    """The page of a domain error, its line in the flash region for htmx, or a problem of the API; the true status."""
    if _is_api(request):
        return problems.of_domain(request, error)
    if isinstance(error, NotSignedIn):
        return _to_sign_in(request)
    if isinstance(error, SecondFactorMissing):
        return _to_set_up(request, error)
    return _render_error(request, error.status, error.zh, error.headers)


def _render_error(request: Request, status: int, message: str, more: Mapping[str, str] | None = None) -> Response:
    if not hasattr(request.state, "viewer"):
        _load_viewer(request)
    headers = {"HX-Retarget": "#flash", "HX-Reswap": "innerHTML"} if wants_fragment(request) else {}
    headers |= more or {}
    page = ErrorPage(status, message, getattr(request.state, "request_id", ""))
    return render(request, "errors/error.html", page, block="message", status=status, headers=headers)


def _load_viewer(request: Request) -> None:
    """The frame of an error page shows who is signed in, also where the route was never reached."""
    try:
        load_viewer(request)
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


def _to_set_up(request: Request, error: SecondFactorMissing) -> Response:
    """Lead a broker or administrator to the set-up of the second factor; a write is refused."""
    if wants_fragment(request):
        return Response(status_code=error.status, headers={"HX-Redirect": SECOND_FACTOR})
    if request.method not in SAFE_METHODS:
        return _render_error(request, error.status, error.zh)
    return RedirectResponse(SECOND_FACTOR, status_code=303)


async def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    if isinstance(error, NotSignedIn) and not _is_api(request) and not wants_fragment(request):
        page = await ended_session.kept(request, had_session=sessions.token_of(request) is not None)
        if page is not None:
            return await run_in_threadpool(render, request, "errors/ended.html", page, status=error.status)
    return await run_in_threadpool(error_page, request, error)


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


def _is_api(request: Request) -> bool:
    return request.url.path.startswith(f"{api.PATH}/")


def _fault(request: Request, status: int, message: str) -> Response:
    return (problems.of_fault if _is_api(request) else _render_error)(request, status, message)


def _unexpected_error(request: Request, error: Exception) -> Response:
    # Without its message, which may hold a text that not everybody may read.
    log.error("unexpected error on %s %s: %s", request.method, request.url.path, trace(error))
    if is_conflict(error) or is_unavailable(error):
        message = _("系统繁忙或数据库暂时无法访问，操作可能没有保存。请稍后重试。")
        response = _fault(request, 503, message)
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    else:
        message = _("服务器出现故障，操作可能没有保存。请稍后重试；如仍有问题，请联系平台管理员。")
        response = _fault(request, 500, message)
    # This answer is made outside of all middleware. The server closes the connection after it; a client that were not
    # told could send its next request into the closing one, and get no answer.
    response.headers.update(
        {**SECURITY_HEADERS, HEADER: getattr(request.state, "request_id", ""), "Connection": "close"}
    )
    if request.app.state.settings.by_https:
        response.headers["Strict-Transport-Security"] = HSTS
    return response
