"""One table of events. It knows needs, capabilities and cases by their ids alone, and outlives them."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel

from backend.db import UtcDateTime, enum_type, utc_now


class DecisionKind(StrEnum):
    """What happened to a pair, in the order of a case that goes well."""

    SHOWN = "shown"
    OPENED = "opened"
    ASKED = "asked"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    INTRODUCED = "introduced"
    MET = "met"
    AGREED = "agreed"
    STEP = "step"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Decision(SQLModel, table=True):
    """One event of a pair; rows are only ever added.

    `ranker`, `position` (counted from 1), `grade` and `probability` are those of the suggestion behind it, where there
    was one. `side` says whose decision it was: need, capability, broker or system. No text of a user is kept here.
    """

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_pair", "need_id", "capability_id"),
        Index("ix_decision_kind_at", "kind", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    kind: DecisionKind = Field(sa_type=enum_type(DecisionKind))
    need_id: str = Field(max_length=16)
    capability_id: str | None = Field(default=None, max_length=16)
    introduction_id: str | None = Field(default=None, max_length=16, index=True)
    organisation_id: str | None = Field(default=None, foreign_key="organisation.id", ondelete="SET NULL")
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    side: str = Field(default="", max_length=20)
    ranker: str = Field(default="", max_length=64)
    position: int | None = None
    grade: str = Field(default="", max_length=20)
    probability: float | None = None
    reason: str = Field(default="", max_length=30)
    step: str = Field(default="", max_length=30)
