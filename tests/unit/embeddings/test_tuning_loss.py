"""The objective of tuning: hand-computable cases, and what must not count as wrong."""

import math

import pytest
import torch

from embeddings.tuning.loss import BACKWARD_SHARE, masked_ranking_loss
from embeddings.tuning.training import LengthBuckets

_EYE = torch.eye(3)


def _labels(rows: list[list[int]]) -> torch.Tensor:
    return torch.tensor(rows)


def test_two_unlike_pairs() -> None:
    found = masked_ranking_loss(_EYE[:2], _EYE[:2], None, _labels([[1, 1, -1], [2, 2, -1]]), scale=1.0)
    each = -math.log(math.e / (math.e + 1))
    assert found.item() == pytest.approx(each * (1 + BACKWARD_SHARE), rel=1e-5)


@pytest.mark.parametrize("labels", [[[1, 1, -1], [1, 2, -1]], [[1, 7, -1], [2, 7, -1]]])
def test_an_answer_of_the_same_text_or_category_is_not_wrong(labels: list[list[int]]) -> None:
    assert masked_ranking_loss(_EYE[:2], _EYE[:2], None, _labels(labels), scale=1.0).item() == pytest.approx(0.0)


def test_hard_negatives_count_unless_they_are_of_the_category() -> None:
    anchors, negatives = _EYE[:2], _EYE[:2]
    worse = masked_ranking_loss(anchors, _EYE[:2], negatives, _labels([[1, 1, 5], [2, 2, 6]]), scale=1.0)
    masked = masked_ranking_loss(anchors, _EYE[:2], negatives, _labels([[1, 1, 1], [2, 1, 1]]), scale=1.0)
    plain = masked_ranking_loss(anchors, _EYE[:2], None, _labels([[1, 1, -1], [2, 2, -1]]), scale=1.0)
    assert worse > plain
    assert masked.item() == pytest.approx(0.0)


def test_batches_hold_texts_of_like_length_each_once() -> None:
    lengths = [n % 40 + 1 for n in range(103)]
    batches = list(LengthBuckets(lengths, 10, seed=1))
    rows = [row for batch in batches for row in batch]
    assert len(batches) == len(LengthBuckets(lengths, 10, seed=1)) == 10
    assert len(set(rows)) == len(rows) == 100
    spread = sum(max(lengths[r] for r in b) - min(lengths[r] for r in b) for b in batches) / len(batches)
    assert spread < 25
    again = LengthBuckets(lengths, 10, seed=1)
    assert list(again) == batches
    again.set_epoch(1)
    assert list(again) != batches
