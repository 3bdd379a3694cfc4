"""Reasoned access: an administrator reads a brief after saying why, for half an hour, and its owners are told.

The reason, and every reading that it led to, stand in the audit trail and in the author's record of readings.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session, col, select

from backend.audit import events
from backend.audit.events import Event
from backend.db import utc_now
from backend.disclosure.announcing import announce_to_owners
from backend.disclosure.models import (
    REASON_LENGTH,
    AccessPurpose,
    ReasonedAccess,
    SubjectKind,
    TieredSubject,
)
from backend.disclosure.policy import Subject, check_can_give_reason
from backend.errors import DomainError
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer

LASTS = timedelta(minutes=30)
REASON_MINIMUM = 10
GRANT: Mapping[SubjectKind, Event] = {
    SubjectKind.NEED: Event.NEED_ACCESS_GRANT,
    SubjectKind.CAPABILITY: Event.CAPABILITY_ACCESS_GRANT,
}


class NoReason(DomainError):
    """The reason is too short to say anything, or too long."""

    status = 422
    zh = f"请写明理由，不少于 {REASON_MINIMUM} 个字，不超过 {REASON_LENGTH} 个字。"
    en = f"Please say why, in {REASON_MINIMUM} to {REASON_LENGTH} characters."


def live(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> ReasonedAccess | None:
    """The access that an administrator has been given to a subject and that still holds; None for anybody else."""
    if not viewer.is_admin or viewer.user_id is None:
        return None
    query = select(ReasonedAccess).where(
        ReasonedAccess.subject_kind == kind,
        ReasonedAccess.subject_id == subject_id,
        ReasonedAccess.user_id == viewer.user_id,
        ReasonedAccess.expires_at > utc_now(),
    )
    return session.exec(query.order_by(col(ReasonedAccess.expires_at).desc())).first()


def give_reason(
    session: Session, viewer: Viewer, subject: TieredSubject, facts: Subject, purpose: AccessPurpose, reason: str
) -> ReasonedAccess:
    """Open the brief of a subject to an administrator for half an hour; sent twice it is one access.

    Raises NotFound, Conflict, or NoReason.
    """
    check_can_give_reason(viewer, facts)
    reason = reason.strip()
    if not REASON_MINIMUM <= len(reason) <= REASON_LENGTH:
        raise NoReason
    if found := live(session, viewer, facts.kind, facts.id):
        return found
    now = utc_now()
    access = ReasonedAccess(
        subject_kind=facts.kind,
        subject_id=facts.id,
        user_id=viewer.user_id,
        purpose=purpose,
        reason=reason,
        version=facts.version,
        created_at=now,
        expires_at=now + LASTS,
    )
    session.add(access)
    session.flush()
    events.record(
        session,
        GRANT[facts.kind],
        facts.kind,
        facts.id,
        actor_id=viewer.user_id,
        version=facts.version,
        until=access.expires_at.isoformat(),
        **as_detail(access),
    )
    announce_to_owners(session, subject, facts, Notice.ADMIN_ACCESS, viewer.user_id)
    return access


def as_detail(access: ReasonedAccess) -> dict[str, str]:
    """What an audit event says of the access that it happened by."""
    return {"access": access.id, "purpose": access.purpose.value, "reason": access.reason}
