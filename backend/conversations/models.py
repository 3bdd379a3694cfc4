"""Messages of cases, who is mentioned in them, and how far each reader has come."""

import unicodedata
from datetime import datetime

from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, new_id, utc_now

TEXT_LENGTH = 4000


def fold(text: str) -> str:
    """A text as it is searched: full width as half width, capitals as small letters (Unicode NFKC, case folded)."""
    return unicodedata.normalize("NFKC", text).casefold()


class CaseMessage(SQLModel, table=True):
    """What somebody said in a case, for an organisation. Messages are in the order of their numbers.

    `key` comes with the form, so that one that is sent twice makes one message. A note (`is_note`) is read by the
    brokers of the agency that wrote it alone. Of a deleted message the row stays, without its text.
    """

    __tablename__ = "case_message"
    __table_args__ = (Index("ix_case_message_case", "introduction_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(default_factory=new_id, max_length=16, unique=True)
    introduction_id: str = Field(foreign_key="introduction.id", ondelete="CASCADE")
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    organisation_id: str | None = Field(default=None, foreign_key="organisation.id", index=True, ondelete="SET NULL")
    is_note: bool = False
    text: str = ""
    folded: str = ""
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    changed_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    edited_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MessageMention(SQLModel, table=True):
    """Somebody who was told that a message speaks of them."""

    __tablename__ = "message_mention"
    __table_args__ = (UniqueConstraint("message_id", "user_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    message_id: int = Field(foreign_key="case_message.id", ondelete="CASCADE")
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")


class ConversationRead(SQLModel, table=True):
    """The number of the last message that somebody has had before them, for which organisation, and when."""

    __tablename__ = "conversation_read"
    __table_args__ = (UniqueConstraint("introduction_id", "user_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    introduction_id: str = Field(foreign_key="introduction.id", ondelete="CASCADE")
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    organisation_id: str | None = Field(default=None, foreign_key="organisation.id", index=True, ondelete="SET NULL")
    message_id: int
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
