"""What every vector index shares: argument checks, errors, and the self-describing file that is written all or nothing.

File layout: 8 bytes magic, u32 header length (big endian), header (JSON, UTF-8), sha256 of the header (32 bytes),
payload. The header holds the payload's own sha256, so any changed or missing byte is noticed before it is parsed.
Payloads are written and read in pieces: an index of a million vectors is never held a second time as bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embeddings.files import replaced
from embeddings.types import EmbeddingsError, Ids, IndexMismatch, Vector

MAGIC = b"YIQIAOVX"
HEADER_FORMAT = 2
METRIC = "ip"
PIECE = 1 << 20
"""Bytes that are read or written at once."""
_LENGTH = struct.Struct(">I")
_DIGEST_BYTES = 32
_LONGEST_HEADER = 1 << 20
_ABANDONED_AFTER = 3600.0
"""Seconds after which a temporary file was left behind by a process that was killed."""


class IndexUnavailable(EmbeddingsError):
    """The service that holds the vectors cannot be reached, refuses, or its client is not installed."""


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What a saved index says about itself.

    Attributes:
        model: `Encoder.name` of the vectors.
        dimension: length of one vector.
        metric: "ip", inner product.
        count: number of vectors.
        sequence: number in the change feed up to which the index is current.
        sha256: of the payload.
        built_for: number of vectors that its structure was laid out for; 0 for an exact index.
        format: version of this layout.
    """

    model: str
    dimension: int
    metric: str
    count: int
    sequence: int
    sha256: str
    built_for: int = 0
    format: int = HEADER_FORMAT


Write = Callable[[bytes], object]


