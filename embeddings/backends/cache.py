"""Vectors of recent queries, so that the same words looked up again cost nothing."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from embeddings.types import Vector


class QueryCache:
    """The vectors of the queries used last, by digest: no text is kept. Safe to call from several threads."""

    def __init__(self, size: int = 2048) -> None:
        self._size = size
        self._vectors: OrderedDict[bytes, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str) -> Vector | None:
        """The vector (d,) of a text, or None. It is read-only."""
        key = _key(text)
        with self._lock:
            vector = self._vectors.get(key)
            if vector is not None:
                self._vectors.move_to_end(key)
            return vector

    def put(self, text: str, vector: Vector) -> None:
        """Remember a vector (d,); the one not used for longest is forgotten when there are too many."""
        kept = vector.copy()
        kept.setflags(write=False)
        with self._lock:
            self._vectors[_key(text)] = kept
            self._vectors.move_to_end(_key(text))
            while len(self._vectors) > self._size:
                self._vectors.popitem(last=False)

    def __len__(self) -> int:
        """Number of vectors kept."""
        return len(self._vectors)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
