"""The viewer of a request, loaded once, in a short transaction of its own."""

from typing import Annotated

from fastapi import Depends, Request

from backend.accounts import sessions
from backend.deps import get_database
from backend.errors import NotSignedIn
from backend.organisations.policy import VISITOR, Viewer
from backend.organisations.references import References
from backend.organisations.service import viewer_of


def get_viewer(request: Request) -> Viewer:
    """Who is looking; kept on the request for the frame of the page."""
    viewer = VISITOR
    token = request.cookies.get(sessions.COOKIE)
    if token:
        with get_database(request).session() as session:
            user = sessions.find_user(session, token)
            if user:
                viewer = viewer_of(session, user)
    request.state.viewer = viewer
    return viewer


def get_signed_in_viewer(viewer: Annotated[Viewer, Depends(get_viewer)]) -> Viewer:
    """Who is looking; raises NotSignedIn for a visitor."""
    if not viewer.is_signed_in:
        raise NotSignedIn
    return viewer


def get_references(request: Request) -> References:
    """What refers to organisations from higher floors, as the application put it together."""
    references: References = request.app.state.references
    return references


ReferencesDep = Annotated[References, Depends(get_references)]
ViewerDep = Annotated[Viewer, Depends(get_viewer)]
SignedInDep = Annotated[Viewer, Depends(get_signed_in_viewer)]
