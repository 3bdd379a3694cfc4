"""Releases, and the operations that needs and capabilities share: writing, acting, recording what is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session, col, or_, select

from backend import outbox, transitions
from backend.audit import events
from backend.db import utc_now
from backend.disclosure.models import Release, SubjectKind, Tier, TieredSubject
from backend.disclosure.policy import Opened, Subject, check_can_write, readable_tiers
from backend.errors import Conflict, Forbidden
from backend.organisations.policy import Viewer

Written = TypeVar("Written", bound=TieredSubject)

FIRST_VERSION = 1


class EditedElsewhere(Conflict):
    """The subject has changed since the form was opened."""

    zh = "这份内容已在另一个窗口或由同事修改。您填写的内容保留在下方，请核对后再次保存；再次保存将以您的内容为准。"
    en = "This text was changed in another window or by a colleague. What you typed is kept; saving again replaces it."


@dataclass(frozen=True)
class SubjectType:
    """What tells needs and capabilities apart for the shared operations."""

    kind: SubjectKind
    table: transitions.Table
    create_event: str
    edit_event: str
    brief_read_event: str
    annex_read_event: str


def released_tiers(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> frozenset[Tier]:
    """The tiers of a subject that are open to the viewer's organisations now; an unverified one reads none."""
    if not viewer.verified_organisation_ids:
        return frozenset()
    now = utc_now()
    query = select(Release.tier).where(
        Release.subject_kind == kind,
        Release.subject_id == subject_id,
        col(Release.organisation_id).in_(viewer.verified_organisation_ids),
        col(Release.revoked_at).is_(None),
        or_(col(Release.expires_at).is_(None), col(Release.expires_at) > now),
    )
    return frozenset(Tier(tier) for tier in session.exec(query).all())


def opened(session: Session, viewer: Viewer, subject: TieredSubject, facts: Subject, *, is_editable: bool) -> Opened:
    """What the viewer may read of a subject whose teaser they may read; the caller has asked the policy for that."""
    tiers = readable_tiers(viewer, facts, released_tiers(session, viewer, facts.kind, facts.id))
    return Opened(facts, subject.title, subject.version, subject.anonymous, tiers, is_editable)


def save(
    session: Session,
    of: SubjectType,
    viewer: Viewer,
    subject: Written,
    values: Mapping[str, Any],
    *,
    expected_version: int | None,
) -> Written:
    """Write the fields of a new or existing subject; raises EditedElsewhere where the version has moved on.

    `expected_version` is the version that the form was opened with, None for a new subject.
    """
    is_new = expected_version is None
    if not is_new and subject.version != expected_version:
        raise EditedElsewhere
    changed = [name for name, value in values.items() if getattr(subject, name) != value]
    for name in changed:
        setattr(subject, name, values[name])
    if is_new:
        session.add(subject)
        session.flush()
        events.record(session, of.create_event, of.kind, subject.id, actor_id=viewer.user_id)
    elif changed:
        touch(session, of, viewer, subject)
    return subject


def touch(session: Session, of: SubjectType, viewer: Viewer, subject: TieredSubject) -> None:
    """Count a new version of a subject whose text has changed, record it, and ask for the index to follow."""
    subject.version += 1
    subject.updated_at = utc_now()
    session.add(subject)
    events.record(session, of.edit_event, of.kind, subject.id, actor_id=viewer.user_id, version=subject.version)
    outbox.append(session, outbox.Topic.INDEX, of.kind, subject.id)
    session.flush()


def act(
    session: Session, of: SubjectType, viewer: Viewer, subject: TieredSubject, facts: Subject, status: str, action: str
) -> transitions.Transition:
    """Look an author's action up, record it and ask for the index to follow; the caller sets the status.

    Raises NotFound for strangers, Forbidden for readers, Conflict where the status does not allow the action.
    """
    check_can_write(viewer, facts)
    step = transitions.transition(of.table, status, action)
    if step.who is not transitions.Actor.AUTHOR:
        raise Forbidden
    subject.updated_at = utc_now()
    session.add(subject)
    events.record(session, step.event, of.kind, subject.id, actor_id=viewer.user_id, version=subject.version)
    outbox.append(session, outbox.Topic.INDEX, of.kind, subject.id)
    return step


def record_reading(
    session: Session, of: SubjectType, viewer: Viewer, subject: Subject, version: int, tier: Tier
) -> None:
    """Write down that somebody from outside read a brief or annex."""
    if tier is Tier.TEASER or subject.organisation_id in viewer.organisation_ids:
        return
    event = of.brief_read_event if tier is Tier.BRIEF else of.annex_read_event
    events.record(session, event, of.kind, subject.id, actor_id=viewer.user_id, version=version)
