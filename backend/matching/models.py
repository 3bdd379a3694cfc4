"""The search documents: what is indexed, in the order in which it changed. Every index is derived from this table."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.disclosure.models import SubjectKind, Tier


class SearchTier(StrEnum):
    """Which text an index holds: teasers alone, or teasers and briefs."""

    TEASER = "teaser"
    FULL = "full"

    @property
    def tier(self) -> Tier:
        """The narrowest tier of disclosure whose text is in this index."""
        return Tier.TEASER if self is SearchTier.TEASER else Tier.BRIEF


class SearchDocument(SQLModel, table=True):
    """One passage of a subject with its vector; a deleted passage stays as an empty row, so that followers drop it.

    `vector` holds float32 values in little-endian order, of the dimension that its length gives. `stamp` is the first
    31 bits of `digest` as a number: quick to look up and to add up, 0 for a deleted row.
    """

    __tablename__ = "search_document"
    __table_args__ = (
        UniqueConstraint("subject_id", "tier", "position"),
        # Holds all that comparing a snapshot with the table and reading changes need, so that no vector is read for it.
        Index("ix_search_document_changes", "subject_kind", "tier", "sequence", "deleted", "stamp"),
    )

    id: int | None = Field(default=None, primary_key=True)
    sequence: int = Field(unique=True)
    subject_kind: SubjectKind = Field(sa_type=enum_type(SubjectKind))
    subject_id: str = Field(max_length=16, index=True)
    tier: SearchTier = Field(sa_type=enum_type(SearchTier))
    position: int
    text: str = ""
    digest: str = Field(default="", max_length=64)
    stamp: int = Field(default=0, sa_type=BigInteger, index=True)
    model: str = Field(default="", max_length=200)
    vector: bytes | None = Field(default=None, sa_type=LargeBinary)
    deleted: bool = False
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class SearchSequence(SQLModel, table=True):
    """The one counter of changes. Its row is locked while numbers are drawn, so numbers become visible in order.

    `database_id` tells the snapshots of this database from those of another. `feeder` is the process that does the work
    of which one process is enough, until `feeder_until` unless it renews that.
    """

    __tablename__ = "search_sequence"

    id: int = Field(default=1, primary_key=True)
    value: int = 0
    database_id: str = Field(default_factory=new_id, max_length=16)
    feeder: str = Field(default="", max_length=16)
    feeder_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
