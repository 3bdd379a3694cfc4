"""Who sees which figures: brokers those of their regions, administrators all. Unknown means no."""

from backend.errors import Forbidden
from backend.organisations.policy import Viewer
from backend.results.models import ALL_REGIONS


def check_can_see(viewer: Viewer, region: str) -> None:
    """Raise Forbidden for those who may not see the figures of a region; ALL_REGIONS stands for all together."""
    if viewer.is_admin:
        return
    if not viewer.is_broker or region not in viewer.jurisdictions:
        raise Forbidden("只能查看本人负责地区的统计。", "You see the figures of your own regions alone.")


def can_see(viewer: Viewer, region: str) -> bool:
    """Whether the viewer sees the figures of a region."""
    try:
        check_can_see(viewer, region)
    except Forbidden:
        return False
    return True


def check_can_see_any(viewer: Viewer) -> None:
    """Raise Forbidden for those who see no figures at all."""
    if not viewer.is_admin and not viewer.is_broker:
        raise Forbidden


def can_see_any(viewer: Viewer) -> bool:
    """Whether the viewer sees figures at all."""
    return viewer.is_admin or viewer.is_broker


def check_can_write(viewer: Viewer, region: str) -> None:
    """Raise Forbidden for those who add no words to the report of a region: members of the agency who only read."""
    check_can_see(viewer, region)
    if region not in viewer.acting_jurisdictions and not viewer.is_admin:
        raise Forbidden


def can_write(viewer: Viewer, region: str) -> bool:
    """Whether the viewer adds words to the report of a region."""
    try:
        check_can_write(viewer, region)
    except Forbidden:
        return False
    return True


def regions_of(viewer: Viewer) -> tuple[str, ...]:
    """The regions that the viewer chooses among; for an administrator the whole platform comes first."""
    return (ALL_REGIONS,) if viewer.is_admin else tuple(dict.fromkeys(viewer.jurisdictions))


def knows_authors(viewer: Viewer, region: str) -> bool:
    """Whether the viewer may know the author of every need in the figures: a broker of that region does."""
    return region in viewer.jurisdictions
