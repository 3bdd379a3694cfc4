"""What the versions of a need say: its fields with their tiers, and its requirements."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlmodel import Session

from backend.disclosure import versions
from backend.disclosure.models import SubjectKind, Tier
from backend.needs import requirements, states
from backend.needs.models import Need, RequirementSource
from backend.needs.requirements import Point

TIERS: Mapping[str, Tier] = {
    **dict.fromkeys(("title", "summary", "teaser_requirements", "kind", "department_id"), Tier.TEASER),
    **dict.fromkeys(("specialty", "region", "device_category", "audience", "anonymous"), Tier.TEASER),
    **dict.fromkeys(("problem", "procedure", "current_practice", "frequency"), Tier.BRIEF),
    **dict.fromkeys(("acceptance_criteria", "constraints", "requirements", "offers", "offers_note"), Tier.BRIEF),
    "contact": Tier.ANNEX,
}
POINTS = {"teaser_requirements": Tier.TEASER, "requirements": Tier.BRIEF}
"""Fields that are kept as requirements, each with its tier."""


def fields(session: Session, need: Need) -> dict[str, Any]:
    """What a version of a need says. Proposed requirements are no part of it: they repeat the text."""
    return fields_with(need, requirements.stored(session, need.id))


def fields_with(need: Need, points: Iterable[Point]) -> dict[str, Any]:
    """As `fields`, of points that the caller has at hand."""
    written = [point for point in points if point.source is RequirementSource.AUTHOR]
    lines = {name: [point.text for point in written if point.tier is tier] for name, tier in POINTS.items()}
    return versions.plain(need, [name for name in TIERS if name not in POINTS]) | lines


def keep(session: Session, need: Need, *, shown: bool = False) -> dict[str, Any]:
    """Keep the present version, which was written before versions were kept, or is shown to others from now on."""
    said = fields(session, need)
    shown = shown or need.status in states.OPEN or need.status in states.SUBMITTED
    versions.keep(session, SubjectKind.NEED, need, said, user_id=need.author_id, at=need.updated_at, shown=shown)
    return said
