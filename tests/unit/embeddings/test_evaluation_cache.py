"""Vectors kept between two runs of an evaluation."""

from pathlib import Path

import numpy as np
import pytest

from embeddings.evaluation.cache import CachedEncoder
from tests.fakes import FakeEncoder


def test_nothing_is_encoded_twice(tmp_path: Path) -> None:
    fake = FakeEncoder()
    first = CachedEncoder(fake, tmp_path / "kept")
    vectors = first.encode_passages(["针", "球囊", "针"])
    assert (vectors == FakeEncoder().encode_passages(["针", "球囊", "针"])).all()
    assert fake.encoded == ["针", "球囊"]
    first.encode_passages(["球囊"])
    first.save()
    second = CachedEncoder(fake, tmp_path / "kept")
    assert (second.encode_passages(["针", "球囊", "支架"]) == fake.encode_passages(["针", "球囊", "支架"])).all()
    assert fake.encoded == ["针", "球囊", "支架", "针", "球囊", "支架"]
    assert (second.name, second.dimension) == (fake.name, fake.dimension)


def test_queries_and_passages_and_encoders_are_kept_apart(tmp_path: Path) -> None:
    class TwoSided(FakeEncoder):
        def encode_queries(self, texts: object) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            return -super().encode_queries(list(texts))  # type: ignore[call-overload]

    kept = CachedEncoder(TwoSided(), tmp_path)
    assert (kept.encode_passages(["针"]) == -kept.encode_queries(["针"])).all()
    kept.save()
    other = FakeEncoder("other")
    CachedEncoder(other, tmp_path).encode_passages(["针"])
    assert other.encoded == ["针"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_left_aside_and_renewed(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = CachedEncoder(FakeEncoder(), tmp_path)
    kept.encode_passages(["针"])
    kept.save()
    path = next(tmp_path.iterdir())
    path.write_bytes(content)
    fake = FakeEncoder()
    again = CachedEncoder(fake, tmp_path)
    again.encode_passages(["针"])
    again.save()
    assert fake.encoded == ["针"] and "computed again" in caplog.text
    assert list(tmp_path.iterdir()) == [path]
    third = FakeEncoder()
    CachedEncoder(third, tmp_path).encode_passages(["针"])
    assert third.encoded == []


def test_without_a_folder_and_without_texts(tmp_path: Path) -> None:
    kept = CachedEncoder(FakeEncoder())
    assert kept.encode_queries([]).shape == (0, 96)
    kept.encode_queries(["针"])
    kept.save()
    assert list(tmp_path.iterdir()) == []
