"""Exact inner-product search in memory: a FAISS Flat index under an IDMap2.

Flat, because it is exact, supports removal (HNSW raises) and answers 100,000 passages in a few milliseconds.
Source: M. Douze et al. 2024, The Faiss library, arXiv 2401.08281.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.index.base import check_ids, check_vectors, pack, unpack
from embeddings.threads import wait_asleep
from embeddings.types import Ids, IndexMismatch, Vector


class FaissIndex:
    """A VectorIndex for one model. All methods may be called from several threads.

    Args:
        dimension: length of the vectors.
        model: `Encoder.name`; saved with the index and compared when it is loaded.
    """

    def __init__(self, dimension: int, model: str) -> None:
        if dimension < 1:
            raise ValueError(f"dimension must be positive, not {dimension}")
        wait_asleep()
        import faiss

        self.dimension = dimension
        self.model = model
        self._lock = threading.Lock()
        self._faiss: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._present: set[int] = set()

    def __len__(self) -> int:
        """Number of vectors stored."""
        return len(self._present)

    def ids(self) -> set[int]:
        """The ids stored, for comparing with the database."""
        with self._lock:
            return set(self._present)

    def upsert(self, ids: Ids, vectors: Vector) -> None:
        """Store vectors (n, d) under ids (n,), replacing those present; the last of a repeated id wins.

        Raises:
            ValueError: for wrong shapes, negative ids, NaN or infinity. Nothing is stored then.
        """
        numbers = check_ids(ids)
        rows = check_vectors(vectors, self.dimension) if numbers.size or np.size(vectors) else None
        if rows is None:
            return
        if len(rows) != len(numbers):
            raise ValueError(f"{len(numbers)} ids for {len(rows)} vectors")
        last = {int(number): row for row, number in enumerate(numbers)}
        if len(last) < len(numbers):
            kept = np.fromiter(last.values(), dtype=np.int64)
            numbers, rows = numbers[kept], np.ascontiguousarray(rows[kept])
        with self._lock:
            self._remove(numbers)
            self._faiss.add_with_ids(rows, numbers)
            self._present.update(last)

    def delete(self, ids: Ids) -> None:
        """Forget ids; unknown ones are no error. A deleted id is never returned again.

        Raises:
            ValueError: if ids are not whole numbers of shape (n,).
        """
        numbers = check_ids(ids)
        with self._lock:
            self._remove(numbers)

    def _remove(self, numbers: Ids) -> None:
        known = [int(number) for number in numbers if int(number) in self._present]
        if known:
            self._faiss.remove_ids(np.array(known, dtype=np.int64))
            self._present.difference_update(known)

    def search(self, vectors: Vector, k: int) -> tuple[Ids, Vector]:
        """The k best ids for each query.

        Args:
            vectors: queries, shape (q, d).
            k: hits per query, at least 1; more than are stored is no error.

        Returns:
            ids (q, k) int64, padded with -1, and inner products (q, k) float32, padded with -inf; best first.

        Raises:
            ValueError: for wrong shapes, NaN, infinity or k < 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        queries = check_vectors(vectors, self.dimension)
        ids: Ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores: Vector = np.full((len(queries), k), -np.inf, dtype=np.float32)
        with self._lock:
            found = min(k, len(self._present))
            if found and len(queries):
                scores[:, :found], ids[:, :found] = self._faiss.search(queries, found)
        scores[ids < 0] = -np.inf
        return ids, scores

    def save(self, path: Path, sequence: int) -> None:
        """Write the index and the change-feed number `sequence` to one file, all or nothing.

        Raises:
            OSError: if it cannot be written; an older file is then untouched.
        """
        import faiss

        with self._lock:
            payload = faiss.serialize_index(self._faiss).tobytes()
            count = len(self._present)
        pack(path, payload, model=self.model, dimension=self.dimension, count=count, sequence=sequence)

    @classmethod
    def load(cls, path: Path, *, model: str, dimension: int) -> tuple[FaissIndex, int]:
        """Read an index that `save` wrote. Returns it and its sequence number.

        Raises:
            IndexMismatch: for another model, dimension, metric, checksum or format; the caller rebuilds.
            FileNotFoundError: if there is no file.
        """
        header, payload = unpack(path, model=model, dimension=dimension)
        wait_asleep()
        import faiss

        try:
            stored: Any = faiss.deserialize_index(np.frombuffer(payload, dtype=np.uint8))
        except RuntimeError as error:
            raise IndexMismatch("format", f"FAISS cannot read the content of {path}: {error}") from error
        if not isinstance(stored, faiss.IndexIDMap2):
            raise IndexMismatch("format", f"{path} holds a {type(stored).__name__}, not an IndexIDMap2")
        if stored.d != dimension:
            raise IndexMismatch("dimension", f"the vectors in {path} have the length {stored.d}, not {dimension}")
        if stored.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise IndexMismatch("metric", f"{path} was built for the FAISS metric {stored.metric_type}")
        numbers = {int(number) for number in faiss.vector_to_array(stored.id_map)}
        if not len(numbers) == stored.ntotal == header.count:
            raise IndexMismatch("checksum", f"{path} holds {stored.ntotal} vectors, its header says {header.count}")
        index = cls(dimension, model)
        index._faiss = stored
        index._present = numbers
        return index, header.sequence
