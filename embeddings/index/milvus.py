"""Vectors in Milvus, for installations of many machines: the same calls as FaissIndex, through pymilvus.

One collection holds the vectors of one index made by one model. Every search asks for strong consistency: it sees what
was stored and deleted before it, by whichever process. Works with a Milvus server and with milvus-lite, which keeps a
folder of one process and is meant for tests and trials.
Source: Milvus documentation, Consistency Level; J. Wang et al. 2021, Milvus: a purpose-built vector data management
system, SIGMOD.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.index.base import IndexUnavailable, check_ids, check_search, check_upsert, no_hits
from embeddings.types import Ids, IndexMismatch, Vector

TIMEOUT = 5.0
"""Seconds for one question, retries within it included: a page must not hang because the service is gone."""
WRITING = 30.0
"""Seconds for one change: no page waits for it, and a busy service may be putting its segments in order."""
OPENING = 30.0
"""Seconds for making, loading and dropping a collection."""
BATCH = 1_000
"""Vectors in one call; 1,000 of 384 dimensions are 1.5 MB, a server takes 64 MB."""
MOST_HITS = 16_384
"""Milvus answers with no more hits than that."""
QUERIES = 64
"""Queries in one call."""
IDS_IN_FILTER = 5_000
PREFIX = "yiqiao_"
SEQUENCES = "yiqiao_sequences"
HNSW = {"M": 16, "efConstruction": 200}
STRONG = "Strong"


class MilvusIndex:
    """A VectorIndex kept by a Milvus service. All methods may be called from several threads.

    Every method may raise IndexUnavailable: nothing is known then of whether a change has been made, so the feeder
    starts again from `sequence()`; storing and deleting twice does no harm.

    Args:
        uri: "http://host:19530", "https://host:19530", or the path of a milvus-lite folder that ends with ".db".
        name: of the index, letters, digits and _; with the model it makes the name of the collection.
        dimension: length of the vectors.
        model: `Encoder.name`; another model is another collection.
        token: "user:password" or an API key; empty for none.
        timeout: seconds for one question.
        write_timeout: seconds for one change.

    Raises:
        IndexUnavailable: if the service cannot be reached, or pymilvus is not installed.
        IndexMismatch: if the collection has vectors of another length or metric.
        ValueError: for a name with other characters, or a dimension under 1.
    """

    def __init__(
        self,
        uri: str,
        *,
        name: str,
        dimension: int,
        model: str,
        token: str = "",
        timeout: float = TIMEOUT,
        write_timeout: float = WRITING,
    ) -> None:
        if dimension < 1:
            raise ValueError(f"dimension must be positive, not {dimension}")
        if not re.fullmatch(r"\w{1,100}", name, re.ASCII):
            raise ValueError(f"the name of an index is made of letters, digits and _, not {name!r}")
        self.dimension = dimension
        self.model = model
        self._stem = f"{PREFIX}{name}_"
        self.collection = self._stem + hashlib.sha256(f"{model}\n{dimension}".encode()).hexdigest()[:16]
        self._timeout = timeout
        self._write_timeout = write_timeout
        # What this process wants deleted, until the service has confirmed it: never shown, whatever it answers.
        self._gone: set[int] = set()
        self._lock = threading.Lock()
        try:
            self._milvus: Any = importlib.import_module("pymilvus")
        except ImportError as error:
            raise IndexUnavailable('pymilvus is not installed: pip install "yiqiao[milvus]"') from error
        if uri.endswith(".db"):
            # Vectors are as secret as their texts: the folder is for its owner alone.
            Path(uri).mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._calling():
            self._client: Any = self._milvus.MilvusClient(uri, token=token, timeout=timeout)
            self._open()

    @contextmanager
    def _calling(self) -> Iterator[None]:
        try:
            yield
        except (self._milvus.MilvusException, OSError) as error:
            raise IndexUnavailable(f"Milvus did not do what was asked ({self.collection}): {error}") from error

    def _open(self) -> None:
        if not self._client.has_collection(self.collection, timeout=OPENING):
            self._create(self.collection, self._milvus.DataType.INT64, self.dimension)
        if not self._client.has_collection(SEQUENCES, timeout=OPENING):
            self._create(SEQUENCES, self._milvus.DataType.VARCHAR, 2)
        found = self._client.describe_collection(self.collection, timeout=OPENING)
        lengths = [field["params"].get("dim") for field in found["fields"] if field["name"] == "vector"]
        if [int(length) for length in lengths if length] != [self.dimension]:
            raise IndexMismatch("dimension", f"{self.collection} has vectors of the length {lengths}")
        for collection in (self.collection, SEQUENCES):
            self._client.load_collection(collection, timeout=OPENING)

    def _create(self, collection: str, key: Any, dimension: int) -> None:
        """Make a collection unless another process does so at the same moment."""
        kinds = self._milvus.DataType
        schema = self._milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        length = {"max_length": 255} if key == kinds.VARCHAR else {}
        schema.add_field("id", key, is_primary=True, **length)
        schema.add_field("vector", kinds.FLOAT_VECTOR, dim=dimension)
        if key == kinds.VARCHAR:
            schema.add_field("sequence", kinds.INT64)
        index = self._milvus.MilvusClient.prepare_index_params()
        index.add_index("vector", index_type="HNSW", metric_type="IP", params=HNSW)
        try:
            self._client.create_collection(
                collection, schema=schema, index_params=index, consistency_level=STRONG, timeout=OPENING
            )
        except self._milvus.MilvusException:
            if not self._client.has_collection(collection, timeout=OPENING):
                raise

    def __len__(self) -> int:
        """Number of vectors stored."""
        with self._calling():
            rows = self._client.query(
                self.collection, output_fields=["count(*)"], consistency_level=STRONG, timeout=self._timeout
            )
        return int(rows[0]["count(*)"])

    def ids(self) -> set[int]:
        """The ids stored, for comparing with the database."""
        found: set[int] = set()
        with self._calling():
            pages = self._client.query_iterator(
                self.collection,
                batch_size=10_000,
                filter="id >= 0",
                output_fields=["id"],
                consistency_level=STRONG,
                timeout=self._timeout,
            )
            try:
                while page := pages.next():
                    found.update(int(row["id"]) for row in page)
            finally:
                pages.close()
        with self._lock:
            return found - self._gone

    def upsert(self, ids: Ids, vectors: Vector) -> None:
        """Store vectors (n, d) under ids (n,), replacing those present; the last of a repeated id wins.

        Raises:
            ValueError: for wrong shapes, negative ids, NaN or infinity. Nothing is stored then.
            IndexUnavailable: some of them may have been stored.
        """
        numbers, rows = check_upsert(ids, vectors, self.dimension)
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH].tolist()
            data = [{"id": i, "vector": row} for i, row in zip(part, rows[start : start + BATCH], strict=True)]
            with self._calling():
                self._client.upsert(self.collection, data, timeout=self._write_timeout)
            with self._lock:
                self._gone.difference_update(part)

    def delete(self, ids: Ids) -> None:
        """Forget ids; unknown ones are no error. A deleted id is never returned again.

        Raises:
            ValueError: if ids are not whole numbers of shape (n,).
            IndexUnavailable: they are not returned here any more, but other processes may still see them.
        """
        numbers = check_ids(ids).tolist()
        with self._lock:
            self._gone.update(numbers)
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH]
            with self._calling():
                self._client.delete(self.collection, ids=part, timeout=self._write_timeout)
            with self._lock:
                self._gone.difference_update(part)

    def search(self, vectors: Vector, k: int, *, only: Ids | None = None) -> tuple[Ids, Vector]:
        """The k best ids for each query; see FaissIndex.search. Milvus gives no more than 16,384 hits.

        Raises:
            ValueError: for wrong shapes, NaN, infinity or k < 1.
        """
        queries = check_search(vectors, k, self.dimension)
        ids, scores = no_hits(len(queries), k)
        wanted = None if only is None else np.unique(check_ids(only))
        filters = [""]
        if wanted is not None:
            parts = [wanted[i : i + IDS_IN_FILTER].tolist() for i in range(0, len(wanted), IDS_IN_FILTER)]
            filters = [f"id in {part}" for part in parts]
        allowed = None if wanted is None else set(wanted.tolist())
        for start in range(0, len(queries), QUERIES):
            batch = queries[start : start + QUERIES]
            answers = [self._ask(batch, k, condition) for condition in filters]
            for row in range(len(batch)):
                # Every hit is checked again, as the one thing that must not go wrong.
                hits = {int(hit["id"]): float(hit["distance"]) for answer in answers for hit in answer[row]}
                with self._lock:
                    good = [i for i in hits if i not in self._gone and (allowed is None or i in allowed)]
                best = sorted(good, key=lambda i: (-hits[i], i))[:k]
                ids[start + row, : len(best)] = best
                scores[start + row, : len(best)] = [hits[i] for i in best]
        return ids, scores

    def _ask(self, queries: Vector, k: int, condition: str) -> Any:
        limit = min(k, MOST_HITS)
        with self._calling():
            return self._client.search(
                self.collection,
                list(queries),
                filter=condition,
                limit=limit,
                output_fields=["id"],
                search_params={"metric_type": "IP", "params": {"ef": min(max(2 * limit, 256), 32_768)}},
                consistency_level=STRONG,
                timeout=self._timeout,
            )

    # -- where the feeder stands --

    def save(self, path: Path, sequence: int) -> None:
        """Record that the collection is current up to `sequence`. Milvus keeps the vectors: no file is written."""
        del path
        row = {"id": self.collection, "sequence": int(sequence), "vector": [0.0, 1.0]}
        with self._calling():
            self._client.upsert(SEQUENCES, [row], timeout=self._write_timeout)

    def sequence(self) -> int:
        """The number in the change feed up to which the collection is current; 0 for a new one."""
        with self._calling():
            rows = self._client.query(
                SEQUENCES,
                filter=f'id == "{self.collection}"',
                output_fields=["sequence"],
                consistency_level=STRONG,
                timeout=self._timeout,
            )
        return int(rows[0]["sequence"]) if rows else 0

    def drop_other_models(self) -> list[str]:
        """Drop what earlier models have left of this index, so that no withdrawn text lives on in it; returns names."""
        with self._calling():
            names = self._client.list_collections(timeout=self._timeout)
            pattern = re.compile(re.escape(self._stem) + "[0-9a-f]{16}")
            old = [name for name in names if pattern.fullmatch(name) and name != self.collection]
            for name in old:
                self._client.delete(SEQUENCES, ids=[name], timeout=self._write_timeout)
                self._client.drop_collection(name, timeout=OPENING)
        return old

    def clear(self) -> None:
        """Drop this collection and start an empty one at sequence 0."""
        with self._calling():
            self._client.delete(SEQUENCES, ids=[self.collection], timeout=self._write_timeout)
            self._client.drop_collection(self.collection, timeout=OPENING)
            self._open()
        with self._lock:
            self._gone.clear()

    def close(self) -> None:
        """End the connection."""
        self._client.close()
