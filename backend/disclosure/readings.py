"""Who has read a brief or annex or opened a file: an event of the audit trail for each, told to the author.

Of readings it is at most one an hour and reader; every opening of a file counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, or_, select

from backend.audit import events
from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.db import utc_now
from backend.disclosure.models import AccessPurpose, ReasonedAccess, Tier
from backend.disclosure.policy import Subject
from backend.disclosure.reasoned import as_detail
from backend.organisations.models import Membership
from backend.organisations.policy import Viewer

ONCE_IN = timedelta(hours=1)
LISTED = 200
PAGE_SIZE = 50


@dataclass(frozen=True)
class Reading:
    """That somebody of an organisation read a tier of one version, or opened one of its files.

    `purpose` and `reason` are those of an administrator, who reads for no organisation.
    """

    organisation_id: str
    tier: Tier
    version: int
    at: datetime
    is_file: bool = False
    purpose: AccessPurpose | None = None
    reason: str = ""


def record(
    session: Session,
    event: str,
    viewer: Viewer,
    subject: Subject,
    organisation_id: str | None,
    access: ReasonedAccess | None = None,
) -> None:
    """Write a reading down; reloading within the hour is the same reading, another version or reason is not."""
    query = select(AuditEvent).where(
        AuditEvent.subject_id == subject.id, AuditEvent.event == event, AuditEvent.actor_id == viewer.user_id
    )
    last = session.exec(query.order_by(col(AuditEvent.id).desc()).limit(1)).first()
    same = {"version": subject.version, "access": access.id if access else None}
    if last and last.at > utc_now() - ONCE_IN and same == {name: last.detail.get(name) for name in same}:
        return
    events.record(
        session,
        event,
        subject.kind,
        subject.id,
        actor_id=viewer.user_id,
        version=subject.version,
        organisation=organisation_id,
        **(as_detail(access) if access else {}),
    )


def of_subject(session: Session, names: Sequence[str], subject_id: str) -> list[Reading]:
    """The readings of a subject by the names of its two events, newest first."""
    query = select(AuditEvent).where(AuditEvent.subject_id == subject_id, col(AuditEvent.event).in_(names))
    rows = session.exec(query.order_by(col(AuditEvent.id).desc()).limit(LISTED)).all()
    return [_reading(row, names) for row in rows]


def page(session: Session, names: Sequence[str], subject: Subject, number: int) -> tuple[list[Reading], int]:
    """One page of who from outside read a subject or opened its files, newest first, and how many there are in all."""
    from_outside = and_(col(AuditEvent.subject_id) == subject.id, _is_of_others(names, subject.organisation_id))
    total = session.exec(select(func.count()).select_from(AuditEvent).where(from_outside)).one()
    query = select(AuditEvent).where(from_outside).order_by(col(AuditEvent.id).desc())
    rows = session.exec(query.offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return [_reading(row, names) for row in rows], total


def _is_of_others(names: Sequence[str], organisation_id: str) -> ColumnElement[bool]:
    """Readings are recorded of others alone, openings of files of everybody: those of the own members are no news."""
    members = select(Membership.user_id).where(Membership.organisation_id == organisation_id)
    event, actor = col(AuditEvent.event), col(AuditEvent.actor_id)
    through = col(AuditEvent.detail)["organisation"].as_string()
    is_other = and_(or_(actor.is_(None), actor.not_in(members)), or_(through.is_(None), through != organisation_id))
    return or_(event.in_(names), and_(event == Event.ATTACHMENT_OPEN, is_other))


def _reading(row: AuditEvent, names: Sequence[str]) -> Reading:
    purpose = str(row.detail.get("purpose") or "")
    return Reading(
        organisation_id=str(row.detail.get("organisation") or ""),
        tier=Tier.BRIEF if row.event == names[0] else Tier.ANNEX,
        version=int(row.detail.get("version") or 0),
        at=row.at,
        is_file=row.event == Event.ATTACHMENT_OPEN,
        purpose=AccessPurpose(purpose) if purpose in list(AccessPurpose) else None,
        reason=str(row.detail.get("reason") or ""),
    )


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
