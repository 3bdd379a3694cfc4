"""From candidates to judged candidates: features, probability and grade. Knows texts and vectors, no database.

The site and the offline evaluation both judge here, so that what is measured is what is shown.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.matching.background import commonness
from backend.matching.documents import PassageRow, vector_of
from backend.matching.features import UNKNOWN, Circumstances, Features, detail_of, features
from backend.matching.ranker import Grade, Weights
from backend.matching.sides import Candidate, Query
from embeddings.evidence import shared_words
from embeddings.fusion import subject_score
from embeddings.lexical import tokens
from embeddings.types import Vector

READ_CLOSELY = 60
"""So many of the first candidates are judged by their sentences, point by point; the others by their scores alone."""

Passages = Callable[[Collection[str]], Mapping[str, Sequence[PassageRow]]]
"""Live passages of some subjects, in their order."""


@dataclass(frozen=True)
class Scored:
    """A candidate, judged."""

    candidate: Candidate
    features: Features
    probability: float
    shared_words: int
    grade: Grade


def judge(
    query: Query,
    candidates: Sequence[Candidate],
    read: Passages,
    model: Weights,
    sample: Vector,
    circumstances: Mapping[str, Circumstances] | None = None,
) -> list[Scored]:
    """All candidates, most probable first; equal ones by subject id.

    Args:
        candidates: in the order of the fused ranking.
        read: the passages that may count for this viewer.
        sample: what queries usually say, shape (m, d), `background.encoded`.
        circumstances: by subject id, what is known beside the texts.
    """
    if not candidates:
        return []
    close = [c.subject_id for c in candidates[:READ_CLOSELY]]
    unknown = [c.subject_id for c in candidates[READ_CLOSELY:] if not c.dense]
    passages = read([*close, *unknown])
    vectors = {i: np.stack([vector_of(row) for row in rows]) for i, rows in passages.items()}
    dense = [c.dense or _subject_score(query, vectors.get(c.subject_id)) for c in candidates]
    points = [
        _points_met(query, vectors[c.subject_id]) if place < READ_CLOSELY and c.subject_id in vectors else found
        for place, (c, found) in enumerate(zip(candidates, dense, strict=True))
    ]
    known = [(circumstances or {}).get(c.subject_id, UNKNOWN) for c in candidates]
    common = commonness({i: vectors[i] for i in close if i in vectors}, sample)
    judged = features(
        dense,
        points,
        [c.lexical for c in candidates],
        [common.get(c.subject_id) for c in candidates],
        known,
        detail_of(len(tokens(query.text))),
    )
    texts = {i: "\n".join(row.text for row in rows) for i, rows in passages.items()}
    shared = {i: shared_words(query.text, texts[i]) for i in close if i in texts}
    scored = []
    for candidate, found in zip(candidates, judged, strict=True):
        probability, words = model.probability(found), shared.get(candidate.subject_id, 0)
        scored.append(Scored(candidate, found, probability, words, model.grade(probability, words)))
    return sorted(scored, key=lambda s: (-s.probability, s.candidate.subject_id))


def _subject_score(query: Query, rows: Vector | None) -> float:
    """As the dense ranking scores a subject, for those of which only the words were found."""
    return subject_score((rows @ query.vector).tolist()) if rows is not None else 0.0


def _points_met(query: Query, rows: Vector) -> float:
    """Mean over the points of the query of the best cosine among a subject's passages."""
    return float((rows @ query.points.T).max(axis=0).mean())
