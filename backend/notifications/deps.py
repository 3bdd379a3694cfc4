"""The number in the header of every page: how much the viewer has not read yet."""

from fastapi import Request
from sqlmodel import Session

from backend.htmx import wants_fragment
from backend.notifications import service
from backend.organisations.policy import Viewer


def load_unread(request: Request, session: Session, viewer: Viewer) -> None:
    """Count the viewer's unread notifications for the frame of the page; a fragment has no frame."""
    if viewer.user_id is not None and not wants_fragment(request):
        request.state.unread = service.unread_count(session, viewer.user_id)


def seen(request: Request, count: int) -> None:
    """Notifications that this request has marked as read count no more in its own page."""
    request.state.unread = max(0, getattr(request.state, "unread", 0) - count)
