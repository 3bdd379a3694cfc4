"""The plain numbers by which a candidate is judged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAD_SMOOTHING = 10.0
"""Added to the best BM25 score: a lead among scores of this size and less, as chance words give, counts for little."""

HALF_DETAILED = 60
DETAIL_SLOPE = 30.0


@dataclass(frozen=True)
class Circumstances:
    """What is known of a candidate beside its text; 0 means unknown, as for a free text without such facts.

    `category` and `specialty` are 1 where they are the same as the query's, -1 where they are others.
    """

    category: float = 0.0
    specialty: float = 0.0


UNKNOWN = Circumstances()


@dataclass(frozen=True)
class Features:
    """One candidate for one query.

    `dense` is the cosine of query and candidate, `usual` the median of it over all candidates of the query: cosines of
    one encoder crowd in a narrow band that moves with the query. `points` is how far the mean over the points of the
    query of the best sentence lies above its median. `lead` is the BM25 score as a share of the best one of the query,
    0 to 1, smaller where even the best is low; the score itself grows with the length of the query. `reverse` is the
    match seen from the candidate: how far the query lies above other texts of its kind that are near to the candidate;
    a text that is near to everything has a low one. The next are those of `Circumstances`. `detail` is near 0 for a
    query of a few words and near 1 for a page.
    """

    dense: float
    usual: float
    points: float
    lead: float
    reverse: float
    category: float = 0.0
    specialty: float = 0.0
    detail: float = 0.0


OF_THE_QUERY = ("usual", "detail")
"""Features that all candidates of a query share: they say nothing of the order, and much of what is to be expected."""


def detail_of(tokens: int) -> float:
    """How detailed a query of so many tokens is, 0 to 1: 0.5 at 60 tokens, some thirty words."""
    return 1 / (1 + math.exp(-(tokens - HALF_DETAILED) / DETAIL_SLOPE))


def features(
    dense: Sequence[float],
    points: Sequence[float],
    lexical: Sequence[float],
    commonness: Sequence[float | None],
    circumstances: Sequence[Circumstances] | None = None,
    detail: float = 0.0,
) -> list[Features]:
    """Features of all candidates of one query, in their order.

    Args:
        dense: cosines. points: mean best cosines of the query's points. lexical: BM25 scores, 0 where not found.
        commonness: how near each candidate is to texts such as the query is one, `background.commonness`; None where
            it was not looked at: the median of the others stands for it.
        circumstances: what else is known; nothing, if left out.
        detail: of the query, `detail_of`.
    """
    if not dense:
        return []
    usual, usual_points, best = median(dense), median(points), max(lexical)
    usual_commonness = median([c for c in commonness if c is not None] or [usual])
    known = circumstances or [UNKNOWN] * len(dense)
    return [
        Features(
            dense=d,
            usual=usual,
            points=p - usual_points,
            lead=w / (best + LEAD_SMOOTHING),
            reverse=d - (usual_commonness if common is None else common),
            category=c.category,
            specialty=c.specialty,
            detail=detail,
        )
        for d, p, w, common, c in zip(dense, points, lexical, commonness, known, strict=True)
    ]
