"""The one fake of the tests: an encoder without a model. It is held to the same contract as the real one."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from embeddings.lexical import tokens
from embeddings.types import EncoderUnavailable, Vector

DIMENSION = 96


@lru_cache(maxsize=20_000)
def _sum(name: str, text: str) -> Vector:
    """The unit vector of a text; many engines of one run encode the same background."""
    row = np.zeros(DIMENSION, dtype=np.float32)
    for token in set(tokens(text)) or {text}:
        row += _direction(f"{name}\x00{token}")
    return row / np.linalg.norm(row)


class FakeEncoder:
    """Adds up a random direction per token: texts that share words are close, and equal texts are equal."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.dimension = DIMENSION
        self.encoded: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        """(n, d) float32, unit length."""
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """(n, d) float32, unit length."""
        self.encoded += texts
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Vector:
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = _sum(self.name, text)
        return rows


def _direction(token: str) -> Vector:
    seed = int.from_bytes(hashlib.sha256(token.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


class SwitchedLoader:
    """Loads an encoder once it is switched on; before, no model is at hand."""

    def __init__(self, encoder: FakeEncoder, *, available: bool = True) -> None:
        self.encoder = encoder
        self.available = available
        self.tries = 0

    def __call__(self) -> FakeEncoder:
        self.tries += 1
        if not self.available:
            raise EncoderUnavailable("no model at hand; this is a test")
        return self.encoder
