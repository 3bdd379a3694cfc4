"""Shares with intervals, the reliability curve, losses, and thresholds, by cases that can be computed by hand."""

from math import log

import pytest

from embeddings.evaluation.calibration import (
    LEAST_SHOWN,
    expected_calibration_error,
    log_loss,
    reliability,
    threshold,
    wilson,
)


def test_wilson_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 and 15 of 148.
    assert [round(bound, 4) for bound in (wilson(81, 263).low, wilson(81, 263).high)] == [0.2553, 0.3662]
    assert [round(bound, 4) for bound in (wilson(15, 148).low, wilson(15, 148).high)] == [0.0624, 0.1605]
    assert (wilson(0, 20).low, wilson(20, 20).high) == (0.0, 1.0)
    assert (wilson(0, 0).share, wilson(0, 0).low, wilson(0, 0).high) == (0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


def test_reliability_and_error() -> None:
    curve = reliability([0.1, 0.3, 0.5, 0.7, 1.0], [0, 1, 1, 1, 1], edges=(0.0, 0.5, 1.0))
    assert [(b.low, b.high, b.measured.hits, b.measured.total) for b in curve] == [(0, 0.5, 1, 2), (0.5, 1, 3, 3)]
    assert [b.predicted for b in curve] == pytest.approx([0.2, 2.2 / 3])
    assert expected_calibration_error(curve) == pytest.approx((2 * 0.3 + 3 * (1 - 2.2 / 3)) / 5)
    assert reliability([], []) == [] and expected_calibration_error([]) == 0.0
    assert [b.low for b in reliability([0.9], [1], edges=(0.0, 0.5, 1.0))] == [0.5]


def test_log_loss() -> None:
    assert log_loss([0.5, 0.8], [1, 0]) == pytest.approx(-(log(0.5) + log(0.2)) / 2)
    assert log_loss([0.0], [1]) == pytest.approx(-log(1e-9))
    with pytest.raises(ValueError, match="no pairs"):
        log_loss([], [])


def test_threshold_is_the_lowest_that_keeps_the_precision() -> None:
    # Ten useful ones from 0.99 down to 0.9, then 0.5 useless, 0.4 useful, 0.3 useless four times.
    probabilities = [0.99 - n / 100 for n in range(10)] + [0.5, 0.4, 0.3, 0.3, 0.3, 0.3]
    outcomes = [1] * 10 + [0, 1, 0, 0, 0, 0]
    assert threshold(probabilities, outcomes, 1.0) == pytest.approx(0.9)
    assert threshold(probabilities, outcomes, 0.9) == pytest.approx(0.4)  # 11 of 12
    assert threshold(probabilities, outcomes, 11 / 16) == pytest.approx(0.3)
    # The four equal ones come together: 11 of 13 is never shown.
    assert threshold(probabilities, outcomes, 11 / 13) == pytest.approx(0.4)


def test_threshold_below_another_and_where_none_is() -> None:
    probabilities, outcomes = [0.9] * 12 + [0.5] * 12, [1] * 12 + [1, 0] * 6
    assert threshold(probabilities, outcomes, 0.5, below=0.9) == 0.5
    assert threshold(probabilities, outcomes, 0.6, below=0.9) is None
    assert threshold([0.9] * (LEAST_SHOWN - 1), [1] * (LEAST_SHOWN - 1), 0.5) is None
    assert threshold([], [], 0.5) is None


@pytest.mark.parametrize(
    ("probabilities", "outcomes"), [([0.5], []), ([1.5], [1]), ([0.5], [2]), ([float("nan")], [1])]
)
def test_what_is_no_pair_is_refused(probabilities: list[float], outcomes: list[int]) -> None:
    with pytest.raises(ValueError, match=r"one outcome|between 0 and 1"):
        reliability(probabilities, outcomes)
