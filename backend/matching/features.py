"""The plain numbers by which a candidate is judged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAD_SMOOTHING = 10.0
"""Added to the best BM25 score: a lead among scores of this size and less, as chance words give, counts for little."""


@dataclass(frozen=True)
class Features:
    """One candidate for one query.

    `dense` is the cosine of query and candidate; `contrast` is how far that lies above the median of all candidates of
    the same query, since cosines of one encoder crowd in a narrow band that moves with the query. `words` is the square
    root of the BM25 score, which grows with the number of rare words in common; `lead` is the BM25 score as a share of
    the best one of the query, 0 to 1, smaller where even the best is low.
    """

    dense: float
    contrast: float
    words: float
    lead: float


def features(dense: Sequence[float], lexical: Sequence[float]) -> list[Features]:
    """Features of all candidates of one query from their cosines and BM25 scores, in their order."""
    if not dense:
        return []
    middle, best = median(dense), max(lexical)
    return [
        Features(d, d - middle, math.sqrt(w), w / (best + LEAD_SMOOTHING)) for d, w in zip(dense, lexical, strict=True)
    ]
