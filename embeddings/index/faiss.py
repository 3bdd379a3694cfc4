"""Inner-product search in memory: a FAISS Flat index while that is quick, inverted lists of 8-bit vectors above.

Flat is exact and its cost grows with the number of vectors; the measured curves of both are in docs/adr/0012. Which one
is used follows from the number of vectors; the change to another structure, and to more lists, is made beside the one
that is being searched. HNSW is not used, because it cannot remove.
Source: M. Douze et al. 2024, The Faiss library, arXiv 2401.08281.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.index import compressed, structures
from embeddings.index.base import check_ids, check_search, check_upsert, no_hits, pack, unpack
from embeddings.types import Ids, IndexMismatch, Vector

log = logging.getLogger(__name__)

COMPRESS_ABOVE = 50_000
"""Vectors above which the lists take over: an exact search among so many takes 10 ms of one core."""
REBUILD_AT = 2
"""The lists are laid out anew when there are so many times the vectors that they were laid out for."""
FEW = 2_000
"""A search among so few ids reads and compares them one by one, which is exact and needs no lists."""
WAIT_ABOVE = 4
"""Storing waits for the first lists while an exact index holds so many times `compress_above`: memory is bounded."""
CHUNK = 2_048
"""Vectors that are taken over at once; searches wait for no longer than that."""


class FaissIndex:
    """A VectorIndex for one model. All methods may be called from several threads.

    Scores of an exact index are inner products to within 1e-5, those of a compressed one to within 0.005.

    Args:
        dimension: length of the vectors.
        model: `Encoder.name`; saved with the index and compared when it is loaded.
        compress_above: number of vectors above which 8-bit lists are used.
        background: lay out the lists in a thread, searching and changing the old structure meanwhile; else the call
            of `upsert` that makes it necessary takes the time.
    """

    def __init__(
        self, dimension: int, model: str, *, compress_above: int = COMPRESS_ABOVE, background: bool = True
    ) -> None:
        if dimension < 1:
            raise ValueError(f"dimension must be positive, not {dimension}")
        self.dimension = dimension
        self.model = model
        self._compress_above = compress_above
        self._background = background
        # Held by whoever changes vectors or needs them unchanged (saving). Searches do not wait for it.
        self._changing = threading.Lock()
        # Held for moments, by searches and by the change itself. Where both are needed, `_changing` is taken first.
        self._lock = threading.Lock()
        self._faiss: Any = structures.flat(dimension)
        self._built_for = 0
        self._present: set[int] = set()
        # Deleted, but not removed from the structure yet.
        self._hidden: set[int] = set()
        # Ids changed since the structure that is being built began to read the present one.
        self._journal: set[int] | None = None
        self._worker: threading.Thread | None = None
        self._give_up_until = 0
        self._stop = threading.Event()

    def __len__(self) -> int:
        """Number of vectors stored."""
        return len(self._present)

    @property
    def exact(self) -> bool:
        """Whether every vector is compared in full; False for 8-bit lists."""
        return self._built_for == 0

    def ids(self) -> set[int]:
        """The ids stored, for comparing with the database."""
        with self._lock:
            return set(self._present)

    def upsert(self, ids: Ids, vectors: Vector) -> None:
        """Store vectors (n, d) under ids (n,), replacing those present; the last of a repeated id wins.

        Raises:
            ValueError: for wrong shapes, negative ids, NaN or infinity. Nothing is stored then.
        """
        numbers, rows = check_upsert(ids, vectors, self.dimension)
        for start in range(0, len(numbers), CHUNK):
            part, values = numbers[start : start + CHUNK], rows[start : start + CHUNK]
            self._wait_for_lists()
            with self._changing:
                lists = None if self.exact else structures.assign(self._faiss, values)
                with self._lock:
                    self._remove(part)
                    if lists is None:
                        self._faiss.add_with_ids(values, part)
                    else:
                        structures.add(self._faiss, part, values, lists)
                    self._present.update(part.tolist())
                    self._note(part)
            self._consider_rebuilding()

    def delete(self, ids: Ids) -> None:
        """Forget ids; unknown ones are no error. A deleted id is never returned again, from the first moment on.

        Raises:
            ValueError: if ids are not whole numbers of shape (n,).
        """
        gone = set(check_ids(ids).tolist())
        with self._lock:
            gone &= self._present
            self._present -= gone
            self._hidden |= gone
        if not gone:
            return
        with self._changing, self._lock:
            # One that was stored again while this call waited is not ours any more.
            numbers = np.array(sorted(gone & self._hidden), dtype=np.int64)
            self._remove(numbers)
            self._note(numbers)
            if not self._present and not self._hidden:
                self._faiss, self._built_for = structures.flat(self.dimension), 0

    def _remove(self, numbers: Ids) -> None:
        """Take ids out of the structure and out of the lists of what is there. The caller holds both locks."""
        known = [i for i in numbers.tolist() if i in self._present or i in self._hidden]
        if known:
            structures.remove(self._faiss, np.array(known, dtype=np.int64))
            self._present.difference_update(known)
            self._hidden.difference_update(known)

    def _note(self, numbers: Ids) -> None:
        if self._journal is not None:
            self._journal.update(numbers.tolist())

    # -- searching --

    def search(self, vectors: Vector, k: int, *, only: Ids | None = None) -> tuple[Ids, Vector]:
        """The k best ids for each query.

        Args:
            vectors: queries, shape (q, d).
            k: hits per query, at least 1; more than are stored is no error.
            only: search among these ids alone, shape (n,); unknown ones are no error.

        Returns:
            ids (q, k) int64, padded with -1, and inner products (q, k) float32, padded with -inf; best first.

        Raises:
            ValueError: for wrong shapes, NaN, infinity or k < 1.
        """
        queries = check_search(vectors, k, self.dimension)
        wanted = None if only is None else np.unique(check_ids(only))
        ids, scores = no_hits(len(queries), k)
        with self._lock:
            if wanted is not None and len(wanted) <= FEW:
                found, products = self._compare(queries, wanted)
            else:
                found, products = self._look_up(queries, k, wanted)
            # Every hit is checked again: selectors have been ignored without a word before (faiss issue 5504).
            good = np.fromiter((i in self._present for i in found.ravel().tolist()), bool, found.size)
        good = good.reshape(found.shape)
        if wanted is not None:
            good &= np.isin(found, wanted)
        for row in range(len(queries)):
            kept = np.flatnonzero(good[row])[:k]
            ids[row, : len(kept)], scores[row, : len(kept)] = found[row, kept], products[row, kept]
        return ids, scores

    def _compare(self, queries: Vector, wanted: Ids) -> tuple[Ids, Vector]:
        """Ids and inner products of all `wanted` that are present, best first."""
        present = np.array([i for i in wanted.tolist() if i in self._present], dtype=np.int64)
        if not len(present):
            return no_hits(len(queries), 0)
        products: Vector = queries @ self._faiss.reconstruct_batch(present).T
        order = np.argsort(-products, axis=1, kind="stable")
        return present[order], np.take_along_axis(products, order, axis=1)

    def _look_up(self, queries: Vector, k: int, wanted: Ids | None) -> tuple[Ids, Vector]:
        """Ids and inner products of the best k, and of as many more as are deleted but still in the structure."""
        stored = self._faiss.ntotal
        take = min(k + len(self._hidden), stored)
        if not take or not len(queries):
            return no_hits(len(queries), 0)
        if self.exact:
            scores, ids = structures.search_flat(self._faiss, queries, take, wanted)
            return ids, scores
        share = 1.0 if wanted is None else max(len(wanted) / stored, 1e-9)
        # Few of many, or very many hits, need more lists than the usual search was tuned for.
        wider = max(1.0, 1 / share, take / compressed.TUNED_FOR_K)
        probes = min(self._faiss.nlist, math.ceil(self._faiss.nprobe * wider))
        scores, ids = structures.search_lists(self._faiss, queries, take, probes, wanted)
        short = np.flatnonzero((ids < 0).any(axis=1))
        if len(short) and probes < self._faiss.nlist:
            again = structures.search_lists(self._faiss, queries[short], take, self._faiss.nlist, wanted)
            scores[short], ids[short] = again
        return ids, scores

    # -- the choice of the structure --

    def _due(self) -> bool:
        count = len(self._present)
        return count > max(self._compress_above, REBUILD_AT * self._built_for - 1, self._give_up_until)

    def _consider_rebuilding(self) -> None:
        if not self._due():
            return
        with self._lock:
            if self._worker is not None or self._stop.is_set():
                return
            self._worker = worker = threading.Thread(target=self._rebuild_while_due, name="index-build", daemon=True)
            worker.start()
        # A daemon that is inside FAISS while the interpreter goes away would crash it: it is waited for at exit.
        atexit.register(_end, weakref.ref(self))
        if not self._background:
            worker.join()

    def _wait_for_lists(self) -> None:
        """Vectors can come faster than lists are laid out; without a limit millions would lie about in full length."""
        worker = self._worker
        if worker is not None and self.exact and len(self._present) >= WAIT_ABOVE * self._compress_above:
            while self.exact and worker.is_alive():
                worker.join(0.05)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until no new structure is being built. Returns whether that is so within `timeout` seconds."""
        worker = self._worker
        if worker is not None:
            worker.join(timeout)
        return self._worker is None

    def close(self) -> None:
        """End a build that is under way; the index goes on with the structure that it has."""
        self._stop.set()
        self.settle()

    def _rebuild_while_due(self) -> None:
        # Half of the cores, for this thread alone (an OpenMP setting): searches need the others.
        structures.library().omp_set_num_threads(max(1, (os.cpu_count() or 1) // 2))
        try:
            while True:
                self._rebuild()
                with self._lock:
                    if not self._due():
                        self._worker = None
                        return
        except BaseException as error:
            if not isinstance(error, compressed.Stopped):
                log.exception("the index goes on with its present structure: no new one could be built")
            with self._lock:
                self._give_up_until = 2 * len(self._present)
                self._journal = self._worker = None

    def _rebuild(self) -> None:
        """Lay out lists for the vectors present, take over what changes meanwhile, and put them in place."""
        with self._changing, self._lock:
            self._journal = set()
            everything = np.fromiter(self._present, dtype=np.int64, count=len(self._present))
            ranges = None if self.exact else compressed.value_ranges(self._faiss)
        built = compressed.lay_out(everything, self._read, ranges, self._stop.is_set)
        for _round in range(3):
            with self._changing, self._lock:
                changed, self._journal = self._journal or set(), set()
            compressed.take_over(built, changed, self._read)
        with self._changing:
            compressed.take_over(built, self._journal or set(), self._read)
            with self._lock:
                old, self._faiss, self._built_for, self._journal = self._faiss, built, len(everything), None
        del old  # Giving back the memory takes a moment, which no search waits for.
        structures.give_back_memory()

    def _read(self, numbers: Ids) -> Iterator[tuple[Ids, Vector]]:
        """Those of the ids that are present, and their vectors, in chunks that searches need not wait long for."""
        for start in range(0, len(numbers), CHUNK):
            with self._lock:
                ids = np.array([i for i in numbers[start : start + CHUNK].tolist() if i in self._present], np.int64)
                rows = self._faiss.reconstruct_batch(ids) if len(ids) else None
            if rows is not None:
                yield ids, rows

    # -- files --

    def save(self, path: Path, sequence: int) -> None:
        """Write the index and the change-feed number `sequence` to one file, all or nothing. Searches go on meanwhile.

        Raises:
            OSError: if it cannot be written; an older file is then untouched.
        """
        with self._changing:
            with self._lock:
                self._sweep()
                stored, built_for = self._faiss, self._built_for
            pack(
                path,
                lambda write: structures.write(stored, write),
                model=self.model,
                dimension=self.dimension,
                count=stored.ntotal,
                sequence=sequence,
                built_for=built_for,
            )

    def _sweep(self) -> None:
        numbers = np.array(sorted(self._hidden), dtype=np.int64)
        self._remove(numbers)
        self._note(numbers)

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        model: str,
        dimension: int,
        compress_above: int = COMPRESS_ABOVE,
        background: bool = True,
    ) -> tuple[FaissIndex, int]:
        """Read an index that `save` wrote. Returns it and its sequence number.

        Raises:
            IndexMismatch: for another model, dimension, metric, checksum or format; the caller rebuilds.
            FileNotFoundError: if there is no file.
        """
        with unpack(path, model=model, dimension=dimension) as (header, file):
            stored, numbers = structures.read(file, path, dimension, lists=header.built_for > 0)
        if not len(numbers) == stored.ntotal == header.count:
            raise IndexMismatch("checksum", f"{path} holds {stored.ntotal} vectors, its header says {header.count}")
        index = cls(dimension, model, compress_above=compress_above, background=background)
        index._faiss, index._built_for, index._present = stored, header.built_for, numbers
        index._consider_rebuilding()
        return index, header.sequence


def _end(reference: weakref.ref[FaissIndex]) -> None:
    index = reference()
    if index is not None:
        index.close()
