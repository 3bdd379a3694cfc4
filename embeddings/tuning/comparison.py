"""Whether a tuned encoder is better than its base: the sets that decide on it, measured the same way for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings import bundled
from embeddings.evaluation.dataset import JudgedSet
from embeddings.jsonl import json_lines
from embeddings.tuning.pairs import HELD_OUT, LONGEST, Need, Product, measured_cases
from embeddings.types import EmbeddingsError, Encoder

BASE = bundled.MODEL_NAME
RESAMPLES = 2_000
HIGHEST = "highest change"


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Queries, documents, and for each query the ids of the documents that answer it."""

    queries: Mapping[str, str]
    documents: Mapping[str, str]
    relevant: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class SimilarPairs:
    """Pairs of sentences, and how alike a reader finds them, 0 to 5."""

    pairs: Sequence[tuple[str, str]]
    scores: Sequence[float]


def cases_of_the_last_year(products: Mapping[str, Product]) -> RetrievalSet:
    """The product protocol: uses of the last year's cases among all."""
    queries, pool = measured_cases(products)
    return RetrievalSet(queries, pool, {name: frozenset({name}) for name in queries})


def needs_kept_out(products: Mapping[str, Product], needs: Sequence[Need]) -> RetrievalSet:
    """The needs that never train, among all devices (entries with a device category)."""
    held = {f"need-{number}": need for number, need in enumerate(needs) if need.split == HELD_OUT}
    answers = {need.product for need in held.values()}
    return RetrievalSet(
        {name: need.text for name, need in held.items()},
        {p.id: p.text for p in products.values() if p.category != p.id or p.id in answers},
        {name: frozenset({need.product}) for name, need in held.items()},
    )


def judged(found: JudgedSet) -> RetrievalSet:
    """A judged set as queries and the documents of its highest grade; queries that nothing answers are left out."""
    relevant = {
        name: frozenset(doc for doc, grade in grades.items() if grade == max(grades.values()))
        for name, grades in found.relevance.items()
        if any(grades.values())
    }
    texts = {doc.id: f"{doc.title}：{doc.text}"[:LONGEST] for doc in found.corpus.values()}
    return RetrievalSet({name: found.queries[name] for name in relevant}, texts, relevant)


def read_pairs(path: Path) -> SimilarPairs:
    """Lines {"a", "b", "score"}.

    Raises:
        EmbeddingsError: if the file cannot be used; names the line.
    """
    pairs: list[tuple[str, str]] = []
    scores: list[float] = []
    for place, row in json_lines(path, EmbeddingsError):
        try:
            pairs.append((str(row["a"]), str(row["b"])))
            scores.append(float(row["score"]))
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingsError(f"{place}: {error}") from error
    return SimilarPairs(pairs, scores)


def reciprocal_ranks(encoder: Encoder, found: RetrievalSet) -> dict[str, float]:
    """For each query the reciprocal rank of the first document that answers it, by the cosine of whole texts."""
    names = list(found.documents)
    documents = encoder.encode_passages([found.documents[name] for name in names])
    asked = list(found.queries)
    scores = encoder.encode_queries([found.queries[name] for name in asked]) @ documents.T
    ranks: dict[str, float] = {}
    for row, name in zip(scores, asked, strict=True):
        wanted = [place for place, other in enumerate(names) if other in found.relevant[name]]
        best = max((float(row[place]) for place in wanted), default=float("inf"))
        ranks[name] = 1.0 / (1 + int((row > best).sum())) if wanted else 0.0
    return ranks


def cosines(encoder: Encoder, found: SimilarPairs) -> NDArray[np.floating[Any]]:
    """The cosine of each pair, shape (n,), both sentences encoded as queries."""
    left = encoder.encode_queries([a for a, _b in found.pairs])
    right = encoder.encode_queries([b for _a, b in found.pairs])
    return np.asarray((left * right).sum(axis=1))


def rank_correlation(cosines: NDArray[np.floating[Any]], found: SimilarPairs) -> float:
    """Spearman's correlation of cosines and readers' scores."""
    from scipy.stats import spearmanr

    return float(spearmanr(cosines, np.asarray(found.scores)).statistic)


def highest_change(before: NDArray[np.floating[Any]], after: NDArray[np.floating[Any]], found: SimilarPairs) -> float:
    """The upper end of the 95 % interval of how far the rank correlation has changed, by resampling the pairs."""
    from scipy.stats import bootstrap, spearmanr

    def change(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]], scores: NDArray[np.float64]) -> float:
        if min(np.ptp(one), np.ptp(other), np.ptp(scores)) == 0:
            return 0.0  # A draw from few pairs that are all alike says nothing of either.
        return float(spearmanr(other, scores).statistic - spearmanr(one, scores).statistic)

    done = bootstrap(
        (before, after, np.asarray(found.scores)),
        change,
        paired=True,
        vectorized=False,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=0,
    )
    return float(done.confidence_interval.high)


def compare(
    encoders: Mapping[str, Encoder],
    retrieval: Mapping[str, RetrievalSet],
    similar: Mapping[str, SimilarPairs],
    progress: Callable[[str], None] = lambda _message: None,
) -> dict[str, dict[str, float]]:
    """Set to encoder to figure: the mean reciprocal rank of retrieval sets, the rank correlation of pairs.

    For pairs HIGHEST is the upper end of the interval of the last encoder's change from the first.
    """
    figures: dict[str, dict[str, float]] = {}
    of_pairs: dict[str, list[NDArray[np.floating[Any]]]] = {}
    for encoder_name, encoder in encoders.items():
        for name, asked in retrieval.items():
            progress(f"{encoder_name}: {name}")
            ranks = reciprocal_ranks(encoder, asked)
            figures.setdefault(name, {})[encoder_name] = sum(ranks.values()) / max(1, len(ranks))
        for name, judged in similar.items():
            progress(f"{encoder_name}: {name}")
            of_pairs.setdefault(name, []).append(cosines(encoder, judged))
            figures.setdefault(name, {})[encoder_name] = rank_correlation(of_pairs[name][-1], judged)
    for name, found in of_pairs.items():
        figures[name][HIGHEST] = highest_change(found[0], found[-1], similar[name])
    return figures


def losses(figures: Mapping[str, Mapping[str, float]], base: str, tuned: str) -> list[str]:
    """The sets on which the tuned encoder may not ship: not above the base, or for pairs certainly below it."""
    return [
        name
        for name, found in figures.items()
        if (found[HIGHEST] < 0 if HIGHEST in found else found[tuned] <= found[base])
    ]
