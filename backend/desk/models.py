"""What brokers have put off or handed to a colleague."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.desk.kinds import ItemKind

NOTE_LENGTH = 300


class DeskMark(SQLModel, table=True):
    """What an agency has said of one thing on its desk: one row for each, the last word counts.

    `until` hides it from the desk up to that day; `user_id` is the colleague who has it, `handed_by` who gave it. What
    happened anew since `at` is on the desk again, whatever was said before.
    """

    __tablename__ = "desk_mark"
    __table_args__ = (UniqueConstraint("organisation_id", "kind", "subject_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", ondelete="CASCADE")
    kind: ItemKind = Field(sa_type=enum_type(ItemKind))
    subject_id: str = Field(max_length=16)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime, index=True)
    until: date | None = None
    reason: str = Field(default="", max_length=NOTE_LENGTH)
    deferred_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    user_id: str | None = Field(default=None, foreign_key="user_account.id", index=True, ondelete="SET NULL")
    handed_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    note: str = Field(default="", max_length=NOTE_LENGTH)
