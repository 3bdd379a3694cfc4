"""The encoder that the rest of the library sees, whatever computes its vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from embeddings.backends.cache import QueryCache
from embeddings.backends.model import Batch, Model
from embeddings.backends.turns import Turns
from embeddings.types import Vector

CHUNK = 1024
"""Texts that are cut into tokens at a time, so that an import of any size needs little memory."""


class SentenceEncoder:
    """An Encoder over a Model: each distinct text is encoded once, and queries go before passages.

    Between the batches of a long import other callers get their turn.
    """

    def __init__(self, model: Model, name: str, query_prompt: str, passage_prompt: str) -> None:
        self._model = model
        self._name = name
        self._prompts = (query_prompt, passage_prompt)
        self._turns = Turns(model.workers)
        self._queries = QueryCache()

    @property
    def name(self) -> str:
        """Identity of the vector space.

        Model name and a digest of weights, configuration, prompts and length limit, joined by "@"; "+int8" behind it
        if the vectors were computed in 8-bit integers, with a number where the rounding has changed since.
        """
        return self._name

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self._model.dimension

    @property
    def prompts(self) -> tuple[str, str]:
        """What is put before queries and before passages."""
        return self._prompts

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        """Encode what is looked for. Returns (n, d) float32, rows L2-normalised; (0, d) for no texts."""
        distinct, rows = _distinct(texts)
        found = [self._queries.get(text) for text in distinct]
        new = [number for number, vector in enumerate(found) if vector is None]
        vectors = np.empty((len(distinct), self.dimension), dtype=np.float32)
        for number, vector in enumerate(found):
            if vector is not None:
                vectors[number] = vector
        if new:
            vectors[new] = self._encode([distinct[number] for number in new], self._prompts[0], urgent=True)
            for number in new:
                self._queries.put(distinct[number], vectors[number])
        return np.ascontiguousarray(vectors[rows])

    def encode_passages(self, texts: Sequence[str], progress: Callable[[float], None] | None = None) -> Vector:
        """Encode what is searched. Returns (n, d) float32, rows L2-normalised; (0, d) for no texts.

        Args:
            texts: any number of them.
            progress: told now and then which share of the texts is done, 0 to 1; in the calling thread.
        """
        distinct, rows = _distinct(texts)
        return np.ascontiguousarray(self._encode(distinct, self._prompts[1], urgent=False, progress=progress)[rows])

    def _encode(
        self, texts: Sequence[str], prompt: str, *, urgent: bool, progress: Callable[[float], None] | None = None
    ) -> Vector:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        # Texts of like length share a batch, which saves padding.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]), reverse=True)
        done = 0
        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]

            def compute(batch: Batch, chunk: list[int] = chunk) -> int:
                with self._turns.turn(urgent=urgent):
                    vectors[[chunk[row] for row in batch.rows]] = batch.compute()
                return len(batch.rows)

            batches = iter(self._model.batches([texts[number] for number in chunk], prompt))
            first = list(islice(batches, 2))
            if len(first) < 2 or self._model.workers == 1:
                for batch in (*first, *batches):
                    done += compute(batch)
                    _tell(progress, done / len(texts))
                continue
            with ThreadPoolExecutor(self._model.workers, thread_name_prefix="encoder") as pool:
                for count in pool.map(compute, (*first, *batches)):
                    done += count
                    _tell(progress, done / len(texts))
        return vectors


def _distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The distinct texts, and for each text its place among them: equal texts get equal vectors."""
    if isinstance(texts, str):
        raise TypeError("texts must be a sequence of texts, not one text")
    places: dict[str, int] = {}
    rows = [places.setdefault(text, len(places)) for text in texts]
    return list(places), rows


def _tell(progress: Callable[[float], None] | None, share: float) -> None:
    if progress is not None:
        progress(share)
