"""Files: rows here, contents in the storage."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel

from backend.attachments.kinds import FileKind
from backend.db import UtcDateTime, enum_type, new_id, utc_now

NAME_LENGTH = 100


class Holder(StrEnum):
    """What files belong to; the first two are named as in `SubjectKind`. Of the others a higher floor answers."""

    NEED = "need"
    CAPABILITY = "capability"
    MESSAGE = "message"


class Attachment(SQLModel, table=True):
    """One file of an annex or a message. It knows its subject by kind and id alone.

    `stored_name` is where its content lies, and says nothing of it; `digest` is the SHA-256 of that content. `stripped`
    says that the content holds no metadata about its makers. A row with `removed_at` is there only until its content
    has been deleted.
    """

    __tablename__ = "attachment"
    __table_args__ = (Index("ix_attachment_subject", "subject_kind", "subject_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    subject_kind: Holder = Field(sa_type=enum_type(Holder))
    subject_id: str = Field(max_length=16)
    name: str = Field(max_length=NAME_LENGTH)
    kind: FileKind = Field(sa_type=enum_type(FileKind))
    size: int
    digest: str = Field(max_length=64)
    stored_name: str = Field(max_length=32, unique=True)
    stripped: bool
    uploaded_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
