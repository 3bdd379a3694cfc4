"""Names of audit events, `subject:action`, and the call that writes one."""

from enum import StrEnum

from sqlmodel import Session

from backend.audit.models import AuditEvent


class Event(StrEnum):
    """Every event that the application writes; those of the life cycles stand in the states tables."""

    ACCOUNT_CREATE = "account:create"
    SESSION_START = "account:session:start"
    SESSION_END = "account:session:end"
    SESSION_REFUSE = "account:session:refuse"
    SESSION_REVOKE_ALL = "account:session:revoke-all"
    BEARER_CREATE = "account:token:create"
    BEARER_REVOKE = "account:token:revoke"

    NEED_CREATE = "need:create"
    NEED_EDIT = "need:edit"
    NEED_PUBLISH = "need:publish"
    NEED_WITHDRAW = "need:withdraw"
    NEED_DISCARD = "need:discard"
    NEED_RESTORE = "need:restore"
    NEED_REQUIREMENTS_EDIT = "need:requirements:edit"
    NEED_REQUIREMENTS_SPLIT = "need:requirements:split"
    NEED_BRIEF_READ = "need:brief:read"
    NEED_ANNEX_READ = "need:annex:read"

    CAPABILITY_CREATE = "capability:create"
    CAPABILITY_EDIT = "capability:edit"
    CAPABILITY_PUBLISH = "capability:publish"
    CAPABILITY_WITHDRAW = "capability:withdraw"
    CAPABILITY_DISCARD = "capability:discard"
    CAPABILITY_RESTORE = "capability:restore"
    CAPABILITY_BRIEF_READ = "capability:brief:read"
    CAPABILITY_ANNEX_READ = "capability:annex:read"

    ATTACHMENT_ADD = "attachment:add"
    ATTACHMENT_OPEN = "attachment:open"
    ATTACHMENT_STRIP = "attachment:strip"
    ATTACHMENT_REMOVE = "attachment:remove"


def record(
    session: Session,
    event: str,
    subject_kind: str,
    subject_id: str,
    *,
    actor_id: str | None,
    **detail: str | int | None,
) -> None:
    """Append an event to the trail, in the transaction of what it tells of."""
    session.add(
        AuditEvent(
            event=event, subject_kind=subject_kind, subject_id=subject_id, actor_id=actor_id, detail=dict(detail)
        )
    )
