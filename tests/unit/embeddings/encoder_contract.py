"""What every Encoder must do. The real encoder and the fake of the other tests both pass it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from embeddings.types import Encoder, Vector

TEXTS = [
    "房间隔穿刺针无法弯曲，容易向上滑动，可能刺破心脏",
    "可弯曲的房间隔穿刺针，针尖角度可调，防止滑动",
    "医院食堂本周供应红烧肉和白菜豆腐汤",
    "PET-CT 5.0T",
    "a",
    "A much longer English text about a needle for transseptal puncture. " * 12,
]

ODD_TEXTS = [
    "",
    " ",
    "。，！？……",
    "支架",
    "心脏 valve клапан 弁 صمام",
    "🫀🩺👩‍⚕️",
    "针\x00头",
    "\ufeff\u200b导管\r\n\t",
    "经导管主动脉瓣置换术所用的输送系统，外径不大于十四French，可回收。" * 300,
]
"""No text at all, punctuation, one word, five scripts, emoji, NUL and other invisible characters, ten pages."""


def check_encoder_contract(encoder: Encoder) -> None:
    """Assert shape, dtype, unit length, determinism, independence of the batch, and that likeness means closeness."""
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder.name, str) and encoder.name
    assert isinstance(encoder.dimension, int) and encoder.dimension > 0
    for encode in (encoder.encode_queries, encoder.encode_passages):
        _check_rows(encode, encoder.dimension)
    # Prompts may make a query differ from the same passage, but must leave them each other's likely match.
    queries, passages = encoder.encode_queries(TEXTS[:3]), encoder.encode_passages(TEXTS[:3])
    assert np.argmax(queries @ passages.T, axis=1).tolist() == [0, 1, 2]
    similar, unrelated = float(queries[0] @ passages[1]), float(queries[0] @ passages[2])
    assert similar > unrelated, f"similar {similar:.4f}, unrelated {unrelated:.4f}"


def _check_rows(encode: Callable[[Sequence[str]], Vector], dimension: int) -> None:
    rows = encode(TEXTS)
    assert rows.shape == (len(TEXTS), dimension)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)
    np.testing.assert_array_equal(encode(TEXTS), rows)
    alone = np.concatenate([encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, rows, atol=1e-4)
    np.testing.assert_allclose(encode(TEXTS[::-1])[::-1], rows, atol=1e-4)
    twice = encode([TEXTS[0], TEXTS[2], TEXTS[0]])
    np.testing.assert_array_equal(twice[0], twice[2])
    assert not np.allclose(twice[0], twice[1], atol=1e-3)
    empty = encode([])
    assert empty.shape == (0, dimension) and empty.dtype == np.float32
    odd = encode(ODD_TEXTS)
    np.testing.assert_allclose(np.linalg.norm(odd, axis=1), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.concatenate([encode([text]) for text in ODD_TEXTS]), odd, atol=1e-4)
    assert encode(tuple(TEXTS[:2])).shape == (2, dimension)
