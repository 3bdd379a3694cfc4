"""The search documents: which passages a subject should have, writing the difference, and reading them back."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, bindparam, insert, literal_column, select, update
from sqlmodel import Session, SQLModel, col

from backend.capabilities import service as capabilities
from backend.db import utc_now
from backend.disclosure.models import SubjectKind, TieredText
from backend.matching.models import SearchDocument, SearchSequence, SearchTier
from backend.needs import service as needs

OPEN_TEXT: Mapping[SubjectKind, Callable[[Session, str], TieredText | None]] = {
    SubjectKind.NEED: needs.open_text_of,
    SubjectKind.CAPABILITY: capabilities.open_text_of,
}
OPEN_IDS: Mapping[SubjectKind, Callable[[Session], Sequence[str]]] = {
    SubjectKind.NEED: needs.open_ids,
    SubjectKind.CAPABILITY: capabilities.open_ids,
}
Subject = tuple[SubjectKind, str]
TABLE = SQLModel.metadata.tables["search_document"]
"""For statements over many rows: objects of the ORM cost more than the rows themselves."""
LOCK = "search_sequence"
"""Whoever writes documents or draws numbers begins with the lock of this table."""
MANY = 500
"""Values in one `IN`."""


@dataclass(frozen=True)
class Wanted:
    """A passage that should be indexed: what is quoted, and what is encoded for it."""

    tier: SearchTier
    position: int
    text: str
    encoded: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both texts."""
        return hashlib.sha256(f"{self.text}\x00{self.encoded}".encode()).hexdigest()


