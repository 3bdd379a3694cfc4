"""The search engine as the settings want it."""

from collections.abc import Callable

from backend.config import Settings
from backend.db import Database
from backend.matching import remote, vocabulary
from backend.matching.index_sync import SearchEngine
from embeddings.encoder import load_encoder
from embeddings.types import Encoder


def open_encoder(
    settings: Settings, progress: Callable[[str, float], None] | None = None, model: str | None = None
) -> Encoder:
    """The encoder of the settings, or another one with the prompts of its own; raises EncoderUnavailable."""
    return load_encoder(
        model or settings.model,
        settings.models_dir,
        query_prompt=None if model else settings.query_prompt,
        passage_prompt=None if model else settings.passage_prompt,
        backend=settings.encoder_backend,
        progress=progress,
    )


def make_engine(
    settings: Settings, database: Database, progress: Callable[[str, float], None] | None = None
) -> SearchEngine:
    """An engine whose encoder is loaded on first use; `progress` hears (message, fraction) while weights are built.

    Raises ValueError for an index that nobody knows, and for a vocabulary that cannot be used.
    """
    vocabulary.use(settings.vocabulary)
    index = settings.index or None
    remote.check_address(index)

    def load() -> Encoder:
        return open_encoder(settings, progress)

    return SearchEngine(
        database,
        settings.index_dir,
        load,
        retry_seconds=settings.model_retry_seconds,
        index=index,
        imports=settings.worker == "inside",
    )
