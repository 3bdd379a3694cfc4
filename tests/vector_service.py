"""A vector service in memory in place of Milvus, which a test may switch off."""

from pathlib import Path

from embeddings.index import FaissIndex, IndexUnavailable
from embeddings.types import Ids, Vector

URL = "milvus://localhost:19530"


class Stand:
    """Vectors of one side as a service keeps them; none of its methods answers while the service is off."""

    def __init__(self, service: "Service", index: FaissIndex) -> None:
        self._service, self._index, self._fed = service, index, 0

    def _asked(self) -> FaissIndex:
        if not self._service.is_on:
            raise IndexUnavailable("switched off")
        return self._index

    def __len__(self) -> int:
        """Number of vectors stored."""
        return len(self._asked())

    def search(self, vectors: Vector, k: int, *, only: Ids | None = None) -> tuple[Ids, Vector]:
        """As MilvusIndex.search."""
        return self._asked().search(vectors, k, only=only)

    def upsert(self, ids: Ids, vectors: Vector) -> None:
        """As MilvusIndex.upsert."""
        self._asked().upsert(ids, vectors)

    def delete(self, ids: Ids) -> None:
        """As MilvusIndex.delete."""
        self._asked().delete(ids)

    def clear(self) -> None:
        """Forget everything."""
        self._asked()
        self._index, self._fed = FaissIndex(self._index.dimension, self._index.model), 0

    def sequence(self) -> int:
        """The change up to which it has been fed."""
        self._asked()
        return self._fed

    def save(self, _path: Path, sequence: int) -> None:
        """Take note of the change."""
        self._asked()
        self._fed = sequence

    def close(self) -> None:
        """Nothing is held open."""


class Service:
    """A vector service in memory, which a test may switch off."""

    def __init__(self) -> None:
        self.is_on = True
        self.kept: dict[str, Stand] = {}

    def __call__(self, url: str | None, *, name: str, dimension: int, model: str) -> Stand:
        """As open_index."""
        if not self.is_on:
            raise IndexUnavailable("switched off")
        return self.kept.setdefault(name, Stand(self, FaissIndex(dimension, model)))
