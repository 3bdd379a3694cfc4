"""Pages of administration: what needs attention, mails that were not sent, the state of the system."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.admin import state, users
from backend.admin.deps import AdminDep
from backend.deps import DatabaseDep, SessionDep, SettingsDep
from backend.htmx import redirect
from backend.matching.deps import EngineDep
from backend.matching.index_sync import EngineState
from backend.organisations import verification
from backend.templating import render

router = APIRouter(prefix="/admin")


@dataclass(frozen=True)
class HomePage:
    """Context of admin/home.html."""

    accounts: Mapping[users.State, int]
    organisations_waiting: int
    work: state.Work
    engine: EngineState


@dataclass(frozen=True)
class MailsPage:
    """Context of admin/mails.html."""

    mails: state.Mails
    work: state.Work


@dataclass(frozen=True)
class SystemPage:
    """Context of admin/system.html, which loads the state of the indexes as a fragment."""

    system: state.System
    work: state.Work


@dataclass(frozen=True)
class IndexPage:
    """Context of admin/index.html, whose block `index` is a fragment of the page of the system."""

    index: state.Index


@router.get("")
def home(request: Request, session: SessionDep, viewer: AdminDep, settings: SettingsDep, engine: EngineDep) -> Response:
    """What needs attention."""
    page = HomePage(
        accounts=users.counts(session),
        organisations_waiting=len(verification.waiting(session, viewer)),
        work=state.work(session, settings),
        engine=engine.state,
    )
    return render(request, "admin/home.html", page)


@router.get("/mails")
def mails(request: Request, session: SessionDep, viewer: AdminDep, settings: SettingsDep) -> Response:
    """Mails that were not sent."""
    page = MailsPage(state.mails(session, viewer), state.work(session, settings))
    return render(request, "admin/mails.html", page)


@router.post("/mails/retry")
def retry_all(request: Request, session: SessionDep, viewer: AdminDep) -> Response:
    """Send all again that can be."""
    count = state.retry_all(session, viewer)
    return flash.put(redirect(request, "/admin/mails"), "mails-retried" if count else "no-mail-retried")


@router.post("/mails/{mail_id}/retry")
def retry_one(request: Request, mail_id: str, session: SessionDep, viewer: AdminDep) -> Response:
    """Send one mail again."""
    state.retry(session, viewer, mail_id)
    return flash.put(redirect(request, "/admin/mails"), "mails-retried")


@router.get("/system")
def system(
    request: Request,
    session: SessionDep,
    viewer: AdminDep,
    settings: SettingsDep,
    database: DatabaseDep,
    engine: EngineDep,
) -> Response:
    """Work that waits, the database, versions."""
    page = SystemPage(state.system(session, database, engine), state.work(session, settings))
    return render(request, "admin/system.html", page)


@router.get("/index")
def index(
    request: Request, session: SessionDep, viewer: AdminDep, settings: SettingsDep, engine: EngineDep
) -> Response:
    """The state of the indexes and models."""
    page = IndexPage(state.index(session, viewer, engine, settings))
    return render(request, "admin/index.html", page, block="index")
