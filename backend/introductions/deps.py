"""The number beside the link to introductions in the header of every page: how many wait for the viewer."""

from fastapi import Request
from sqlmodel import Session

from backend.htmx import wants_fragment
from backend.introductions import lists
from backend.organisations.policy import Viewer


def load_waiting(request: Request, session: Session, viewer: Viewer) -> None:
    """Count what waits, for the frame of the page; a fragment has no frame."""
    if viewer.memberships and not wants_fragment(request):
        request.state.waiting = lists.count_waiting(session, viewer)
