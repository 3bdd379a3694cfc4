"""Who runs the site: administrators, and nobody else."""

from backend.accounts.models import User
from backend.errors import Conflict, Forbidden, NotFound
from backend.organisations.policy import Viewer


def check_can_administer(viewer: Viewer) -> None:
    """Raise Forbidden for others than administrators."""
    if not viewer.is_admin:
        raise Forbidden


def check_can_suspend(viewer: Viewer, user: User) -> None:
    """Raise Forbidden for others than administrators, NotFound for a deleted account, Conflict for one's own.

    As nobody suspends himself, one administrator is always left.
    """
    check_can_administer(viewer)
    if user.deleted_at is not None:
        raise NotFound
    if user.id == viewer.user_id:
        raise Conflict("不能停用自己的账号，请由另一位管理员办理。", "You cannot suspend your own account.")


def can_suspend(viewer: Viewer, user: User) -> bool:
    """Whether the viewer may suspend or reactivate the account."""
    try:
        check_can_suspend(viewer, user)
    except (Forbidden, NotFound, Conflict):
        return False
    return True
