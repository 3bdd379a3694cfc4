"""Vector indexes. `FaissIndex` is reached lazily, so that importing this package does not import faiss."""

from embeddings.index.base import HEADER_FORMAT, IndexHeader, pack, unpack

__all__ = ["HEADER_FORMAT", "IndexHeader", "pack", "unpack"]
