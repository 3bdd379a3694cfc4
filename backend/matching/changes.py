"""What the table of search documents says to those who follow it: changes in their order, and sums to compare with."""

from collections.abc import Sequence

from sqlalchemy import Row, func, select
from sqlmodel import Session, SQLModel

from backend.matching.documents import TABLE, live
from backend.matching.passage_map import STAMP_FACTOR, STAMP_MODULUS
from backend.matching.sides import Change, Side

COUNTER = SQLModel.metadata.tables["search_sequence"]
AT_ONCE = 2_000
"""Rows that are read and applied together; a thousand of 384 dimensions are 1.5 MB."""


def newest(session: Session) -> int:
    """The number of the last change of all."""
    return session.execute(select(COUNTER.c.value)).scalar_one_or_none() or 0


def read(session: Session, side: Side, after: int, upto: int, limit: int = AT_ONCE) -> list[Change]:
    """Changed passages of a side with numbers above `after` and up to `upto`, in their order."""
    c = TABLE.c
    query = select(c.id, c.sequence, c.subject_id, c.digest, c.model, c.vector, c.deleted).where(
        c.subject_kind == side[0], c.tier == side[1], c.sequence > after, c.sequence <= upto
    )
    return [Change(*row) for row in session.execute(query.order_by(c.sequence).limit(limit)).all()]


def checksum(session: Session, side: Side, upto: int) -> tuple[int, int, int]:
    """Number, sum of ids and sum of weighted stamps of the live passages up to a change, as `PassageMap.checksum`."""
    c = TABLE.c
    weighted = c.stamp * (c.id % STAMP_FACTOR + 1) % STAMP_MODULUS
    query = select(func.count(), func.coalesce(func.sum(c.id), 0), func.coalesce(func.sum(weighted), 0))
    count, ids, stamps = session.execute(query.where(*live(*side), c.sequence <= upto)).one()
    return int(count), int(ids), int(stamps)


def since(session: Session, side: Side, after: int) -> Sequence[Row[int, str]]:
    """Passage and subject of all that has changed since a number."""
    c = TABLE.c
    query = select(c.id, c.subject_id).where(c.subject_kind == side[0], c.tier == side[1], c.sequence > after)
    return session.execute(query).all()
