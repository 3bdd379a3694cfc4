"""Who has read a brief or annex: an event of the audit trail for each, at most one an hour and reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from backend.audit import events
from backend.audit.models import AuditEvent
from backend.db import utc_now
from backend.disclosure.models import Tier
from backend.disclosure.policy import Subject
from backend.organisations.policy import Viewer

ONCE_IN = timedelta(hours=1)
LISTED = 200


@dataclass(frozen=True)
class Reading:
    """That somebody of an organisation read a tier of one version."""

    organisation_id: str
    tier: Tier
    version: int
    at: datetime


def record(session: Session, event: str, viewer: Viewer, subject: Subject, organisation_id: str | None) -> None:
    """Write a reading down; reloading within the hour is the same reading, another version is not."""
    query = select(AuditEvent).where(
        AuditEvent.subject_id == subject.id, AuditEvent.event == event, AuditEvent.actor_id == viewer.user_id
    )
    last = session.exec(query.order_by(col(AuditEvent.id).desc()).limit(1)).first()
    if last and last.detail.get("version") == subject.version and last.at > utc_now() - ONCE_IN:
        return
    events.record(
        session,
        event,
        subject.kind,
        subject.id,
        actor_id=viewer.user_id,
        version=subject.version,
        organisation=organisation_id,
    )


def of_subject(session: Session, names: Sequence[str], subject_id: str) -> list[Reading]:
    """The readings of a subject by the names of its two events, newest first."""
    query = select(AuditEvent).where(AuditEvent.subject_id == subject_id, col(AuditEvent.event).in_(names))
    rows = session.exec(query.order_by(col(AuditEvent.id).desc()).limit(LISTED)).all()
    return [
        Reading(
            organisation_id=str(row.detail.get("organisation") or ""),
            tier=Tier.ANNEX if row.event == names[-1] else Tier.BRIEF,
            version=int(row.detail.get("version") or 0),
            at=row.at,
        )
        for row in rows
    ]


def last_version_before(
    session: Session, names: Sequence[str], subject: Subject, organisation_ids: Sequence[str]
) -> int | None:
    """The newest version before the present one that somebody of these organisations has read; None for none."""
    found = [
        reading.version
        for reading in of_subject(session, names, subject.id)
        if reading.organisation_id in organisation_ids and reading.version < subject.version
    ]
    return max(found, default=None)