def pack(
    path: Path,
    write_payload: Callable[[Write], object],
    *,
    model: str,
    dimension: int,
    count: int,
    sequence: int,
    built_for: int = 0,
) -> IndexHeader:
    """Write header and payload to `path`: into a temporary file beside it, fsync, rename. Readable by its owner only.

    Args:
        path: of the file; missing folders are made.
        write_payload: is given a function that takes the payload piece by piece.
        model, dimension, count, sequence, built_for: see IndexHeader.

    Raises:
        OSError: if the file cannot be written; an older file at `path` is then untouched.
    """
    unfinished = IndexHeader(model, dimension, METRIC, count, sequence, "0" * 64, built_for)
    _remove_abandoned(path)
    with replaced(path) as file:
        # The digest is known only after the payload, and is as long as the zeros that keep its place.
        file.write(_head(unfinished))
        digest = hashlib.sha256()

        def write(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        write_payload(write)
        header = replace(unfinished, sha256=digest.hexdigest())
        file.seek(0)
        file.write(_head(header))
    with contextlib.suppress(OSError):  # Not every system can sync a folder; the file itself is safe.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return header


def _head(header: IndexHeader) -> bytes:
    encoded = json.dumps(asdict(header), ensure_ascii=False).encode("utf-8")
    return b"".join([MAGIC, _LENGTH.pack(len(encoded)), encoded, hashlib.sha256(encoded).digest()])


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes left unfinished: vectors are as secret as their texts, and take room."""
    for entry in path.parent.glob(f".{path.name}-*"):
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime > _ABANDONED_AFTER:
                entry.unlink()


@contextlib.contextmanager
def unpack(path: Path, *, model: str, dimension: int) -> Iterator[tuple[IndexHeader, BinaryIO]]:
    """Check a file that `pack` wrote; gives its header and the file, open at the start of the payload.

    Raises:
        IndexMismatch: if it is no such file, of another format, model, dimension or metric, truncated or changed.
        FileNotFoundError: if there is no file.
    """
    with path.open("rb") as file:
        header = _read_head(file, path)
        expected = {"format": HEADER_FORMAT, "model": model, "dimension": dimension, "metric": METRIC}
        for field, value in expected.items():
            if getattr(header, field) != value:
                raise IndexMismatch(field, f"{path} has {getattr(header, field)!r}, expected {value!r}")
        start = file.tell()
        if hashlib.file_digest(file, "sha256").hexdigest() != header.sha256:
            raise IndexMismatch("checksum", f"the content of {path} was changed or is truncated")
        file.seek(start)
        yield header, file


def _read_head(file: BinaryIO, path: Path) -> IndexHeader:
    start = file.read(len(MAGIC) + _LENGTH.size)
    if len(start) < len(MAGIC) + _LENGTH.size or not start.startswith(MAGIC):
        raise IndexMismatch("format", f"{path} is not an index file")
    (length,) = _LENGTH.unpack_from(start, len(MAGIC))
    rest = file.read(min(length, _LONGEST_HEADER) + _DIGEST_BYTES)
    encoded, digest = rest[:length], rest[length:]
    if length > _LONGEST_HEADER or len(digest) < _DIGEST_BYTES:
        raise IndexMismatch("checksum", f"{path} is truncated")
    if hashlib.sha256(encoded).digest() != digest:
        raise IndexMismatch("checksum", f"the header of {path} was changed")
    try:
        fields = json.loads(encoded)
        # An older layout lacks fields that this one needs: its number is looked at before the rest.
        if isinstance(fields, dict) and fields.get("format") != HEADER_FORMAT:
            raise IndexMismatch("format", f"{path} has {fields.get('format')!r}, expected {HEADER_FORMAT!r}")
        return IndexHeader(**fields)
    except (TypeError, ValueError) as error:
        raise IndexMismatch("format", f"the header of {path} cannot be read: {error}") from error


def check_ids(ids: Ids) -> Ids:
    """Ids as a contiguous int64 array of shape (n,).

    Raises:
        ValueError: for another shape, other than whole numbers, or negative ids (-1 means "no hit").
    """
    array = np.asarray(ids)
    if array.ndim != 1:
        raise ValueError(f"ids must have the shape (n,), not {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"ids must be whole numbers, not {array.dtype}")
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError("ids must fit into 63 bits")
    checked: Ids = np.ascontiguousarray(array, dtype=np.int64)
    if checked.size and checked.min() < 0:
        raise ValueError("ids must not be negative")
    return checked


def check_vectors(vectors: Vector, dimension: int) -> Vector:
    """Vectors as a contiguous float32 array of shape (n, dimension).

    Raises:
        ValueError: for another shape, NaN or infinity.
    """
    array: Vector = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise ValueError(f"vectors must have the shape (n, {dimension}), not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("vectors must not contain NaN or infinity")
    return array


def check_upsert(ids: Ids, vectors: Vector, dimension: int) -> tuple[Ids, Vector]:
    """Ids (n,) and vectors (n, d) that may be stored: checked, and of a repeated id only the last.

    Raises:
        ValueError: for wrong shapes, negative ids, NaN or infinity.
    """
    numbers = check_ids(ids)
    if not numbers.size and not np.size(vectors):
        return numbers, np.empty((0, dimension), dtype=np.float32)
    rows = check_vectors(vectors, dimension)
    if len(rows) != len(numbers):
        raise ValueError(f"{len(numbers)} ids for {len(rows)} vectors")
    last = {int(number): row for row, number in enumerate(numbers)}
    if len(last) < len(numbers):
        kept = np.fromiter(last.values(), dtype=np.int64)
        numbers, rows = numbers[kept], np.ascontiguousarray(rows[kept])
    return numbers, rows


def check_search(vectors: Vector, k: int, dimension: int) -> Vector:
    """Queries as a contiguous float32 array of shape (q, dimension).

    Raises:
        ValueError: for wrong shapes, NaN, infinity or k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return check_vectors(vectors, dimension)


def no_hits(queries: int, k: int) -> tuple[Ids, Vector]:
    """Ids (q, k) full of -1 and scores (q, k) full of -inf."""
    return np.full((queries, k), -1, dtype=np.int64), np.full((queries, k), -np.inf, dtype=np.float32)
