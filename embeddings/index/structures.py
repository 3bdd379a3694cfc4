"""The two FAISS structures and what is done with them: an exact Flat index, and inverted lists of 8-bit vectors.

Every use of the faiss package outside of training is here. An index is `Any`, because its stubs know half of it.
"""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from embeddings.index.base import PIECE, Write
from embeddings.threads import wait_asleep
from embeddings.types import Ids, IndexMismatch, Vector


def library() -> Any:
    """The faiss package, imported when it is first needed."""
    wait_asleep()
    import faiss

    return faiss


def flat(dimension: int) -> Any:
    """An empty exact index."""
    faiss = library()
    return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))


def assign(index: Any, rows: Vector) -> Ids:
    """The list of each vector (n, d); the slow part of adding, which changes nothing. Shape (n,)."""
    lists: Ids = index.quantizer.search(rows, 1)[1].ravel()
    return lists


def add(index: Any, ids: Ids, rows: Vector, lists: Ids) -> None:
    """Store vectors (n, d) under ids (n,) that are not in the index, in the lists that `assign` found."""
    faiss = library()
    if len(ids):
        index.add_core(len(ids), faiss.swig_ptr(rows), faiss.swig_ptr(ids), faiss.swig_ptr(lists))


def make_room(index: Any, lists: Ids) -> None:
    """Give the empty lists of an index the room for vectors that will come into `lists` (n,), and no more.

    A list that grows by itself takes twice what it needs.
    """
    for number, count in enumerate(np.bincount(lists, minlength=index.nlist).tolist()):
        index.invlists.resize(number, count)
        index.invlists.resize(number, 0)


def give_back_memory() -> None:
    """Return freed memory to the system where the C library can (glibc): it keeps hundreds of MB after a build."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def remove(index: Any, ids: Ids) -> None:
    """Remove ids (n,) from either structure; unknown ones are no error. From lists, the cost depends on n alone."""
    faiss = library()
    if not len(ids):
        return
    if isinstance(index, faiss.IndexIDMap2):
        index.remove_ids(ids)
    else:
        index.remove_ids(faiss.IDSelectorArray(len(ids), faiss.swig_ptr(ids)))


def stored_ids(index: Any) -> Ids:
    """All ids of an index, list by list."""
    faiss = library()
    lists = index.invlists
    sizes = [lists.list_size(i) for i in range(index.nlist)]
    parts = [faiss.rev_swig_ptr(lists.get_ids(i), size).copy() for i, size in enumerate(sizes) if size]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def search_flat(index: Any, queries: Vector, k: int, only: Ids | None = None) -> tuple[Vector, Ids]:
    """Scores (q, k) and ids (q, k) of an exact index, among the ids `only` if given."""
    faiss = library()
    params = None if only is None else faiss.SearchParameters(sel=faiss.IDSelectorBatch(only))
    scores, ids = index.search(queries, k, params=params)
    return scores, ids


def search_lists(index: Any, queries: Vector, k: int, probes: int, only: Ids | None = None) -> tuple[Vector, Ids]:
    """Scores (q, k) and ids (q, k), looking into `probes` lists, among the ids `only` if given."""
    faiss = library()
    selector = {} if only is None else {"sel": faiss.IDSelectorBatch(only)}
    scores, ids = index.search(queries, k, params=faiss.SearchParametersIVF(nprobe=int(probes), **selector))
    return scores, ids


def write(index: Any, to: Write) -> None:
    """Hand an index to `to` piece by piece; what that raises is raised."""
    faiss = library()
    faiss.write_index(index, faiss.PyCallbackIOWriter(to, PIECE))


def read(file: BinaryIO, path: Path, dimension: int, *, lists: bool) -> tuple[Any, set[int]]:
    """The structure in a file and the ids in it, checked to be one that this module makes.

    Args:
        file: open at the start of what `write` wrote.
        path: for messages.
        dimension: length of the vectors that are expected.
        lists: whether inverted lists are expected.

    Raises:
        IndexMismatch: if it is something else.
    """
    faiss = library()
    try:
        stored: Any = faiss.read_index(faiss.PyCallbackIOReader(file.read, PIECE))
    except RuntimeError as error:
        raise IndexMismatch("format", f"FAISS cannot read the content of {path}: {error}") from error
    wanted = faiss.IndexIVFScalarQuantizer if lists else faiss.IndexIDMap2
    if not isinstance(stored, wanted):
        raise IndexMismatch("format", f"{path} holds a {type(stored).__name__}, not an {wanted.__name__}")
    if stored.d != dimension:
        raise IndexMismatch("dimension", f"the vectors in {path} have the length {stored.d}, not {dimension}")
    if stored.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise IndexMismatch("metric", f"{path} was built for the FAISS metric {stored.metric_type}")
    numbers = stored_ids(stored) if lists else faiss.vector_to_array(stored.id_map)
    return stored, set(numbers.tolist())
