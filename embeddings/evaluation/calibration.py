"""How far predicted probabilities can be believed, and where grades should begin.

All functions take probabilities and outcomes (1 useful, 0 not) of the same pairs, shape (n,).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Edges of the reliability curve: narrow where the many poor candidates lie, or they would fill one bin."""
Numbers = Sequence[float] | Sequence[int] | NDArray[np.float64] | NDArray[np.int64]
LEAST_SHOWN = 10
"""A threshold rests on so many pairs at least: a precision of 1 from two pairs says nothing."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of pairs with the bounds of its 95 % interval (Wilson)."""

    hits: int
    total: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of the reliability curve: mean predicted probability beside the measured share of useful pairs."""

    low: float
    high: float
    predicted: float
    measured: Share


def wilson(hits: int, total: int, z: float = 1.959964) -> Share:
    """A share with its Wilson score interval; of no pairs the share is 0 and the interval 0 to 1.

    Raises:
        ValueError: if hits is not 0 to total.

    Source: E. B. Wilson 1927, Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total} is no share")
    if not total:
        return Share(0, 0, 0.0, 0.0, 1.0)
    share = hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return Share(hits, total, share, max(0.0, middle - half), min(1.0, middle + half))


def reliability(probabilities: Numbers, outcomes: Numbers, edges: Sequence[float] = BINS) -> list[Bin]:
    """The reliability curve; bins without a pair are left out. A probability on an edge belongs to the upper bin."""
    predicted, useful = _arrays(probabilities, outcomes)
    place = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, len(edges) - 2)
    found = []
    for number in range(len(edges) - 1):
        inside = place == number
        if inside.any():
            share = wilson(int(useful[inside].sum()), int(inside.sum()))
            found.append(Bin(edges[number], edges[number + 1], float(predicted[inside].mean()), share))
    return found


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance between predicted and measured, each bin by its number of pairs; 0 is perfect, also of no pairs.

    Source: C. Guo et al. 2017, On calibration of modern neural networks, ICML.
    """
    total = sum(b.measured.total for b in bins)
    return sum(b.measured.total * abs(b.predicted - b.measured.share) for b in bins) / total if total else 0.0


def log_loss(probabilities: Numbers, outcomes: Numbers) -> float:
    """Mean negative log-likelihood in nats, probabilities kept 1e-9 away from 0 and 1; ValueError for no pairs."""
    predicted, useful = _arrays(probabilities, outcomes)
    if not predicted.size:
        raise ValueError("no pairs, so there is no loss")
    predicted = np.clip(predicted, 1e-9, 1 - 1e-9)
    return float(-(useful * np.log(predicted) + (1 - useful) * np.log1p(-predicted)).mean())


def threshold(probabilities: Numbers, outcomes: Numbers, precision: float, below: float = math.inf) -> float | None:
    """The lowest probability from which on (up to `below`, exclusive) the pairs have this precision.

    None where no threshold with at least LEAST_SHOWN pairs reaches it. The lowest one shows the most at that precision.
    """
    predicted, useful = _arrays(probabilities, outcomes)
    inside = predicted < below
    order = np.argsort(-predicted[inside], kind="stable")
    falling, hits = predicted[inside][order], np.cumsum(useful[inside][order])
    shown = np.arange(1, falling.size + 1)
    # Equal probabilities are shown together: only the last of each run can be where a grade begins.
    ends = np.append(falling[1:] != falling[:-1], True)[: falling.size]
    good = ends & (shown >= LEAST_SHOWN) & (hits >= precision * shown - 1e-9)
    return float(falling[np.flatnonzero(good)[-1]]) if good.any() else None


def _arrays(probabilities: Numbers, outcomes: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    predicted, useful = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    if predicted.shape != useful.shape or predicted.ndim != 1:
        raise ValueError("every pair needs one probability and one outcome")
    if not np.isin(useful, (0.0, 1.0)).all() or not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError("probabilities lie between 0 and 1, outcomes are 0 or 1")
    return predicted, useful
