"""What users are told of, and by which of it they want mails."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now


class Notice(StrEnum):
    """The kinds of event that users are told of."""

    REVIEW_WAITING = "review_waiting"
    REVIEW_UNASSIGNED = "review_unassigned"
    TEXT_EDITED = "text_edited"
    PUBLISHED = "published"
    RETURNED = "returned"
    REJECTED = "rejected"
    MATCHED = "matched"
    FULFILLED = "fulfilled"
    CLOSED = "closed"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    RELEASE_GRANTED = "release_granted"
    RELEASE_REVOKED = "release_revoked"
    RELEASE_CHANGED = "release_changed"
    RELEASE_PROPOSED = "release_proposed"
    INTRODUCTION_ASKED = "introduction_asked"
    INTRODUCTION_PROPOSED = "introduction_proposed"
    INTRODUCTION_ACCEPTED = "introduction_accepted"
    INTRODUCED = "introduced"
    INTRODUCTION_REMINDER = "introduction_reminder"
    INTRODUCTION_OVERDUE = "introduction_overdue"
    INTRODUCTION_MEETING = "introduction_meeting"
    INTRODUCTION_AGREED = "introduction_agreed"
    INTRODUCTION_DECLINED = "introduction_declined"
    INTRODUCTION_WITHDRAWN = "introduction_withdrawn"
    INTRODUCTION_EXPIRED = "introduction_expired"
    INTRODUCTION_PARTY = "introduction_party"
    INTRODUCTION_BROKER = "introduction_broker"
    LEDGER_MOVED = "ledger_moved"
    LEDGER_BLOCKED = "ledger_blocked"
    LEDGER_LANDED = "ledger_landed"
    LEDGER_NEED_ENDED = "ledger_need_ended"
    LEDGER_DUE = "ledger_due"
    LEDGER_OVERDUE = "ledger_overdue"
    LEDGER_STALLED = "ledger_stalled"
    MESSAGE_NEW = "message_new"
    MESSAGE_MENTION = "message_mention"
    MEETING_PROPOSED = "meeting_proposed"
    MEETING_ANSWERED = "meeting_answered"
    MEETING_CHANGED = "meeting_changed"
    MEETING_REMINDER = "meeting_reminder"
    DOCKING_PUBLISHED = "docking_published"
    DOCKING_REMINDER = "docking_reminder"
    DOCKING_CANCELLED = "docking_cancelled"
    DOCKING_ACCEPTED = "docking_accepted"
    DOCKING_DECLINED = "docking_declined"
    SUPPORTED = "supported"
    ADMIN_ACCESS = "admin_access"
    CALL_PROPOSED = "call_proposed"
    CALL_DECLINED = "call_declined"
    CALL_OPENED = "call_opened"
    CALL_RESCHEDULED = "call_rescheduled"
    CALL_REMINDER = "call_reminder"
    CALL_CLOSED = "call_closed"
    CALL_EXPIRED = "call_expired"
    CALL_WITHDRAWN = "call_withdrawn"
    CALL_UNDECIDED = "call_undecided"
    CALL_DECIDED = "call_decided"
    RESPONSE_SUBMITTED = "response_submitted"
    EXPERT_INVITED = "expert_invited"
    EXPERT_ACCEPTED = "expert_accepted"
    EXPERT_REFUSED = "expert_refused"
    EXPERT_SUBMITTED = "expert_submitted"
    EXPERT_REMOVED = "expert_removed"
    EXPERT_REMINDER = "expert_reminder"
    DESK_HANDED = "desk_handed"
    DRAFTS_IMPORTED = "drafts_imported"


class Notification(SQLModel, table=True):
    """One user is told of one event about one subject.

    The title of the subject is not kept: it is looked up when the notification is shown, under the policy of that
    moment, so that what has been withdrawn or closed since shows no title any more.
    """

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_user_read", "user_id", "read_at"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", ondelete="CASCADE")
    notice: Notice = Field(sa_type=enum_type(Notice))
    subject_kind: str = Field(max_length=20)
    subject_id: str = Field(max_length=16, index=True)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MailPreference(SQLModel, table=True):
    """Whether a user wants mails of one kind; without a row the kind's own default holds."""

    __tablename__ = "mail_preference"
    __table_args__ = (UniqueConstraint("user_id", "notice"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    notice: Notice = Field(sa_type=enum_type(Notice))
    wanted: bool
