"""The outbox: what has changed and what follows from it, written in the transaction of the change itself.

A higher floor learns of a change below by reading its topic after the commit, never by being called.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Session, SQLModel, col, select, update

from backend.db import UtcDateTime, utc_now


class Topic(StrEnum):
    """Who has to act on a row."""

    INDEX = "index"


class OutboxRow(SQLModel, table=True):
    """One piece of follow-up work about one subject."""

    __tablename__ = "outbox"

    id: int | None = Field(default=None, primary_key=True)
    topic: str = Field(max_length=20, index=True)
    subject_kind: str = Field(max_length=20)
    subject_id: str = Field(max_length=16)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


def append(session: Session, topic: Topic, subject_kind: str, subject_id: str) -> None:
    """Note follow-up work; it becomes visible with the commit of the change."""
    session.add(OutboxRow(topic=topic, subject_kind=subject_kind, subject_id=subject_id))


def pending(session: Session, topic: Topic) -> Sequence[OutboxRow]:
    """Work of a topic that is not done, oldest first."""
    query = select(OutboxRow).where(OutboxRow.topic == topic, col(OutboxRow.done_at).is_(None))
    return session.exec(query.order_by(col(OutboxRow.id))).all()


def mark_done(session: Session, ids: Sequence[int]) -> None:
    """Close rows of the outbox."""
    if ids:
        session.exec(update(OutboxRow).where(col(OutboxRow.id).in_(ids)).values(done_at=utc_now()))