class PassageRow(Protocol):
    """What searching and judging need of a passage."""

    @property
    def position(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def vector(self) -> bytes | None: ...


class StoredPassage(NamedTuple):
    """A live passage as it is read from the table."""

    subject_id: str
    position: int
    text: str
    vector: bytes | None


def stamp_of(digest: str) -> int:
    """The first 31 bits of a digest in hexadecimal digits; 0 for none."""
    return int(digest[:8], 16) >> 1 if digest else 0


def stored(session: Session, kind: SubjectKind, subject_id: str) -> Sequence[SearchDocument]:
    """All rows of a subject, deleted ones included."""
    query = select(SearchDocument).where(
        col(SearchDocument.subject_kind) == kind, col(SearchDocument.subject_id) == subject_id
    )
    return session.execute(query).scalars().all()


def sequence_of(session: Session) -> SearchSequence:
    """The counter of changes, made on first use."""
    counter = session.get(SearchSequence, 1, with_for_update=True)
    if counter is None:
        counter = SearchSequence()
        session.add(counter)
        session.flush()
    return counter


def write(
    session: Session, wanted: Mapping[Subject, Sequence[Wanted]], vectors: Mapping[str, bytes], model: str
) -> int:
    """Make the rows of some subjects those that are wanted; returns how many rows changed.

    A wanted passage without a vector in `vectors` (by digest) is left out for now, and its former text is deleted all
    the same: what has been withdrawn must not be found while a model is missing.
    """
    counter = sequence_of(session)  # Before the rows are read: other writers wait here.
    kinds = {subject_id: kind for kind, subject_id in wanted}
    c = TABLE.c
    columns = select(c.id, c.subject_id, c.tier, c.position, c.digest, c.model, c.deleted)
    rows = {
        (row.subject_id, SearchTier(row.tier), row.position): row
        for part in _parts(kinds)
        for row in session.execute(columns.where(c.subject_id.in_(part))).all()
    }
    ready = {
        (subject_id, w.tier, w.position): w
        for (_kind, subject_id), passages in wanted.items()
        for w in passages
        if w.digest in vectors
    }
    now = utc_now()
    changes: list[dict[str, Any]] = []
    additions: list[dict[str, Any]] = []
    for place in {**rows, **ready}:
        row, want = rows.get(place), ready.get(place)
        if want is None:
            if row is None or row.deleted:
                continue
            values = {"text": "", "digest": "", "stamp": 0, "model": "", "vector": None, "deleted": True}
        elif row is not None and not row.deleted and row.digest == want.digest and row.model == model:
            continue
        else:
            values = {
                "text": want.text,
                "digest": want.digest,
                "stamp": stamp_of(want.digest),
                "model": model,
                "vector": vectors[want.digest],
                "deleted": False,
            }
        counter.value += 1
        values |= {"sequence": counter.value, "updated_at": now}
        if row is not None:
            changes.append(values | {"row_id": row.id})
        else:
            subject_id, tier, position = place
            additions.append(
                values
                | {"subject_kind": kinds[subject_id], "subject_id": subject_id, "tier": tier, "position": position}
            )
    if changes:
        names = [name for name in changes[0] if name != "row_id"]
        statement = update(TABLE).where(c.id == bindparam("row_id")).values({n: bindparam(n) for n in names})
        session.connection().execute(statement, changes)
    if additions:
        session.connection().execute(insert(TABLE), additions)
    session.add(counter)
    session.flush()
    return len(changes) + len(additions)


def indexed_subjects(session: Session, kind: SubjectKind | None = None) -> set[Subject]:
    """The subjects that have live passages."""
    query = select(TABLE.c.subject_kind, TABLE.c.subject_id).where(TABLE.c.deleted.is_(False)).distinct()
    if kind is not None:
        query = query.where(TABLE.c.subject_kind == kind)
    return {(SubjectKind(kind), subject_id) for kind, subject_id in session.execute(query)}


def with_rows(session: Session, subject_ids: Collection[str]) -> set[str]:
    """Those of the subjects that have live passages."""
    c = TABLE.c
    found: set[str] = set()
    for part in _parts(subject_ids):
        query = select(c.subject_id).where(c.subject_id.in_(part), c.deleted.is_(False)).distinct()
        found.update(session.execute(query).scalars())
    return found


def forget_model(session: Session) -> None:
    """Make every vector one of no model, so that all are encoded again."""
    session.execute(update(TABLE).values(model=""))


def vector_of(row: PassageRow) -> NDArray[np.float32]:
    """The vector of a row, shape (d,)."""
    return np.frombuffer(row.vector or b"", dtype="<f4").astype(np.float32)


def known_vectors(session: Session, digests: Iterable[str], model: str) -> dict[str, bytes]:
    """Vectors that exist already for this model, of whichever subject, by digest: no text is encoded twice."""
    c = TABLE.c
    found: dict[str, bytes] = {}
    for part in _parts(set(digests)):
        query = select(c.digest, c.vector).where(
            c.stamp.in_({stamp_of(digest) for digest in part}),
            c.digest.in_(part),
            c.model == model,
            c.deleted.is_(False),
        )
        found |= {digest: vector for digest, vector in session.execute(query) if vector}
    return found


def without_index(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A column of text in a condition that no index shall serve, though one could.

    Without statistics SQLite would go through a whole side, or all that has ever been done, instead of looking up few
    subjects, or the few rows that wait.
    """
    return column.concat(literal_column("''"))


def live(kind: SubjectKind, tier: SearchTier) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the live passages of one side."""
    return (TABLE.c.subject_kind == kind, TABLE.c.tier == tier, TABLE.c.deleted.is_(False))


def _live_of(kind: SubjectKind, tier: SearchTier, subject_ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the live passages of some subjects."""
    c = TABLE.c
    return c.subject_id.in_(subject_ids), c.tier == tier, c.deleted.is_(False), without_index(c.subject_kind) == kind


def passages_of(
    session: Session, kind: SubjectKind, tier: SearchTier, subject_ids: Collection[str]
) -> dict[str, list[StoredPassage]]:
    """The live passages of some subjects in one tier, in their order."""
    c = TABLE.c
    found: dict[str, list[StoredPassage]] = {}
    for part in _parts(subject_ids):
        query = select(c.subject_id, c.position, c.text, c.vector).where(*_live_of(kind, tier, part))
        for row in session.execute(query.order_by(c.subject_id, c.position)).all():
            passage = StoredPassage(*row)
            found.setdefault(passage.subject_id, []).append(passage)
    return found


def texts_of(session: Session, kind: SubjectKind, tier: SearchTier, subject_ids: Collection[str]) -> dict[str, str]:
    """The text of each subject for counting its words, as `joined` makes it of its live passages."""
    c = TABLE.c
    found: dict[str, list[str]] = {}
    for part in _parts(subject_ids):
        query = select(c.subject_id, c.text).where(*_live_of(kind, tier, part))
        for subject_id, text in session.execute(query.order_by(c.subject_id, c.position)).all():
            found.setdefault(subject_id, []).append(text)
    return {subject_id: joined(texts) for subject_id, texts in found.items()}


def joined(texts: Sequence[str]) -> str:
    """The text of a subject for counting words: its opening passage, and the sentences that are not in it."""
    opening = texts[0]
    return "\n".join([opening, *(text for text in texts[1:] if text not in opening)])


def _parts(values: Collection[str]) -> Iterable[list[str]]:
    ordered = sorted(values)
    return (ordered[start : start + MANY] for start in range(0, len(ordered), MANY))
