"""The requirements of a need: proposed from its text as long as its author has not written them, and by tiers."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, delete, select

from backend.audit import events
from backend.disclosure.models import SubjectKind, Tier
from backend.needs.models import REQUIREMENT_LENGTH, Need, Requirement, RequirementSource
from embeddings.requirements import LIMIT, alike, split_requirements

TEASER_LIMIT = 4
"""Proposals from the teaser at most, so that the brief, which says more, has room for as many."""


@dataclass(frozen=True)
class Point:
    """需求要点 as pages show it."""

    text: str
    tier: Tier
    source: RequirementSource = RequirementSource.AUTHOR


@dataclass(frozen=True)
class Written:
    """The requirements as a form brings them back, one text per line.

    `untouched` says that they are the proposals that the form was opened with, although the stored ones may have
    changed since with the text.
    """

    teaser: Sequence[str] = ()
    brief: Sequence[str] = ()
    untouched: bool = False

    def points(self) -> tuple[Point, ...]:
        """The points, those of the teaser first."""
        return of_tier(self.teaser, Tier.TEASER) + of_tier(self.brief, Tier.BRIEF)


def of_tier(
    texts: Iterable[str], tier: Tier, source: RequirementSource = RequirementSource.AUTHOR
) -> tuple[Point, ...]:
    """Points of one tier from their texts."""
    return tuple(Point(text, tier, source) for text in texts)


def stored(session: Session, need_id: str) -> tuple[Point, ...]:
    """All points of a need in their order, whatever the viewer may read: the caller cuts them by tiers."""
    query = select(Requirement).where(Requirement.need_id == need_id).order_by(col(Requirement.position))
    return tuple(Point(row.text, row.tier, row.source) for row in session.exec(query).all())


def readable(session: Session, need: Need, tier: Tier) -> tuple[str, ...]:
    """The requirements that stand for a need before a reader of this tier; those of a narrower tier are left out.

    Where the tier holds none, they are split from the text of that tier.
    """
    points = stored(session, need.id)
    if tier is Tier.TEASER:
        # A title of signs alone gives no point, and those of the brief are none for a teaser.
        points = tuple(point for point in points if point.tier is Tier.TEASER) or proposed_teaser(need)
        return tuple(point.text for point in points)
    return tuple(point.text for point in points or proposed(need))


def proposed(need: Need) -> tuple[Point, ...]:
    """The points that the text of a need holds, of each tier from that tier's own text."""
    teaser = proposed_teaser(need)
    wanted = split_requirements([need.problem], LIMIT, stated=[need.acceptance_criteria, need.constraints])
    brief = [text for text in wanted if not any(alike(text, point.text) for point in teaser)]
    return teaser + of_tier(_short(brief)[: LIMIT - len(teaser)], Tier.BRIEF, RequirementSource.PROPOSED)


def proposed_teaser(need: Need) -> tuple[Point, ...]:
    """The points of the summary; without any the title."""
    found = split_requirements([need.summary], TEASER_LIMIT) or split_requirements([need.title], 1)
    return of_tier(_short(found), Tier.TEASER, RequirementSource.PROPOSED)


def _short(texts: Sequence[str]) -> list[str]:
    return [text[:REQUIREMENT_LENGTH] for text in texts]


def digest(points: Iterable[Point]) -> str:
    """Tells whether a form brings back the points that it was opened with."""
    return hashlib.sha256("\n".join(f"{point.tier}\t{point.text}" for point in points).encode()).hexdigest()


def save(session: Session, actor_id: str | None, need: Need, written: Written, *, quietly: bool = False) -> bool:
    """Store what the form brought; returns whether an author's points have changed, which the index has to follow.

    Nothing written, or proposals left as they were, means that the points follow the text. `quietly` writes no event:
    a draft saves itself every few seconds.
    """
    before, points = stored(session, need.id), written.points()
    same = _plain(points) == _plain(before)
    by_author = any(point.source is RequirementSource.AUTHOR for point in before)
    if same and by_author:
        return False
    if not points or same or (written.untouched and not by_author):
        _replace(session, need.id, proposed(need))
        if not by_author or quietly:
            return by_author
        events.record(session, events.Event.NEED_REQUIREMENTS_SPLIT, SubjectKind.NEED, need.id, actor_id=actor_id)
        return True
    _replace(session, need.id, points)
    if before and not quietly:
        events.record(
            session,
            events.Event.NEED_REQUIREMENTS_EDIT,
            SubjectKind.NEED,
            need.id,
            actor_id=actor_id,
            count=len(points),
        )
    return True


def split_again(session: Session, actor_id: str | None, need: Need) -> None:
    """Give the author's points up for those of the text."""
    _replace(session, need.id, proposed(need))
    events.record(session, events.Event.NEED_REQUIREMENTS_SPLIT, SubjectKind.NEED, need.id, actor_id=actor_id)


def _plain(points: Iterable[Point]) -> list[tuple[str, Tier]]:
    return [(point.text, point.tier) for point in points]


def _replace(session: Session, need_id: str, points: Sequence[Point]) -> None:
    if points == stored(session, need_id):
        return
    session.exec(delete(Requirement).where(col(Requirement.need_id) == need_id))
    session.add_all(
        Requirement(need_id=need_id, position=n, text=point.text, tier=point.tier, source=point.source)
        for n, point in enumerate(points)
    )
    session.flush()
