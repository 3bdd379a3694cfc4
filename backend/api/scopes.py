"""What a token may be used for, and what that leaves of its user's rights."""

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum

from backend.organisations.models import MemberRole
from backend.organisations.policy import Viewer


class Scope(StrEnum):
    """One right of a token."""

    READ = "read"
    WRITE_NEEDS = "write:needs"
    WRITE_CAPABILITIES = "write:capabilities"


def cut(viewer: Viewer, scopes: Collection[str], write: Scope | None = None) -> Viewer:
    """The user as the policies shall see them: without the rights of an administrator, and as a member who only reads
    unless the token may write here. A token never widens what its user may do.
    """
    if write is not None and write in scopes:
        return replace(viewer, is_admin=False)
    memberships = tuple(replace(m, role=MemberRole.VIEWER) for m in viewer.memberships)
    return replace(viewer, is_admin=False, memberships=memberships)
