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

    `reverse` is the score in the other direction: 0.5 where nothing on the query's side is closer to the candidate than
    the query is, -0.5 where much is. `category` and `specialty` are 1 where they are the same as the query's, -1 where
    they are others.
    """

    reverse: float = 0.0
    category: float = 0.0
    specialty: float = 0.0


UNKNOWN = Circumstances()


@dataclass(frozen=True)
class Features:
    """One candidate for one query.

    `dense` is the cosine of query and candidate; `contrast` is how far that lies above the median of all candidates of
    the same query, since cosines of one encoder crowd in a narrow band that moves with the query, and `points` the same
    for the mean over the points of the query of the best sentence. `words` is the square root of the BM25 score, which
    grows with the number of rare words in common; `lead` is the BM25 score as a share of the best one of the query, 0
    to 1, smaller where even the best is low. The next are those of `Circumstances`. `detail` is near 0 for a query of a
    few words and near 1 for a page; the last three are contrast, words and lead times detail, since words tell more the
    more of them there are.
    """

    dense: float
    contrast: float
    points: float
    words: float
    lead: float
    reverse: float = 0.0
    category: float = 0.0
    specialty: float = 0.0
    detail: float = 0.0
    detail_contrast: float = 0.0
    detail_words: float = 0.0
    detail_lead: float = 0.0


def detail_of(tokens: int) -> float:
    """How detailed a query of so many tokens is, 0 to 1: 0.5 at 60 tokens, some thirty words."""
    return 1 / (1 + math.exp(-(tokens - HALF_DETAILED) / DETAIL_SLOPE))


def features(
    dense: Sequence[float],
    points: Sequence[float],
    lexical: Sequence[float],
    circumstances: Sequence[Circumstances] | None = None,
    detail: float = 0.0,
) -> list[Features]:
    """Features of all candidates of one query, in their order.

    Args:
        dense: cosines. points: mean best cosines of the query's points. lexical: BM25 scores, 0 where not found.
        circumstances: what else is known; nothing, if left out.
        detail: of the query, `detail_of`.
    """
    if not dense:
        return []
    middle, usual, best = median(dense), median(points), max(lexical)
    known = circumstances or [UNKNOWN] * len(dense)
    found = []
    for d, p, w, c in zip(dense, points, lexical, known, strict=True):
        contrast, words, lead = d - middle, math.sqrt(w), w / (best + LEAD_SMOOTHING)
        found.append(
            Features(
                dense=d,
                contrast=contrast,
                points=p - usual,
                words=words,
                lead=lead,
                reverse=c.reverse,
                category=c.category,
                specialty=c.specialty,
                detail=detail,
                detail_contrast=contrast * detail,
                detail_words=words * detail,
                detail_lead=lead * detail,
            )
        )
    return found
