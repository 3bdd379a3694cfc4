"""Plain data and the two seams (Encoder, VectorIndex) that the rest of the library is written against.

This module imports numpy alone, so that `backend.matching.features` and tests may use it without a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One vector of shape (d,) or rows of vectors of shape (n, d); float32, unit length when made by an Encoder."""

Ids = NDArray[np.int64]
"""Passage numbers, shape (n,) or (q, k); -1 means "no hit" and is never stored."""


class EmbeddingsError(Exception):
    """Base of every error that this library raises for a reason outside the caller's arguments."""


class EncoderUnavailable(EmbeddingsError):
    """No weights could be loaded; the message says what was looked for and what to do."""


class IndexMismatch(EmbeddingsError):
    """A saved index does not fit what was asked for: model, dimension, metric, checksum or format.

    Attributes:
        reason: which of the five it was, for logs and for the admin page.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of a subject's text.

    Attributes:
        position: 0 is the whole-subject passage (title and start of the text), 1.. are its sentences in order.
        text: what may be shown and quoted as evidence.
        context: what is encoded for it; empty means `text` itself.
    """

    position: int
    text: str
    context: str = ""

    @property
    def encoded(self) -> str:
        """The text to hand to `Encoder.encode_passages`."""
        return self.context or self.text


@dataclass(frozen=True, slots=True)
class Hit:
    """One subject (or document) of a ranking; higher scores are better, and scales differ between methods."""

    id: str
    score: float


@runtime_checkable
class Encoder(Protocol):
    """Texts to unit vectors. Implementations are deterministic and safe to call from several threads."""

    @property
    def name(self) -> str:
        """Identity of weights and prompts, stored beside every vector: other name, other space."""
        ...

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        """Encode what is looked for. Returns (n, d) float32, rows L2-normalised; (0, d) for no texts."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """Encode what is searched. Returns (n, d) float32, rows L2-normalised; (0, d) for no texts."""
        ...


@runtime_checkable
class VectorIndex(Protocol):
    """Vectors by number, searched by inner product. Implementations are safe to call from several threads."""

    def upsert(self, ids: Ids, vectors: Vector) -> None:
        """Store vectors (n, d) under ids (n,), replacing those present; the last of a repeated id wins.

        Raises:
            ValueError: for wrong shapes, negative ids, NaN or infinity.
        """
        ...

    def delete(self, ids: Ids) -> None:
        """Forget ids; unknown ones are no error. A deleted id is never returned again."""
        ...

    def search(self, vectors: Vector, k: int, *, only: Ids | None = None) -> tuple[Ids, Vector]:
        """Best k of each query (q, d), among the ids `only` if given: ids (q, k) padded with -1, scores (q, k) padded
        with -inf, best first."""
        ...

    def ids(self) -> set[int]:
        """The ids stored, for comparing with the database."""
        ...

    def close(self) -> None:
        """End what runs in the background; the index is not used afterwards."""
        ...

    def __len__(self) -> int:
        """Number of vectors stored."""
        ...

    def save(self, path: Path, sequence: int) -> None:
        """Write the index and the change-feed number it stands at to one file, all or nothing."""
        ...
