"""The objective: contrastive over the batch, both ways, blind to false negatives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

SCALE = 30.0
BACKWARD_SHARE = 0.3
"""Weight of answer → need beside need → answer: the site asks in both directions, mostly in the first."""


def masked_ranking_loss(
    anchors: Tensor, positives: Tensor, negatives: Tensor | None, labels: Tensor, scale: float = SCALE
) -> Tensor:
    """InfoNCE over in-batch and hard negatives (A. van den Oord et al. 2018, arXiv 1807.03748).

    Args:
        anchors, positives: unit vectors, shape (b, d).
        negatives: one hard negative a row, shape (b, d), or None.
        labels: whole numbers, shape (b, 3): text of the answer, its device category, device category of the negative.
            A candidate that shares text or category with the row's own answer is left out of its denominator.
        scale: inverse temperature.
    """
    rows = torch.arange(len(anchors), device=anchors.device)
    same = (labels[:, None, 0] == labels[None, :, 0]) | (labels[:, None, 1] == labels[None, :, 1])
    same[rows, rows] = False
    scores = anchors @ positives.T * scale
    forward = scores.masked_fill(same, float("-inf"))
    backward = scores.T.masked_fill(same, float("-inf"))
    if negatives is not None:
        hard = anchors @ negatives.T * scale
        hard = hard.masked_fill(labels[:, None, 1] == labels[None, :, 2], float("-inf"))
        forward = torch.cat([forward, hard], dim=1)
    found: Tensor = nn.functional.cross_entropy(forward, rows) + BACKWARD_SHARE * nn.functional.cross_entropy(
        backward, rows
    )
    return found


class MaskedRankingLoss(nn.Module):
    """`masked_ranking_loss` in the form that the sentence-transformers trainer calls."""

    def __init__(self, model: Any, scale: float = SCALE) -> None:
        super().__init__()
        self.model = model
        self.scale = scale

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Columns anchor, positive and, if there is one, negative; labels as in `masked_ranking_loss`."""
        vectors = [self.model(features)["sentence_embedding"] for features in sentence_features]
        units = [nn.functional.normalize(rows, dim=1) for rows in vectors]
        return masked_ranking_loss(units[0], units[1], units[2] if len(units) > 2 else None, labels, self.scale)
