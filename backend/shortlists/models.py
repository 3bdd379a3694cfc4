"""What was found for each open need, and what has to be looked for again. All of it can be made anew."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.matching.ranker import Grade


class Shortlist(SQLModel, table=True):
    """The state of one need's list.

    `wanted_at` is since when it has to be made anew, None where it is up to date. `best` is the best grade that nothing
    speaks against, None where nothing came that far; `best_since`, since when it is that one.
    """

    __tablename__ = "shortlist"

    need_id: str = Field(primary_key=True, foreign_key="need.id", ondelete="CASCADE", max_length=16)
    need_version: int = 0
    wanted_at: datetime | None = Field(default_factory=utc_now, sa_type=UtcDateTime, index=True)
    made_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    best: Grade | None = Field(default=None, sa_type=enum_type(Grade), index=True)
    best_since: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Shortlisted(SQLModel, table=True):
    """A capability on the list of a need, as the ranker `ranker` placed it. No text is kept.

    `position` counts from 1. `since` is when it came onto the list with this grade. `fails` says that a demand of one
    side is not met.
    """

    __tablename__ = "shortlisted"
    __table_args__ = (UniqueConstraint("need_id", "capability_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    need_id: str = Field(foreign_key="need.id", ondelete="CASCADE", max_length=16)
    capability_id: str = Field(foreign_key="capability.id", index=True, ondelete="CASCADE", max_length=16)
    position: int
    grade: Grade = Field(sa_type=enum_type(Grade), index=True)
    probability: float
    fails: bool = False
    ranker: str = Field(default="", max_length=64)
    since: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class ShortlistCursor(SQLModel, table=True):
    """Up to which change of the search documents, and with which ranker, the lists have been looked at: one row."""

    __tablename__ = "shortlist_cursor"

    id: int = Field(default=1, primary_key=True)
    sequence: int = 0
    ranker: str = Field(default="", max_length=64)
