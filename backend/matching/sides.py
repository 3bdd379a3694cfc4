"""The indexes of one kind of subject in one tier: applying rows of the table, and finding candidates."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from backend.disclosure.models import SubjectKind
from backend.matching.documents import PassageRow, joined, stamp_of
from backend.matching.models import SearchTier
from backend.matching.passage_map import PassageMap
from embeddings.fusion import group_passages, reciprocal_rank_fusion, subject_score
from embeddings.index import FaissIndex, IndexUnavailable
from embeddings.lexical import LexicalIndex
from embeddings.normal import simplify
from embeddings.passages import normalise
from embeddings.types import Encoder, Ids, Vector

CANDIDATES = 200
"""How many candidates each method contributes, as the design says."""
PASSAGES = 1_000
"""Passages looked up for them: a subject brings several, and near duplicates of one text come together."""
MORE_PASSAGES = 4_000
"""Looked up once more where those were of too few subjects."""

Side = tuple[SubjectKind, SearchTier]
SIDES: tuple[Side, ...] = tuple((kind, tier) for kind in SubjectKind for tier in SearchTier)


@dataclass(frozen=True)
class Candidate:
    """A subject that one of the methods has found: its fused score, cosine, and BM25 score.

    Either is 0 where it is not known: BM25 where the words were not among the best, the cosine where the vectors cannot
    be searched.
    """

    subject_id: str
    fused: float
    dense: float
    lexical: float


@dataclass(frozen=True)
class Query:
    """A query text with its vector, shape (d,), and the vectors of its points, shape (r, d), r at least 1."""

    text: str
    vector: Vector
    points: Vector


def query_of(encoder: Encoder, text: str, points: Sequence[str] = ()) -> Query:
    """Encode a query and its points (none given: the text is its one point), traditional characters as simplified."""
    vectors = encoder.encode_queries([simplify(normalise(part)) for part in (text, *points)])
    return Query(text, vectors[0], vectors[1:] if points else vectors)


class VectorSearch(Protocol):
    """What a side asks of its vectors."""

    def search(self, vectors: Vector, k: int, *, only: Ids | None = None) -> tuple[Ids, Vector]: ...
    def __len__(self) -> int: ...


class Row(Protocol):
    """A passage as it stands in the table."""

    @property
    def id(self) -> int | None: ...
    @property
    def subject_id(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def vector(self) -> bytes | None: ...
    @property
    def deleted(self) -> bool: ...


class Change(NamedTuple):
    """A changed passage, as `changes.read` finds it."""

    id: int
    sequence: int
    subject_id: str
    digest: str
    model: str
    vector: bytes | None
    deleted: bool


@dataclass
class SideIndex:
    """Vectors by passage, words by subject, current up to `sequence`.

    One thread at a time may change it. Searches need no lock: they see each passage as it was or as it is, never one
    that was deleted before they began, and the passages that are shown are read from the database afterwards.
    `vectors` is None where a service keeps them; then `remote` searches it.
    """

    vectors: FaissIndex | None
    remote: VectorSearch | None = None
    lexical: LexicalIndex = field(default_factory=LexicalIndex)
    passages: PassageMap = field(default_factory=PassageMap)
    sequence: int = 0

    def apply_vectors(self, rows: Sequence[Row], model: str) -> bool:
        """Take over changed passages; returns whether a vector that was there is there no more."""
        live = [r for r in rows if r.id is not None and not r.deleted and r.model == model]
        gone = [r.id for r in rows if r.id is not None and (r.deleted or r.model != model)]
        ids = [r.id for r in live if r.id is not None]
        replaced = self.passages.known([*gone, *ids])
        if gone:
            self.passages.drop(gone)
            if self.vectors is not None:
                self.vectors.delete(np.array(gone, dtype=np.int64))
        if live:
            # A hit must have its subject: the subject comes first, as it goes first above.
            self.passages.put(ids, [r.subject_id for r in live], [stamp_of(r.digest) for r in live])
            if self.vectors is not None:
                self.vectors.upsert(np.array(ids, dtype=np.int64), vectors_of(live))
        return replaced

    def apply_words(self, subject_ids: Collection[str], passages: Mapping[str, Sequence[PassageRow]]) -> None:
        """Take over the words of changed subjects from their live passages; a subject without any is dropped."""
        self.apply_texts(subject_ids, {s: joined([row.text for row in rows]) for s, rows in passages.items()})

    def apply_texts(self, subject_ids: Collection[str], texts: Mapping[str, str]) -> None:
        """Take over the texts of changed subjects; a subject without one is dropped."""
        self.lexical.delete([subject_id for subject_id in subject_ids if subject_id not in texts])
        self.lexical.upsert(texts)

    def candidates(self, query: Query, without: Collection[str] = ()) -> list[Candidate]:
        """Subjects for a query, best first: dense and lexical rankings, fused by reciprocal rank.

        Equal scores are ordered by subject id. While the vectors cannot be searched the words alone count. The subjects
        `without` are left out, and others take their places.
        """
        hits = self.lexical.search(query.text, CANDIDATES + len(without))
        words = {hit.id: hit.score for hit in [hit for hit in hits if hit.id not in without][:CANDIDATES]}
        try:
            dense = self._nearest(query, self.passages.others(without) if without else None)
            by_meaning = sorted(dense, key=lambda subject: (-dense[subject], subject))[:CANDIDATES]
            dense |= self._scores(query, [subject for subject in words if subject not in dense])
        except IndexUnavailable:
            dense, by_meaning = {}, []
        fused = reciprocal_rank_fusion([by_meaning, list(words)])
        return [Candidate(hit.id, hit.score, dense.get(hit.id, 0.0), words.get(hit.id, 0.0)) for hit in fused]

    def _nearest(self, query: Query, only: Ids | None = None) -> dict[str, float]:
        """Cosines of the subjects of the nearest passages."""
        found = self._search(query, PASSAGES, only)
        if len(found) < CANDIDATES and len(self.passages) > PASSAGES:
            found = self._search(query, MORE_PASSAGES, only)
        return found

    def _scores(self, query: Query, subject_ids: Sequence[str]) -> dict[str, float]:
        """Cosines of some subjects that were found by their words."""
        ids = self.passages.passages_of(subject_ids)
        return self._search(query, len(ids), ids) if len(ids) else {}

    def _search(self, query: Query, k: int, only: Ids | None = None) -> dict[str, float]:
        searched = self.vectors if self.vectors is not None else self.remote
        if searched is None:
            return {}
        ids, scores = searched.search(query.vector[None, :], k, only=only)
        subjects = self.passages.subjects_of(ids[0])
        found = zip(ids[0].tolist(), scores[0].tolist(), subjects, strict=True)
        hits = [(i, score, subject) for i, score, subject in found if subject is not None]
        grouped = group_passages(((i, s) for i, s, _subject in hits), {i: subject for i, _s, subject in hits})
        return {subject: subject_score([s for _i, s in of_subject]) for subject, of_subject in grouped.items()}


Sides = Mapping[Side, SideIndex]


def empty(model: str, dimension: int) -> SideIndex:
    """Indexes without a passage."""
    return SideIndex(FaissIndex(dimension, model))


def vectors_of(rows: Sequence[Row]) -> Vector:
    """The vectors of rows, shape (n, d), from one buffer."""
    joined_bytes = b"".join(row.vector or b"" for row in rows)
    return np.frombuffer(joined_bytes, dtype="<f4").reshape(len(rows), -1).astype(np.float32, copy=False)
