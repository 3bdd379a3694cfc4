"""Snapshots of the indexes of one side on disk.

A snapshot only saves the time to load. One that is damaged, of another model or not that of the database is not used:
the index then starts empty and is filled from the table.
"""

import logging
from contextlib import suppress
from pathlib import Path

from sqlmodel import Session, func, select

from backend.matching.models import SearchDocument
from backend.matching.sides import Side, SideIndex, empty
from embeddings.index.faiss import FaissIndex
from embeddings.types import IndexMismatch

log = logging.getLogger(__name__)


def load(session: Session, side: Side, path: Path, model: str, dimension: int) -> tuple[SideIndex, int]:
    """The indexes of a side and the sequence number they stand at; empty ones at 0 where the snapshot is no use."""
    if not path.exists():
        return empty(model, dimension), 0
    try:
        vectors, sequence = FaissIndex.load(path, model=model, dimension=dimension)
        return SideIndex(vectors, subject_of=_check(session, side, vectors, sequence)), sequence
    except (IndexMismatch, OSError) as error:
        log.warning("index snapshot %s is not used and will be rebuilt from the database: %s", path.name, error)
        # Gone for good: a restored database would otherwise grow into the numbers of a snapshot that is ahead of it.
        with suppress(OSError):
            path.unlink()
        return empty(model, dimension), 0


def _check(session: Session, side: Side, vectors: FaissIndex, sequence: int) -> dict[int, str]:
    """Compare a snapshot with the table; returns the subject of each passage, raises IndexMismatch."""
    if sequence > (session.exec(select(func.max(SearchDocument.sequence))).one() or 0):
        raise IndexMismatch("sequence", "the snapshot is ahead of the database")
    query = select(SearchDocument.id, SearchDocument.subject_id, SearchDocument.sequence, SearchDocument.deleted)
    rows = session.exec(query.where(SearchDocument.subject_kind == side[0], SearchDocument.tier == side[1])).all()
    present = vectors.ids()
    expected = {i for i, _s, changed, deleted in rows if not deleted and changed <= sequence}
    changed_since = {i for i, _s, changed, _d in rows if changed > sequence}
    if not expected <= present or not present <= expected | changed_since:
        raise IndexMismatch("content", "the passages in the snapshot are not those of the database")
    return {i: subject_id for i, subject_id, _c, _d in rows if i is not None and i in present}
