"""What every vector index shares: argument checks, and the self-describing file that is written all or nothing.

File layout: 8 bytes magic, u32 header length (big endian), header (JSON, UTF-8), sha256 of the header (32 bytes),
payload. The header holds the payload's own sha256, so any changed or missing byte is noticed before it is parsed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from embeddings.types import Ids, IndexMismatch, Vector

MAGIC = b"YIQIAOVX"
HEADER_FORMAT = 1
METRIC = "ip"
_LENGTH = struct.Struct(">I")
_DIGEST_BYTES = 32
_LONGEST_HEADER = 1 << 20


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
        format: version of this layout.
    """

    model: str
    dimension: int
    metric: str
    count: int
    sequence: int
    sha256: str
    format: int = HEADER_FORMAT


def pack(path: Path, payload: bytes, *, model: str, dimension: int, count: int, sequence: int) -> IndexHeader:
    """Write header and payload to `path`: into a temporary file beside it, fsync, rename. Readable by its owner only.

    Raises:
        OSError: if the file cannot be written; an older file at `path` is then untouched.
    """
    digest = hashlib.sha256(payload).hexdigest()
    header = IndexHeader(model, dimension, METRIC, count, sequence, digest)
    encoded = json.dumps(asdict(header), ensure_ascii=False).encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for block in (MAGIC, _LENGTH.pack(len(encoded)), encoded, hashlib.sha256(encoded).digest(), payload):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    with contextlib.suppress(OSError):  # Not every system can sync a folder; the file itself is safe.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return header


def unpack(path: Path, *, model: str, dimension: int) -> tuple[IndexHeader, bytes]:
    """Read and check a file that `pack` wrote.

    Raises:
        IndexMismatch: if it is no such file, of another format, model, dimension or metric, truncated or changed.
        FileNotFoundError: if there is no file.
    """
    raw = path.read_bytes()
    start = len(MAGIC) + _LENGTH.size
    if len(raw) < start or not raw.startswith(MAGIC):
        raise IndexMismatch("format", f"{path} is not an index file")
    (length,) = _LENGTH.unpack_from(raw, len(MAGIC))
    end = start + length
    if length > _LONGEST_HEADER or len(raw) < end + _DIGEST_BYTES:
        raise IndexMismatch("checksum", f"{path} is truncated")
    encoded = raw[start:end]
    if hashlib.sha256(encoded).digest() != raw[end : end + _DIGEST_BYTES]:
        raise IndexMismatch("checksum", f"the header of {path} was changed")
    try:
        header = IndexHeader(**json.loads(encoded))
    except (TypeError, ValueError) as error:
        raise IndexMismatch("format", f"the header of {path} cannot be read: {error}") from error
    expected = {"format": HEADER_FORMAT, "model": model, "dimension": dimension, "metric": METRIC}
    for field, value in expected.items():
        if getattr(header, field) != value:
            raise IndexMismatch(field, f"{path} has {getattr(header, field)!r}, expected {value!r}")
    payload = raw[end + _DIGEST_BYTES :]
    if hashlib.sha256(payload).hexdigest() != header.sha256:
        raise IndexMismatch("checksum", f"the content of {path} was changed or is truncated")
    return header, payload


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
