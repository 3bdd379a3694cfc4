"""The state of the index as the database knows it."""

from dataclasses import dataclass

from sqlalchemy import select as sa_select
from sqlmodel import Session, col, func

from backend import outbox
from backend.matching.models import SearchDocument, SearchSequence


@dataclass(frozen=True)
class IndexRow:
    """What is indexed of one kind in one tier with one model."""

    kind: str
    tier: str
    model: str
    subjects: int
    passages: int


@dataclass(frozen=True)
class IndexStatus:
    """The counter of changes, the outbox rows that wait, and what is indexed."""

    sequence: int
    waiting: int
    rows: list[IndexRow]


def of_database(session: Session) -> IndexStatus:
    """Read the state of the index."""
    counter = session.get(SearchSequence, 1)
    d = SearchDocument
    query = (
        # The select of sqlmodel is typed for four columns at most.
        sa_select(
            col(d.subject_kind), col(d.tier), col(d.model), func.count(col(d.subject_id).distinct()), func.count()
        )
        .where(col(d.deleted).is_(False))
        .group_by(col(d.subject_kind), col(d.tier), col(d.model))
        .order_by(col(d.subject_kind), col(d.tier))
    )
    return IndexStatus(
        sequence=counter.value if counter else 0,
        waiting=len(outbox.pending(session, outbox.Topic.INDEX)),
        rows=[IndexRow(*row) for row in session.execute(query).all()],
    )
