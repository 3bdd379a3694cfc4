"""The administrator of a request."""

from typing import Annotated

from fastapi import Depends

from backend.admin.policy import check_can_administer
from backend.organisations.deps import get_signed_in_viewer
from backend.organisations.policy import Viewer


def get_admin(viewer: Annotated[Viewer, Depends(get_signed_in_viewer)]) -> Viewer:
    """Who is looking; raises NotSignedIn, SecondFactorMissing, or Forbidden for others than administrators."""
    check_can_administer(viewer)
    return viewer


AdminDep = Annotated[Viewer, Depends(get_admin)]
