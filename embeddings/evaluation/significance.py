"""Says how sure a difference between rankings is, from the values of the same queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 10_000
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over queries and the bounds between which it lies with the given confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean difference (b minus a) over shared queries with its interval, and the two-sided p-value."""

    difference: Interval
    p_value: float
    queries: int


def bootstrap_interval(
    values: Sequence[float] | NDArray[np.float64], *, confidence: float = 0.95, samples: int = SAMPLES, seed: int = 0
) -> Interval:
    """Percentile bootstrap of the mean over queries. The same seed gives the same bounds.

    Raises:
        ValueError: if there are no values, or confidence is not between 0 and 1.

    Source: B. Efron, R. Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not data.size:
        raise ValueError("an interval needs at least one value")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    random = np.random.default_rng(seed)
    means = np.concatenate(
        [data[random.integers(0, data.size, (rows, data.size))].mean(axis=1) for rows in _chunks(samples, data.size)]
    )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(data.mean()), float(low), float(high))


def compare_paired(
    a: Mapping[str, float], b: Mapping[str, float], *, samples: int = SAMPLES, seed: int = 0
) -> Comparison:
    """Compare two systems query by query: is b better than a?

    The p-value is that of the paired randomisation test: the share of random sign flips whose mean difference is at
    least as large, with one added to both counts so that it is never 0.

    Args:
        a, b: query id to value of one measure.

    Raises:
        ValueError: if the queries differ or there are none.

    Source: M. Smucker, J. Allan, B. Carterette 2007, A comparison of statistical significance tests for information
    retrieval evaluation, CIKM.
    """
    if set(a) != set(b):
        raise ValueError("both systems must have been measured on the same queries")
    names = sorted(a)
    differences = np.array([b[name] - a[name] for name in names], dtype=np.float64)
    interval = bootstrap_interval(differences, samples=samples, seed=seed)
    random = np.random.default_rng(seed + 1)
    observed = abs(differences.mean()) - 1e-12
    extreme = 0
    for rows in _chunks(samples, differences.size):
        signs = random.integers(0, 2, (rows, differences.size)) * 2.0 - 1.0
        extreme += int((np.abs((signs * differences).mean(axis=1)) >= observed).sum())
    return Comparison(interval, (extreme + 1) / (samples + 1), len(names))


def _chunks(samples: int, size: int) -> list[int]:
    """Numbers of samples to draw at once so that memory stays small."""
    rows = max(1, _CHUNK_CELLS // size)
    return [min(rows, samples - start) for start in range(0, samples, rows)]
