"""Unread messages: beside the link to conversations in the header of every page, and beside cases in their list."""

from fastapi import Request
from sqlmodel import Session

from backend.conversations import service
from backend.htmx import wants_fragment
from backend.organisations.policy import Viewer


def load_messages(request: Request, session: Session, viewer: Viewer) -> None:
    """Count unread messages by case, for the frame of the page; a fragment has no frame."""
    if viewer.memberships and not wants_fragment(request):
        request.state.messages = service.unread_of_own(session, viewer)


def have_read(request: Request, introduction_id: str) -> None:
    """What this request shows counts no more as unread in its own page."""
    getattr(request.state, "messages", {}).pop(introduction_id, None)
