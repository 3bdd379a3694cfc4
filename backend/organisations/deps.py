"""The viewer of a request, loaded once, in a short transaction of its own."""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from backend.accounts import seen, sessions
from backend.accounts.second_factor import is_on
from backend.config import Settings
from backend.deps import get_database
from backend.errors import NotSignedIn, SecondFactorMissing
from backend.organisations.policy import VISITOR, Viewer
from backend.organisations.references import References
from backend.organisations.service import viewer_of
from backend.pace import Asked, spend


def load_viewer(request: Request) -> Viewer:
    """Who is looking; kept on the request for the frame of the page, with what higher floors add to that frame.

    They are asked here, as a page that opened a second connection could wait for one for ever.
    """
    viewer = VISITOR
    request.state.lacks_second_factor = False
    token = sessions.token_of(request)
    if token:
        settings: Settings = request.app.state.settings
        with get_database(request).session() as session:
            found = sessions.find(session, token, timedelta(hours=settings.session_idle_hours))
            if found:
                user, opened = found
                viewer = viewer_of(session, user)
                if sessions.is_stale(opened):
                    setattr(request.state, seen.NOTE, opened.id)
                privileged = viewer.is_broker or viewer.is_admin
                request.state.lacks_second_factor = privileged and not settings.demo and not is_on(session, user.id)
                for note in request.app.state.with_viewer:
                    note(request, session, viewer)
    request.state.viewer = viewer
    return viewer


def get_viewer(request: Request) -> Viewer:
    """Who is looking; raises SecondFactorMissing for a broker or administrator who has not set it up.

    The pages of one's own account take `load_viewer` instead: there it is set up.
    """
    viewer = load_viewer(request)
    if request.state.lacks_second_factor:
        raise SecondFactorMissing
    return viewer


def get_signed_in_viewer(viewer: Annotated[Viewer, Depends(get_viewer)]) -> Viewer:
    """Who is looking; raises NotSignedIn for a visitor."""
    if not viewer.is_signed_in:
        raise NotSignedIn
    return viewer


def get_counted_viewer(request: Request, viewer: Annotated[Viewer, Depends(get_viewer)]) -> Viewer:
    """Who is looking at a page that visitors may read too; raises TooManyRequests for a program that reads them all."""
    spend(request, Asked.REQUEST, viewer.user_id)
    return viewer


def get_references(request: Request) -> References:
    """What refers to organisations from higher floors, as the application put it together."""
    references: References = request.app.state.references
    return references


ReferencesDep = Annotated[References, Depends(get_references)]
ViewerDep = Annotated[Viewer, Depends(get_viewer)]
CountedViewerDep = Annotated[Viewer, Depends(get_counted_viewer)]
SignedInDep = Annotated[Viewer, Depends(get_signed_in_viewer)]
