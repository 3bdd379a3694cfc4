"""The audit trail: who did what, to which subject and version, and when."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from backend.db import UtcDateTime, utc_now


class AuditEvent(SQLModel, table=True):
    """One event; rows are only ever added."""

    __tablename__ = "audit_event"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime, index=True)
    actor_id: str | None = Field(default=None, max_length=16, index=True)
    event: str = Field(max_length=60, index=True)
    subject_kind: str = Field(max_length=20)
    subject_id: str = Field(max_length=16, index=True)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
