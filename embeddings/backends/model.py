"""The seam between an encoder and what computes its vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from embeddings.types import Vector

MAX_TOKENS = 512
"""Texts are cut after this many tokens, or earlier where the model knows fewer positions."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the texts, to be encoded in one go.

    Attributes:
        rows: which of the texts, n numbers.
        compute: gives their vectors (n, d), float32, L2-normalised.
    """

    rows: Sequence[int]
    compute: Callable[[], Vector]


class Model(Protocol):
    """A loaded model. A vector depends on its text alone, not on what else is in the batch (to 1e-4)."""

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        ...

    @property
    def workers(self) -> int:
        """How many batches may be computed at once."""
        ...

    def batches(self, texts: Sequence[str], prompt: str) -> Iterable[Batch]:
        """Batches that cover each text once. The prompt is put before every text."""
        ...
