"""Joins rankings, and turns rankings of passages into rankings of subjects."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from embeddings.types import Hit

K = TypeVar("K", bound=Hashable)

TOP_SHARE = 0.3
"""Weight of the mean of a subject's three best passages in its score.

Measured as in `passages.passages`, 1,000 passages asked for: MRR 0.532 with 0.3, 0.536 with 0.5, 0.517 with 0 (the
best passage alone; p < 0.05)."""


def reciprocal_rank_fusion(rankings: Sequence[Sequence[str]], k: int = 60) -> list[Hit]:
    """One ranking out of several: score(d) = sum over rankings of 1 / (k + rank of d), ranks from 1.

    Equal scores keep the order in which the ids were first met, the first ranking before the second. An id that a
    ranking repeats counts at its best rank.

    Args:
        rankings: ids, best first, each ranking of any length.
        k: damping; 60 in the source.

    Raises:
        ValueError: if k is negative.

    Source: G. V. Cormack, C. L. A. Clarke, S. Büttcher 2009, Reciprocal rank fusion outperforms Condorcet and
    individual rank learning methods, SIGIR.
    """
    if k < 0:
        raise ValueError(f"k must not be negative, not {k}")
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(dict.fromkeys(ranking), start=1):
            scores[name] = scores.get(name, 0.0) + 1.0 / (k + rank)
    return [Hit(name, score) for name, score in sorted(scores.items(), key=lambda item: -item[1])]


def group_passages(hits: Iterable[tuple[int, float]], subject_of: Mapping[int, K]) -> dict[K, list[tuple[int, float]]]:
    """Passage hits by subject, each list best first; passages of no known subject and padding (-1) are dropped.

    Args:
        hits: (passage id, score) pairs, such as one row of `VectorIndex.search`.
        subject_of: passage id to subject.
    """
    grouped: dict[K, list[tuple[int, float]]] = {}
    for passage, score in hits:
        subject = subject_of.get(passage)
        if subject is not None:
            grouped.setdefault(subject, []).append((passage, score))
    for found in grouped.values():
        found.sort(key=lambda item: -item[1])
    return grouped


def subject_score(scores: Sequence[float], share: float = TOP_SHARE) -> float:
    """A subject's score from those of its passages: the best, moved by `share` towards the mean of the top 3.

    Raises:
        ValueError: if there are no scores.
    """
    if not scores:
        raise ValueError("a subject without passages has no score")
    best = sorted(scores, reverse=True)[:3]
    return (1.0 - share) * best[0] + share * sum(best) / len(best)


def rank_subjects(
    hits: Iterable[tuple[int, float]], subject_of: Mapping[int, str], share: float = TOP_SHARE
) -> list[Hit]:
    """Subjects ranked by their passages' scores; ties keep the order of the hits."""
    grouped = group_passages(hits, subject_of)
    ranked = [Hit(name, subject_score([score for _, score in found], share)) for name, found in grouped.items()]
    return sorted(ranked, key=lambda hit: -hit.score)
