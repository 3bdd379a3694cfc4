"""Pages of notifications: the list, and which of them come as mails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, SessionDep
from backend.htmx import redirect
from backend.notifications import service
from backend.notifications.models import Notice
from backend.organisations.deps import SignedInDep
from backend.templating import render

router = APIRouter(prefix="/notifications")

MAX_PAGE = 10_000


@dataclass(frozen=True)
class NotificationsPage:
    """Context of notifications/list.html."""

    entries: Sequence[service.Entry]
    unread_here: int
    page: int
    pages: int


@dataclass(frozen=True)
class PreferencesPage:
    """Context of notifications/preferences.html."""

    choices: Mapping[Notice, bool]


@router.get("")
def notifications(request: Request, session: SessionDep, viewer: SignedInDep, page: str = "1") -> Response:
    """What the viewer has been told, newest first."""
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    number = min(max(number, 1), MAX_PAGE)
    entries, total = service.entries(session, viewer, request.app.state.resolvers, number)
    unread = sum(entry.notification.read_at is None for entry in entries)
    context = NotificationsPage(entries, unread, number, max(1, -(-total // service.PAGE_SIZE)))
    return render(request, "notifications/list.html", context)


@router.post("/read")
def read_all(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """Mark all as read."""
    service.mark_all_read(session, viewer)
    return flash.put(redirect(request, "/notifications"), "notifications-read")


@router.get("/preferences")
def preferences(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """Which kinds of event come as mails."""
    return render(request, "notifications/preferences.html", PreferencesPage(service.mail_choices(session, viewer)))


@router.post("/preferences")
def choose(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Keep the choice."""
    service.choose_mails(session, viewer, [str(value) for value in data.getlist("mail")])
    return flash.put(redirect(request, "/notifications/preferences"), "mails-chosen")


@router.post("/{notification_id}/read")
def read_one(request: Request, notification_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Mark one as read."""
    service.mark_read(session, viewer, notification_id)
    return redirect(request, "/notifications")
