"""Vectors that come with the seed data, so that a demonstration starts in seconds and not after minutes of encoding.

They hold for one model alone, and for exactly the passages that they were made from: anything else is encoded.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sqlmodel import Session, col, select

from backend.matching.documents import vector_of
from backend.matching.models import SearchDocument


def read(path: Path, model: str) -> dict[str, bytes]:
    """Digest of a passage to its vector (float32, unit length); empty where the file is of another model."""
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        if str(file["model"]) != model:
            return {}
        vectors = file["vectors"].astype("<f4")
        digests = file["digests"]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return {bytes(digest).hex(): vector.tobytes() for digest, vector in zip(digests, vectors, strict=True)}


def write(path: Path, session: Session, model: str) -> int:
    """Save the vectors of all live passages of a model, in half precision; returns how many there are."""
    query = select(SearchDocument).where(SearchDocument.model == model, col(SearchDocument.deleted).is_(False))
    rows: Mapping[str, SearchDocument] = {row.digest: row for row in session.exec(query).all()}
    ordered = [rows[digest] for digest in sorted(rows)]
    np.savez_compressed(
        path,
        model=np.array(model),
        digests=np.array([list(bytes.fromhex(row.digest)) for row in ordered], dtype=np.uint8),
        vectors=np.array([vector_of(row) for row in ordered], dtype=np.float16),
    )
    return len(ordered)
