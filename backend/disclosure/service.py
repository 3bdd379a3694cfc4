"""The operations that needs and capabilities share: writing, acting, keeping versions, recording what is read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from backend import outbox, transitions
from backend.audit import events
from backend.db import utc_now
from backend.disclosure import readings, reasoned, releases, versions
from backend.disclosure.announcing import announce, passes_directly
from backend.disclosure.models import (
    NOTE_LENGTH,
    ReasonedAccess,
    Release,
    StatusChange,
    SubjectKind,
    Tier,
    TieredSubject,
)
from backend.disclosure.policy import (
    Opened,
    Subject,
    can_review,
    can_write,
    check_can_review,
    check_can_write,
    has_jurisdiction,
    readable_tiers,
)
from backend.disclosure.releases import grant, opened_to, released_tiers, revoke, tiers_of
from backend.errors import Conflict, DomainError, Forbidden
from backend.notifications.models import Notice
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.transitions import Actor, Transition

__all__ = [
    "FIRST_VERSION",
    "BadNote",
    "EditedElsewhere",
    "SubjectType",
    "act",
    "edited",
    "grant",
    "history",
    "last_note",
    "opened_to",
    "passes_directly",
    "read_for",
    "record_reading",
    "released_tiers",
    "revoke",
    "save",
    "tiers_on_page",
    "touch",
]

Written = TypeVar("Written", bound=TieredSubject)

FIRST_VERSION = 1


class EditedElsewhere(Conflict):
    """The subject has changed since the form was opened."""

    zh = "这份内容已在另一个窗口或由同事修改。您填写的内容保留在下方，请核对后再次保存；再次保存将以您的内容为准。"
    en = "This text was changed in another window or by a colleague. What you typed is kept; saving again replaces it."


class BadNote(DomainError):
    """An action that wants a reason came without one, or with one that is too long."""

    status = 422
    zh = "请写明理由，不超过 1,000 字。"
    en = "Please say why, in no more than 1,000 characters."


@dataclass(frozen=True)
class SubjectType:
    """What tells needs and capabilities apart for the shared operations.

    `tiers` names the fields of a text in the order of its form, each with its tier.
    """

    kind: SubjectKind
    table: transitions.Table
    open_statuses: Collection[str]
    tiers: Mapping[str, Tier]
    create_event: str
    edit_event: str
    brief_read_event: str
    annex_read_event: str

    @property
    def read_events(self) -> tuple[str, str]:
        """The events of reading, the annex last."""
        return self.brief_read_event, self.annex_read_event


def opened(session: Session, viewer: Viewer, subject: TieredSubject, facts: Subject, *, is_editable: bool) -> Opened:
    """What the viewer may read of a subject whose teaser they may read; the caller has asked the policy for that."""
    tiers = readable_tiers(viewer, facts, released_tiers(session, viewer, facts.kind, facts.id))
    return Opened(facts, subject.title, subject.version, subject.anonymous, tiers, is_editable)


def tiers_on_page(
    session: Session, viewer: Viewer, facts: Subject, opened: Sequence[Release]
) -> tuple[frozenset[Tier], ReasonedAccess | None]:
    """What the page of a subject shows to a viewer, and by which reason, where it shows the brief by that alone.

    Everything else (search, suggestions, files, programs) asks `readable_tiers`, for which no reason counts.
    """
    tiers = readable_tiers(viewer, facts, tiers_of(opened))
    if Tier.BRIEF in tiers:
        return tiers, None
    access = reasoned.live(session, viewer, facts.kind, facts.id)
    if access is None:
        return tiers, None
    return readable_tiers(viewer, facts, tiers_of(opened), reasoned=True), access


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
        organisations.check_is_there(session, viewer, subject.organisation_id)
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


def edited(
    session: Session,
    of: SubjectType,
    viewer: Viewer,
    subject: TieredSubject,
    facts: Subject,
    before: versions.Fields,
    after: versions.Fields,
) -> None:
    """Keep the version that a save has made; of a published text, tell the broker and those to whom it is open.

    `facts` are those after the save.
    """
    at = subject.updated_at
    seen = facts.is_open or facts.is_submitted
    versions.keep(session, of.kind, subject, after, user_id=viewer.user_id, at=at, shown=seen)
    tiers = versions.changed_tiers(before, after, of.tiers)
    if not facts.is_open or not tiers:
        return
    if tiers - {Tier.ANNEX}:
        announce(session, subject, facts, Notice.TEXT_EDITED, viewer.user_id)
    releases.tell_of_edit(session, facts, tiers)


def act(
    session: Session,
    of: SubjectType,
    viewer: Viewer | None,
    subject: TieredSubject,
    facts: Subject,
    status: str,
    action: str,
    note: str = "",
) -> Transition:
    """Look an action up, record it, tell whom it concerns; the caller sets the status.

    `viewer` is None where the system acts. Raises NotFound for strangers, Forbidden for those who only read and for
    actions of somebody else, Conflict where the status does not allow the action, BadNote where a reason is missing.
    """
    roles = _roles(viewer, facts)
    step = transitions.transition(of.table, status, action)
    actor = next((who for who in step.who if who in roles), None)
    if actor is None:
        if viewer is not None and Actor.BROKER in step.who and has_jurisdiction(viewer, facts):
            check_can_review(viewer, facts)
        raise Forbidden
    note = note.strip()
    if len(note) > NOTE_LENGTH or (step.needs_note and not note):
        raise BadNote
    user_id = viewer.user_id if viewer is not None else None
    now = utc_now()
    subject.updated_at = now
    session.add(subject)
    session.add(
        StatusChange(
            subject_kind=of.kind,
            subject_id=subject.id,
            at=now,
            actor=actor.value,
            actor_id=user_id,
            action=action,
            status=step.target,
            version=subject.version,
            note=note,
        )
    )
    # What was said stays out of the trail: others read that.
    events.record(session, step.event, of.kind, subject.id, actor_id=user_id, version=subject.version)
    if facts.is_open or step.target in of.open_statuses:
        outbox.append(session, outbox.Topic.INDEX, of.kind, subject.id)
    announce(session, subject, facts, step.notice, user_id)
    return step


def _roles(viewer: Viewer | None, facts: Subject) -> set[Actor]:
    """In which roles somebody may act on a subject; raises NotFound or Forbidden where in none."""
    if viewer is None:
        return {Actor.SYSTEM}
    found = {Actor.AUTHOR} if can_write(viewer, facts) else set()
    if can_review(viewer, facts):
        found.add(Actor.BROKER)
    if not found:
        if has_jurisdiction(viewer, facts):
            check_can_review(viewer, facts)
        check_can_write(viewer, facts)
    return found


def history(session: Session, kind: SubjectKind, subject_id: str) -> Sequence[StatusChange]:
    """The steps in the life of a subject, newest first."""
    query = select(StatusChange).where(StatusChange.subject_kind == kind, StatusChange.subject_id == subject_id)
    return session.exec(query.order_by(col(StatusChange.id).desc())).all()


def last_note(changes: Sequence[StatusChange], status: str) -> str:
    """What was said to the step that led to the present status."""
    return changes[0].note if changes and changes[0].status == status else ""


def record_reading(
    session: Session,
    of: SubjectType,
    viewer: Viewer,
    subject: Subject,
    opened: Sequence[Release],
    tier: Tier,
    access: ReasonedAccess | None = None,
) -> None:
    """Write down that somebody from outside read a brief or annex, for which organisation or by which reason."""
    if tier is Tier.TEASER or subject.organisation_id in viewer.organisation_ids:
        return
    event = of.brief_read_event if tier is Tier.BRIEF else of.annex_read_event
    readings.record(session, event, viewer, subject, read_for(viewer, subject, opened), access)


def read_for(viewer: Viewer, subject: Subject, opened: Sequence[Release]) -> str | None:
    """The organisation for which somebody reads: the own one, the agency of the region, one to which it is open."""
    if subject.organisation_id in viewer.organisation_ids:
        return subject.organisation_id
    agencies = [m.organisation_id for m in viewer.memberships if m.jurisdiction == subject.region]
    through = agencies if has_jurisdiction(viewer, subject) else [release.organisation_id for release in opened]
    return through[0] if through else None
