"""Who may read which tier of a subject. Unknown means no.

The table of tiers in the design is this function; needs and capabilities only state the facts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, or_

from backend.disclosure.models import Audience, SubjectKind, Tier, TieredSubject
from backend.errors import Conflict, Forbidden, NotFound
from backend.organisations.policy import Viewer

NOTHING: frozenset[Tier] = frozenset()
EVERYTHING = frozenset(Tier)


@dataclass(frozen=True)
class Subject:
    """What the policy needs to know of a need or capability."""

    kind: SubjectKind
    id: str
    organisation_id: str
    region: str
    audience: Audience
    is_open: bool


@dataclass(frozen=True)
class Opened:
    """A subject as far as a viewer may read it, for floors above that know it by kind and id alone."""

    facts: Subject
    title: str
    version: int
    anonymous: bool
    tiers: frozenset[Tier]
    is_editable: bool


def readable_tiers(viewer: Viewer, subject: Subject, released: Collection[Tier] = ()) -> frozenset[Tier]:
    """The tiers of the subject that the viewer may read; `released` are those opened to the viewer's organisations."""
    if subject.organisation_id in viewer.organisation_ids:
        return EVERYTHING
    if not subject.is_open:
        return NOTHING
    tiers: set[Tier] = set()
    if subject.audience is Audience.PUBLIC or viewer.is_verified_member or viewer.is_admin:
        tiers.add(Tier.TEASER)
    if viewer.is_verified_member:
        tiers.update(released)
    if subject.region in viewer.jurisdictions:
        tiers.update({Tier.TEASER, Tier.BRIEF})
    return frozenset(tiers)


def visible_to(
    viewer: Viewer, table: type[TieredSubject], status: Any, open_statuses: Collection[str], gone: Collection[str]
) -> ColumnElement[bool]:
    """The SQL condition for the subjects whose teaser the viewer may read: the row-wise twin of `readable_tiers`.

    `status` is the status column of the table; texts of the viewer's own organisations are shown in every status but
    those in `gone`.
    """
    conditions: list[ColumnElement[bool]] = []
    if viewer.organisation_ids:
        conditions.append(and_(col(table.organisation_id).in_(viewer.organisation_ids), status.not_in(gone)))
    is_open = status.in_(open_statuses)
    if viewer.is_verified_member or viewer.is_admin:
        conditions.append(is_open)
    else:
        conditions.append(and_(is_open, col(table.audience) == Audience.PUBLIC))
    if viewer.jurisdictions:
        conditions.append(and_(is_open, col(table.region).in_(viewer.jurisdictions)))
    return or_(*conditions)


def check_can_read(viewer: Viewer, subject: Subject, tier: Tier, released: Collection[Tier] = ()) -> None:
    """Raise NotFound where the viewer must not read this tier: a stranger does not learn that it exists."""
    if tier not in readable_tiers(viewer, subject, released):
        raise NotFound


def check_can_write(viewer: Viewer, subject: Subject) -> None:
    """Raise NotFound for strangers, Forbidden for members who only read."""
    if subject.organisation_id not in viewer.organisation_ids:
        raise NotFound
    if not viewer.may_write_for(subject.organisation_id):
        raise Forbidden


def check_can_create(viewer: Viewer) -> None:
    """Raise Forbidden for viewers who write for no verified organisation."""
    if not any(m.may_write and m.verified for m in viewer.memberships):
        raise Forbidden(
            "只有已核验单位的成员可以发布需求和能力。请先加入所在单位。",
            "Only members of a verified organisation can post needs and capabilities. Please join yours first.",
        )


def can_create(viewer: Viewer) -> bool:
    """Whether the viewer may write a new need or capability."""
    try:
        check_can_create(viewer)
    except Forbidden:
        return False
    return True


def check_can_edit(viewer: Viewer, subject: Subject, *, is_editable: bool) -> None:
    """Raise NotFound for strangers, Forbidden for readers, Conflict where the status does not allow it."""
    check_can_write(viewer, subject)
    if not is_editable:
        raise Conflict


def can_write(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer may edit the subject and take its author's actions."""
    try:
        check_can_write(viewer, subject)
    except (NotFound, Forbidden):
        return False
    return True


def knows_author(viewer: Viewer, subject: Subject, *, anonymous: bool) -> bool:
    """Whether the viewer may learn which organisation stands behind an anonymous subject."""
    if not anonymous or subject.organisation_id in viewer.organisation_ids:
        return True
    return subject.is_open and subject.region in viewer.jurisdictions
