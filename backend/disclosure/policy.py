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
    is_submitted: bool = False
    submitted_by: str | None = None
    version: int = 1


@dataclass(frozen=True)
class Opened:
    """A subject as far as a viewer may read it, for floors above that know it by kind and id alone."""

    facts: Subject
    title: str
    version: int
    anonymous: bool
    tiers: frozenset[Tier]
    is_editable: bool


def readable_tiers(
    viewer: Viewer, subject: Subject, released: Collection[Tier] = (), *, reasoned: bool = False
) -> frozenset[Tier]:
    """The tiers of the subject that the viewer may read; `released` are those opened to the viewer's organisations.

    `reasoned` says that the viewer has given a reason for reading the brief, which still holds: it counts for
    administrators alone, and only the page of the subject asks with it.
    """
    if subject.organisation_id in viewer.organisation_ids:
        return EVERYTHING
    if subject.is_submitted and not subject.is_open:
        return frozenset({Tier.TEASER, Tier.BRIEF}) if has_jurisdiction(viewer, subject) else NOTHING
    if not subject.is_open:
        return NOTHING
    tiers: set[Tier] = set()
    if subject.audience is Audience.PUBLIC or viewer.is_verified_member or viewer.is_admin:
        tiers.add(Tier.TEASER)
    if viewer.is_verified_member:
        tiers.update(released)
    if has_jurisdiction(viewer, subject):
        tiers.update({Tier.TEASER, Tier.BRIEF})
    if reasoned and viewer.is_admin:
        tiers.add(Tier.BRIEF)
    return frozenset(tiers)


def has_jurisdiction(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer is a broker of the subject's region, and the subject has come before brokers at all."""
    return (subject.is_open or subject.is_submitted) and subject.region in viewer.jurisdictions


def oversees(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer sees how the subject is handled: its history, versions, releases and who read it."""
    return subject.organisation_id in viewer.organisation_ids or has_jurisdiction(viewer, subject)


def check_can_give_reason(viewer: Viewer, subject: Subject) -> None:
    """Raise NotFound for others than administrators and for what they may not see, Conflict where it is not open."""
    if not viewer.is_admin or not readable_tiers(viewer, subject):
        raise NotFound
    if not subject.is_open:
        raise Conflict


def can_give_reason(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer may read the brief after giving a reason."""
    try:
        check_can_give_reason(viewer, subject)
    except (NotFound, Conflict):
        return False
    return True


def visible_to(
    viewer: Viewer,
    table: type[TieredSubject],
    status: Any,
    open_statuses: Collection[str],
    submitted: Collection[str],
    gone: Collection[str],
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
        before_brokers = status.in_([*open_statuses, *submitted])
        conditions.append(and_(before_brokers, col(table.region).in_(viewer.jurisdictions)))
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
    return has_jurisdiction(viewer, subject)


def check_can_review(viewer: Viewer, subject: Subject) -> None:
    """Raise NotFound where the subject is none of the viewer's region, Forbidden for brokers who only read."""
    if not has_jurisdiction(viewer, subject):
        raise NotFound
    if subject.region not in viewer.acting_jurisdictions:
        raise Forbidden
    if subject.is_submitted and subject.submitted_by == viewer.user_id:
        raise Forbidden(
            "自己提交的内容需由另一位撮合员审核。", "What you have submitted yourself is reviewed by another broker."
        )


def can_review(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer takes a broker's actions on the subject."""
    try:
        check_can_review(viewer, subject)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_propose(viewer: Viewer, subject: Subject) -> None:
    """Raise as `check_can_review`; besides Conflict where the subject is not open, as nothing could be read."""
    check_can_review(viewer, subject)
    if not subject.is_open:
        raise Conflict


def check_can_release(viewer: Viewer, subject: Subject) -> None:
    """Raise as `check_can_write`; besides Conflict where the subject is not open, as nothing could be read."""
    check_can_write(viewer, subject)
    if not subject.is_open:
        raise Conflict


def can_release(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer may open tiers of the subject to others now."""
    return subject.is_open and can_write(viewer, subject)


def can_propose(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer may suggest to the author to open a tier."""
    return subject.is_open and can_review(viewer, subject) and not can_write(viewer, subject)
