"""Vectors of a judged set, kept in a folder so that a second run need not compute them again."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from embeddings.files import replaced
from embeddings.types import Encoder, Vector

log = logging.getLogger(__name__)

SAVE_EVERY = 2_000
"""New vectors between two savings, so that a run that is broken off loses a minute at most."""


class CachedEncoder:
    """An Encoder that asks another one for what it has not met yet.

    With a folder the vectors are kept in one .npz file per encoder name, by digest of side and text; a file that is
    damaged or belongs to another encoder is left aside and written anew. Two runs at once only cost each other work.
    """

    def __init__(self, encoder: Encoder, folder: Path | None = None) -> None:
        self._encoder = encoder
        digest = hashlib.sha256(encoder.name.encode()).hexdigest()[:16]
        self._path = folder / f"vectors-{digest}.npz" if folder else None
        self._known: dict[str, Vector] = self._read()
        self._unsaved = 0

    @property
    def name(self) -> str:
        """That of the encoder behind."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """That of the encoder behind."""
        return self._encoder.dimension

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        """(n, d) float32, unit length."""
        return self._encode("query", texts, self._encoder.encode_queries)

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """(n, d) float32, unit length."""
        return self._encode("passage", texts, self._encoder.encode_passages)

    def _encode(self, side: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Vector]) -> Vector:
        digests = [hashlib.sha256(f"{side}\x00{text}".encode()).hexdigest()[:32] for text in texts]
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._known}
        if missing:
            self._known.update(zip(missing, compute(list(missing.values())), strict=True))
            self._unsaved += len(missing)
            if self._unsaved >= SAVE_EVERY:
                self.save()
        if not digests:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([self._known[digest] for digest in digests])

    def save(self) -> None:
        """Write what is new to the folder, all or nothing; raises OSError."""
        if self._path is None or not self._unsaved:
            return
        with replaced(self._path) as file:
            np.savez(
                file,
                encoder=np.array(self.name),
                digests=np.array(list(self._known)),
                vectors=np.stack(list(self._known.values())),
            )
        self._unsaved = 0

    def _read(self) -> dict[str, Vector]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            # Opened here, since numpy leaves a file open that is no whole archive.
            with self._path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                name, digests, vectors = str(file["encoder"]), file["digests"].tolist(), file["vectors"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("the vectors in %s cannot be read and are computed again: %s", self._path, error)
            return {}
        fits = name == self.name and vectors.shape == (len(digests), self.dimension) and vectors.dtype == np.float32
        if not fits or not np.isfinite(vectors).all():
            log.warning("the vectors in %s are not those of %s and are computed again", self._path, self.name)
            return {}
        return dict(zip(digests, vectors, strict=True))
