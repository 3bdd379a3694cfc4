"""A small search over texts in memory, for notebooks, benchmarks and the command line.

The web application puts the same pieces together over its database: passages, FaissIndex, LexicalIndex,
`rank_subjects`, `reciprocal_rank_fusion` and `best_evidence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from embeddings.evidence import Evidence, best_evidence
from embeddings.fusion import rank_subjects, reciprocal_rank_fusion
from embeddings.index.faiss import FaissIndex
from embeddings.lexical import LexicalIndex, tokens
from embeddings.passages import normalise, passages
from embeddings.types import Encoder, Hit, Passage, Vector

Method = Literal["fused", "dense", "lexical"]

CANDIDATES = 200
"""Subjects that each side hands to the fusion."""
PASSAGES = 1000
"""Passages that are asked of the vector index to find that many subjects."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One subject of a ranking.

    Attributes:
        id: of the subject.
        score: by which the ranking is ordered, in the scale of its method.
        dense: cosine-based score, None if the subject was not among the dense candidates.
        lexical: BM25 score, None if the subject was not among the lexical candidates.
        evidence: its best sentence, None if it has none.
    """

    id: str
    score: float
    dense: float | None
    lexical: float | None
    evidence: Evidence | None


class SubjectSearch:
    """Texts by subject, searched by meaning, by words, or by both.

    Args:
        encoder: encodes passages now and queries later.
        subjects: (id, title, text) triples; text may hold several lines.

    Raises:
        ValueError: if an id is repeated.
    """

    def __init__(self, encoder: Encoder, subjects: Iterable[tuple[str, str, str]]) -> None:
        self._encoder = encoder
        self._sentences: dict[str, list[str]] = {}
        self._subject_of: dict[int, str] = {}
        texts: dict[str, str] = {}
        pieces: list[Passage] = []
        for name, title, text in subjects:
            if name in texts:
                raise ValueError(f"the subject {name!r} is repeated")
            texts[name] = f"{title}\n{text}"
            found = passages(title, [text])
            self._sentences[name] = [passage.text for passage in found if passage.position] or [
                passage.text for passage in found
            ]
            for passage in found:
                self._subject_of[len(pieces)] = name
                pieces.append(passage)
        self._dense = FaissIndex(encoder.dimension, encoder.name)
        vectors = encoder.encode_passages([passage.encoded for passage in pieces])
        self._dense.upsert(np.arange(len(pieces), dtype=np.int64), vectors)
        self._lexical = LexicalIndex()
        self._lexical.upsert(texts)

    def __len__(self) -> int:
        """Number of subjects."""
        return len(self._sentences)

    def rank(self, query: str, k: int = 10, method: Method = "fused") -> list[Ranked]:
        """The k best subjects for a need in free text, best first; [] for a text without any token to look for.

        Raises:
            ValueError: for an unknown method or k under 1.
        """
        if method not in ("fused", "dense", "lexical"):
            raise ValueError(f"unknown method {method!r}")
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        wanted = normalise(query)
        if not tokens(wanted) or not self._sentences:
            return []
        vector = self._encoder.encode_queries([wanted])[0]
        dense = self._dense_hits(vector)
        lexical = self._lexical.search(wanted, CANDIDATES)
        fused = reciprocal_rank_fusion([[hit.id for hit in dense], [hit.id for hit in lexical]])
        chosen = {"fused": fused, "dense": dense, "lexical": lexical}[method][:k]
        dense_scores = {hit.id: hit.score for hit in dense}
        lexical_scores = {hit.id: hit.score for hit in lexical}
        evidence = self._evidence([hit.id for hit in chosen], wanted, vector)
        return [
            Ranked(hit.id, hit.score, dense_scores.get(hit.id), lexical_scores.get(hit.id), found)
            for hit, found in zip(chosen, evidence, strict=True)
        ]

    def _dense_hits(self, vector: Vector) -> list[Hit]:
        ids, scores = self._dense.search(vector[None, :], PASSAGES)
        return rank_subjects(zip(ids[0].tolist(), scores[0].tolist(), strict=True), self._subject_of)[:CANDIDATES]

    def _evidence(self, names: Sequence[str], query: str, vector: Vector) -> list[Evidence | None]:
        """The best sentence of each subject; sentences are encoded alone here, in one batch (see best_evidence)."""
        vectors = self._encoder.encode_passages([text for name in names for text in self._sentences[name]])
        found: list[Evidence | None] = []
        start = 0
        for name in names:
            sentences = self._sentences[name]
            rows = vectors[start : start + len(sentences)]
            found.append(best_evidence(vector, query, sentences, rows, self._lexical.idf))
            start += len(sentences)
        return found
