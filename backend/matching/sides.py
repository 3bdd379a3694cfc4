"""The indexes of one kind of subject in one tier: applying rows of the table, and finding candidates."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from backend.disclosure.models import SubjectKind
from backend.matching.documents import vector_of
from backend.matching.models import SearchDocument, SearchTier
from embeddings.fusion import group_passages, reciprocal_rank_fusion, subject_score
from embeddings.index.faiss import FaissIndex
from embeddings.lexical import LexicalIndex
from embeddings.types import Vector

CANDIDATES = 200
"""How many candidates each method contributes, as the design says."""

Side = tuple[SubjectKind, SearchTier]
SIDES: tuple[Side, ...] = tuple((kind, tier) for kind in SubjectKind for tier in SearchTier)


@dataclass(frozen=True)
class Candidate:
    """A subject that one of the methods has found: its fused score, best cosine, and BM25 score (0 where not found)."""

    subject_id: str
    fused: float
    dense: float
    lexical: float


@dataclass(frozen=True)
class Query:
    """A query text with its vector, shape (d,)."""

    text: str
    vector: Vector


@dataclass
class SideIndex:
    """Vectors by passage, words by subject. The caller holds the lock of the engine."""

    vectors: FaissIndex
    lexical: LexicalIndex = field(default_factory=LexicalIndex)
    subject_of: dict[int, str] = field(default_factory=dict)

    def apply_vectors(self, rows: Sequence[SearchDocument], model: str) -> bool:
        """Take over changed passages; returns whether a vector had to go."""
        live = [r for r in rows if not r.deleted and r.model == model]
        gone = [r.id for r in rows if r.deleted or r.model != model]
        if gone:
            self.vectors.delete(np.array(gone, dtype=np.int64))
            for passage_id in gone:
                self.subject_of.pop(passage_id or 0, None)
        if live:
            ids = np.array([row.id for row in live], dtype=np.int64)
            self.vectors.upsert(ids, np.stack([vector_of(row) for row in live]))
            self.subject_of.update({r.id or 0: r.subject_id for r in live})
        return bool(gone)

    def apply_words(self, subject_ids: Collection[str], passages: Mapping[str, Sequence[SearchDocument]]) -> None:
        """Take over the words of changed subjects from their live passages; a subject without any is dropped."""
        self.lexical.delete([subject_id for subject_id in subject_ids if subject_id not in passages])
        self.lexical.upsert({subject_id: _text_of(rows) for subject_id, rows in passages.items()})

    def candidates(self, query: Query) -> list[Candidate]:
        """Subjects for a query, best first: dense and lexical rankings, fused by reciprocal rank."""
        ids, scores = self.vectors.search(query.vector[None, :], CANDIDATES)
        hits = [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if int(i) in self.subject_of]
        grouped = group_passages(hits, self.subject_of)
        words = {hit.id: hit.score for hit in self.lexical.search(query.text, CANDIDATES)}
        dense = {subject: subject_score([s for _i, s in found]) for subject, found in grouped.items()}
        by_meaning = sorted(dense, key=lambda subject: (-dense[subject], subject))
        fused = reciprocal_rank_fusion([by_meaning, list(words)])
        return [Candidate(hit.id, hit.score, dense.get(hit.id, 0.0), words.get(hit.id, 0.0)) for hit in fused]


def empty(model: str, dimension: int) -> SideIndex:
    """Indexes without a passage."""
    return SideIndex(FaissIndex(dimension, model))


def _text_of(rows: Sequence[SearchDocument]) -> str:
    """The text of a subject for counting words: its opening passage, and the sentences that are not in it."""
    opening = rows[0].text
    return "\n".join([opening, *(row.text for row in rows[1:] if row.text not in opening)])
