"""Vector indexes by configuration. faiss and pymilvus are imported only where they are used."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from embeddings.index.base import HEADER_FORMAT, IndexHeader, IndexUnavailable, pack, unpack
from embeddings.index.faiss import FaissIndex
from embeddings.index.milvus import MilvusIndex

__all__ = [
    "HEADER_FORMAT",
    "FaissIndex",
    "IndexHeader",
    "IndexUnavailable",
    "MilvusIndex",
    "open_index",
    "pack",
    "unpack",
]

_MILVUS = {"milvus": "http", "milvus+http": "http", "milvus+https": "https"}
_PORT = 19530


def open_index(url: str | None, *, name: str, dimension: int, model: str) -> FaissIndex | MilvusIndex:
    """The vector index that a configuration asks for.

    Args:
        url: None or "faiss" for an empty index in memory; "milvus://host:19530", "milvus+https://user:password@host",
            or "milvus+file:///path/of/lite.db" for milvus-lite.
        name: of the index, letters, digits and _; one service holds several.
        dimension: length of the vectors.
        model: `Encoder.name` of the vectors.

    Raises:
        ValueError: for another url.
        IndexUnavailable: if Milvus is wanted and cannot be reached, or pymilvus is not installed.
        IndexMismatch: if Milvus holds vectors of another length under that name and model.
    """
    if url is None or url == "faiss":
        return FaissIndex(dimension, model)
    parts = urlsplit(url)
    if parts.scheme == "milvus+file" and not parts.netloc and parts.path.endswith(".db"):
        return MilvusIndex(unquote(parts.path), name=name, dimension=dimension, model=model)
    if parts.scheme in _MILVUS and parts.hostname and parts.path in ("", "/"):
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        token = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        uri = f"{_MILVUS[parts.scheme]}://{host}:{parts.port or _PORT}"
        return MilvusIndex(uri, name=name, dimension=dimension, model=model, token=token)
    # The url itself is not repeated: it may hold a password.
    raise ValueError(
        "an index is 'faiss', 'milvus://host:19530', 'milvus+https://user:password@host' "
        f"or 'milvus+file:///path.db', not one with the scheme {parts.scheme!r}"
    )
