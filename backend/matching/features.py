"""The plain numbers by which a candidate is judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Features:
    """One candidate for one query.

    `dense` is the best cosine of its passages; `contrast` is how far that lies above the median of all candidates of
    the same query, since cosines of one encoder crowd in a narrow band that moves with the query; `coverage` is the
    share of the query's words that the candidate's text holds, weighted by their rarity, 0 to 1.
    """

    dense: float
    contrast: float
    coverage: float


def features(dense: Sequence[float], coverage: Sequence[float]) -> list[Features]:
    """Features of all candidates of one query, in their order."""
    if not dense:
        return []
    middle = median(dense)
    return [Features(d, d - middle, c) for d, c in zip(dense, coverage, strict=True)]
