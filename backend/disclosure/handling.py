"""How a subject is handled, for its own organisation and the brokers of its region: its history and who may read it.

An organisation to which it is open learns here what has changed since it last read it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from backend.disclosure import proposals, readings, releases, versions
from backend.disclosure.announcing import has_reviewer
from backend.disclosure.models import Release, StatusChange, Tier
from backend.disclosure.policy import Subject, can_propose, can_release, oversees
from backend.disclosure.service import SubjectType, history, last_note
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer


@dataclass(frozen=True)
class OpenTo:
    """An organisation to which a tier is open."""

    organisation_name: str
    tier: Tier
    expires_at: datetime | None


@dataclass(frozen=True)
class Handling:
    """`note` is what was said to the step that led to the present status: what to improve, or why it was closed."""

    history: Sequence[StatusChange]
    note: str
    has_reviewer: bool
    open_to: Sequence[OpenTo]
    proposed: int
    may_release: bool
    may_propose: bool


def handling(session: Session, of: SubjectType, viewer: Viewer, subject: Subject, status: str) -> Handling | None:
    """How a subject is handled; None for those who do not oversee it."""
    if not oversees(viewer, subject):
        return None
    steps = history(session, of.kind, subject.id)
    return Handling(
        history=steps,
        note=last_note(steps, status),
        has_reviewer=not subject.is_submitted or has_reviewer(session, subject),
        open_to=_open_to(session, releases.of_subject(session, of.kind, subject.id, live=True)),
        proposed=len(proposals.waiting(session, of.kind, subject.id)),
        may_release=can_release(viewer, subject),
        may_propose=can_propose(viewer, subject),
    )


def _open_to(session: Session, live: Sequence[Release]) -> list[OpenTo]:
    names = organisations.authors(session, (release.organisation_id for release in live))
    return [OpenTo(names[r.organisation_id].name, r.tier, r.expires_at) for r in live]


def unread_changes(
    session: Session, of: SubjectType, subject: Subject, opened: Sequence[Release], now: Mapping[str, object]
) -> tuple[versions.Fields, versions.Fields] | None:
    """What the version that an organisation read before said, and what the present one says, in its tiers alone.

    None where nothing is open to it, it has read no other version, or nothing has changed in what it may read.
    """
    if not opened or not subject.is_open:
        return None
    organisation_ids = [release.organisation_id for release in opened]
    number = readings.last_version_before(session, of.read_events, subject, organisation_ids)
    before = versions.shown_fields(session, of.kind, subject.id, number) if number is not None else None
    if before is None:
        return None
    tiers = releases.tiers_of(opened) | {Tier.TEASER}
    former, present = (versions.cut(fields, of.tiers, tiers, own_only=False) for fields in (before, now))
    return (former, present) if former != present else None
