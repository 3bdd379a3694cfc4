"""Names of audit events, `subject:action`, and the call that writes one."""

from enum import StrEnum

from sqlmodel import Session

from backend.audit.models import AuditEvent


class Event(StrEnum):
    """Every event that the application writes; those of the life cycles stand in the states tables."""

    ACCOUNT_CREATE = "account:create"
    ACCOUNT_REGISTER = "account:register"
    ACCOUNT_CONFIRM = "account:confirm"
    ACCOUNT_EDIT = "account:edit"
    ACCOUNT_EMAIL_ASK = "account:email:ask"
    ACCOUNT_EMAIL_CHANGE = "account:email:change"
    ACCOUNT_LINK = "account:link"
    ACCOUNT_EXPORT = "account:export"
    ACCOUNT_DELETE = "account:delete"
    ACCOUNT_SUSPEND = "account:suspend"
    ACCOUNT_REACTIVATE = "account:reactivate"
    PASSWORD_ASK = "account:password:ask"
    PASSWORD_CHANGE = "account:password:change"
    PASSWORD_RESET = "account:password:reset"
    SECOND_FACTOR_ON = "account:second-factor:on"
    SECOND_FACTOR_OFF = "account:second-factor:off"
    SECOND_FACTOR_REFUSE = "account:second-factor:refuse"
    RECOVERY_CODES_MAKE = "account:recovery-codes:make"
    RECOVERY_CODE_USE = "account:recovery-code:use"
    SESSION_START = "account:session:start"
    SESSION_END = "account:session:end"
    SESSION_REFUSE = "account:session:refuse"
    SESSION_REVOKE = "account:session:revoke"
    SESSION_REVOKE_ALL = "account:session:revoke-all"
    BEARER_CREATE = "account:token:create"
    BEARER_REVOKE = "account:token:revoke"

    ORGANISATION_CREATE = "organisation:create"
    ORGANISATION_EDIT = "organisation:edit"
    ORGANISATION_SUBMIT = "organisation:submit"
    ORGANISATION_VERIFY = "organisation:verify"
    ORGANISATION_REFUSE = "organisation:refuse"
    ORGANISATION_MERGE = "organisation:merge"
    DEPARTMENT_ADD = "organisation:department:add"
    DEPARTMENT_EDIT = "organisation:department:edit"
    DEPARTMENT_REMOVE = "organisation:department:remove"
    MEMBER_INVITE = "organisation:member:invite"
    MEMBER_INVITE_WITHDRAW = "organisation:member:invite-withdraw"
    MEMBER_REQUEST = "organisation:member:request"
    MEMBER_REQUEST_REFUSE = "organisation:member:request-refuse"
    MEMBER_JOIN = "organisation:member:join"
    MEMBER_ROLE = "organisation:member:role"
    MEMBER_DEPARTMENT = "organisation:member:department"
    MEMBER_HAND_OVER = "organisation:member:hand-over"
    MEMBER_REMOVE = "organisation:member:remove"
    MEMBER_LEAVE = "organisation:member:leave"

    NEED_CREATE = "need:create"
    NEED_EDIT = "need:edit"
    NEED_PUBLISH = "need:publish"
    NEED_WITHDRAW = "need:withdraw"
    NEED_DISCARD = "need:discard"
    NEED_RESTORE = "need:restore"
    NEED_SUBMIT = "need:submit"
    NEED_TAKE_BACK = "need:take-back"
    NEED_RETURN = "need:return"
    NEED_REJECT = "need:reject"
    NEED_EXTEND = "need:extend"
    NEED_EXPIRE = "need:expire"
    NEED_MATCH = "need:match"
    NEED_FULFIL = "need:fulfil"
    NEED_CLOSE = "need:close"
    NEED_REOPEN = "need:reopen"
    NEED_REQUIREMENTS_EDIT = "need:requirements:edit"
    NEED_REQUIREMENTS_SPLIT = "need:requirements:split"
    NEED_AUTOSAVE = "need:autosave"
    NEED_SUPPORT = "need:support:add"
    NEED_SUPPORT_UNDO = "need:support:remove"
    NEED_BRIEF_READ = "need:brief:read"
    NEED_ANNEX_READ = "need:annex:read"
    NEED_ACCESS_GRANT = "need:reasoned-access:grant"
    NEED_RELEASE_GRANT = "need:release:grant"
    NEED_RELEASE_REVOKE = "need:release:revoke"
    NEED_RELEASE_PROPOSE = "need:release:propose"
    NEED_RELEASE_DECLINE = "need:release:decline"

    CAPABILITY_CREATE = "capability:create"
    CAPABILITY_EDIT = "capability:edit"
    CAPABILITY_PUBLISH = "capability:publish"
    CAPABILITY_WITHDRAW = "capability:withdraw"
    CAPABILITY_DISCARD = "capability:discard"
    CAPABILITY_RESTORE = "capability:restore"
    CAPABILITY_SUBMIT = "capability:submit"
    CAPABILITY_TAKE_BACK = "capability:take-back"
    CAPABILITY_RETURN = "capability:return"
    CAPABILITY_REJECT = "capability:reject"
    CAPABILITY_CONFIRM = "capability:confirm"
    CAPABILITY_EXPIRE = "capability:expire"
    CAPABILITY_ARCHIVE = "capability:archive"
    CAPABILITY_CLOSE = "capability:close"
    CAPABILITY_AUTOSAVE = "capability:autosave"
    CAPABILITY_BRIEF_READ = "capability:brief:read"
    CAPABILITY_ANNEX_READ = "capability:annex:read"
    CAPABILITY_ACCESS_GRANT = "capability:reasoned-access:grant"
    CAPABILITY_RELEASE_GRANT = "capability:release:grant"
    CAPABILITY_RELEASE_REVOKE = "capability:release:revoke"
    CAPABILITY_RELEASE_PROPOSE = "capability:release:propose"
    CAPABILITY_RELEASE_DECLINE = "capability:release:decline"

    INTRODUCTION_ASK = "introduction:ask"
    INTRODUCTION_PROPOSE = "introduction:propose"
    INTRODUCTION_ACCEPT = "introduction:accept"
    INTRODUCTION_DECLINE = "introduction:decline"
    INTRODUCTION_TURN_DOWN = "introduction:turn-down"
    INTRODUCTION_WITHDRAW = "introduction:withdraw"
    INTRODUCTION_EXPIRE = "introduction:expire"
    INTRODUCTION_MEET = "introduction:meet"
    INTRODUCTION_AGREE = "introduction:agree"
    INTRODUCTION_SIGN = "introduction:undertaking:sign"
    INTRODUCTION_PARTY_PROPOSE = "introduction:party:propose"
    INTRODUCTION_PARTY_ADMIT = "introduction:party:admit"
    INTRODUCTION_PARTY_ACCEPT = "introduction:party:accept"
    INTRODUCTION_PARTY_DECLINE = "introduction:party:decline"
    INTRODUCTION_PARTY_LEAVE = "introduction:party:leave"
    INTRODUCTION_BROKER_ADD = "introduction:broker:add"
    INTRODUCTION_BROKER_AGREE = "introduction:broker:agree"
    INTRODUCTION_BROKER_REMOVE = "introduction:broker:remove"
    INTRODUCTION_BROKER_HAND_OVER = "introduction:broker:hand-over"

    IMPORT_READ = "import:read"
    IMPORT_CONFIRM = "import:confirm"
    IMPORT_DISCARD = "import:discard"
    IMPORT_FINISH = "import:finish"
    IMPORT_LOOK_AGAIN = "import:look-again"
    IMPORT_UNDO = "import:undo"
    IMPORT_UNDONE = "import:undone"
    IMPORT_GIVE_UP = "import:give-up"
    LIST_EXPORT = "list:export"

    ATTACHMENT_ADD = "attachment:add"
    ATTACHMENT_OPEN = "attachment:open"
    ATTACHMENT_STRIP = "attachment:strip"
    ATTACHMENT_REMOVE = "attachment:remove"

    AUDIT_EXPORT = "admin:audit:export"
    MAIL_RETRY = "admin:mail:retry"


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
