"""How often one client may have a text encoded: it takes all cores for a moment, and anybody may search."""

from collections.abc import Callable

from fastapi import Request

from backend.organisations.policy import Viewer
from backend.pace import Asked, spend


def spend_search(request: Request, viewer: Viewer) -> None:
    """Count what a request has encoded; raises TooManyAttempts."""
    spend(request, Asked.SEARCH, viewer.user_id)


def spending(request: Request, viewer: Viewer) -> Callable[[], None]:
    """The same for a service to call when it comes to that."""
    return lambda: spend_search(request, viewer)
