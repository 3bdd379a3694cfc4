"""Who has a desk: brokers. Whoever only reads for an agency sees it and changes nothing. Unknown means no."""

from backend.errors import Forbidden, NotFound
from backend.organisations.policy import Viewer


def check_can_see(viewer: Viewer) -> None:
    """Raise Forbidden for others than brokers."""
    if not viewer.is_broker:
        raise Forbidden("工作台供商务委、经委的撮合员使用。", "The desk is for brokers.")


def can_see(viewer: Viewer) -> bool:
    """Whether the viewer has a desk."""
    return viewer.is_broker


def check_can_act(viewer: Viewer, region: str) -> None:
    """Raise NotFound for what lies on another desk, Forbidden for brokers who only read."""
    check_can_see(viewer)
    if region not in viewer.jurisdictions:
        raise NotFound
    if region not in viewer.acting_jurisdictions:
        raise Forbidden


def can_act(viewer: Viewer, region: str) -> bool:
    """Whether the viewer puts off and hands over what lies on the desk of a region."""
    try:
        check_can_act(viewer, region)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_match(viewer: Viewer, region: str) -> None:
    """Raise Forbidden for others than brokers, NotFound for a need of another region: it is ranked by full texts."""
    check_can_see(viewer)
    if region not in viewer.jurisdictions:
        raise NotFound


def can_match(viewer: Viewer, region: str) -> bool:
    """Whether the viewer has the match desk of a need of that region."""
    return viewer.is_broker and region in viewer.jurisdictions


def check_can_assign(viewer: Viewer) -> None:
    """Raise Forbidden for those who make no introductions."""
    if not viewer.acting_jurisdictions:
        raise Forbidden


def can_assign(viewer: Viewer) -> bool:
    """Whether the viewer introduces anybody."""
    return bool(viewer.acting_jurisdictions)


def agency_of(viewer: Viewer, region: str) -> str:
    """The agency for which the viewer is a broker of a region, where they decide if there are several.

    Raises NotFound.
    """
    found = [m for m in viewer.memberships if m.jurisdiction == region and region in viewer.jurisdictions]
    found.sort(key=lambda m: not m.may_write)
    if not found:
        raise NotFound
    return found[0].organisation_id


def agencies_of(viewer: Viewer) -> tuple[str, ...]:
    """The agencies of which the viewer is a broker."""
    return tuple(m.organisation_id for m in viewer.memberships if m.jurisdiction in viewer.jurisdictions)
