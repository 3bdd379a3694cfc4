"""Keeping the search documents in step with the subjects: which passages there should be, and the difference."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session, col, select, update

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


@dataclass(frozen=True)
class Wanted:
    """A passage that should be indexed: what is quoted, and what is encoded for it."""

    tier: SearchTier
    position: int
    text: str
    encoded: str

    @property
    def digest(self) -> str:
        """SHA-256 over both texts."""
        return hashlib.sha256(f"{self.text}\x00{self.encoded}".encode()).hexdigest()


def stored(session: Session, kind: SubjectKind, subject_id: str) -> Sequence[SearchDocument]:
    """All rows of a subject, deleted ones included."""
    query = select(SearchDocument).where(SearchDocument.subject_kind == kind, SearchDocument.subject_id == subject_id)
    return session.exec(query).all()


def sequence_of(session: Session) -> SearchSequence:
    """The counter of changes, made on first use."""
    counter = session.get(SearchSequence, 1, with_for_update=True)
    if counter is None:
        counter = SearchSequence()
        session.add(counter)
        session.flush()
    return counter


def write(
    session: Session,
    kind: SubjectKind,
    subject_id: str,
    wanted: Sequence[Wanted],
    vectors: Mapping[str, bytes],
    model: str,
) -> int:
    """Make the rows of a subject those that are wanted; returns how many rows changed.

    A wanted passage without a vector in `vectors` (by digest) is left out for now, and its former text is deleted all
    the same: what has been withdrawn must not be found while a model is missing.
    """
    rows = {(row.tier, row.position): row for row in stored(session, kind, subject_id)}
    ready = {(w.tier, w.position): w for w in wanted if w.digest in vectors}
    counter = sequence_of(session)
    changed = 0
    for place in {**rows, **ready}:
        row, want = rows.get(place), ready.get(place)
        if want is None:
            if row is None or row.deleted:
                continue
            row.text, row.digest, row.model, row.vector, row.deleted = "", "", "", None, True
        else:
            if row is None:
                row = SearchDocument(
                    subject_kind=kind, subject_id=subject_id, tier=place[0], position=place[1], sequence=0
                )
            elif not row.deleted and row.digest == want.digest and row.model == model:
                continue
            row.text, row.digest, row.model = want.text, want.digest, model
            row.vector, row.deleted = vectors[want.digest], False
        counter.value += 1
        row.sequence, row.updated_at = counter.value, utc_now()
        session.add(row)
        changed += 1
    session.add(counter)
    session.flush()
    return changed


def indexed_subjects(session: Session, other_than: str | None = None) -> set[tuple[SubjectKind, str]]:
    """The subjects that have live passages, or only those with passages of another model than the one named."""
    query = select(SearchDocument.subject_kind, SearchDocument.subject_id).where(col(SearchDocument.deleted).is_(False))
    if other_than is not None:
        query = query.where(SearchDocument.model != other_than)
    return {(SubjectKind(kind), subject_id) for kind, subject_id in session.exec(query.distinct()).all()}


def forget_model(session: Session) -> None:
    """Make every vector one of no model, so that all are encoded again."""
    session.exec(update(SearchDocument).values(model=""))


def vector_of(row: SearchDocument) -> NDArray[np.float32]:
    """The vector of a row, shape (d,)."""
    return np.frombuffer(row.vector or b"", dtype="<f4").astype(np.float32)


def known_vectors(rows: Sequence[SearchDocument], model: str | None) -> dict[str, bytes]:
    """Vectors that exist already for this model, by digest: nothing is encoded twice."""
    return {row.digest: row.vector for row in rows if row.vector is not None and not row.deleted and row.model == model}


def passages_of(
    session: Session, kind: SubjectKind, tier: SearchTier, subject_ids: Sequence[str]
) -> dict[str, list[SearchDocument]]:
    """The live passages of some subjects in one tier, in their order."""
    query = select(SearchDocument).where(
        SearchDocument.subject_kind == kind,
        SearchDocument.tier == tier,
        col(SearchDocument.subject_id).in_(subject_ids),
        col(SearchDocument.deleted).is_(False),
    )
    found: dict[str, list[SearchDocument]] = {}
    for row in session.exec(query.order_by(col(SearchDocument.position))).all():
        found.setdefault(row.subject_id, []).append(row)
    return found
