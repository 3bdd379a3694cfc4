"""FaissIndex: exactness, deletion, files, threads."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.index.base import MAGIC, pack, unpack
from embeddings.index.faiss import FaissIndex
from embeddings.index.structures import library
from embeddings.types import Ids, IndexMismatch, Vector, VectorIndex

D = 16


def vectors(n: int, seed: int = 0) -> Vector:
    rows = np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)
    unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def ids(*numbers: int) -> Ids:
    return np.array(numbers, dtype=np.int64)


@pytest.fixture
def index() -> FaissIndex:
    filled = FaissIndex(D, "model-a")
    filled.upsert(np.arange(100, 150, dtype=np.int64), vectors(50))
    return filled


def test_is_a_vector_index(index: FaissIndex) -> None:
    assert isinstance(index, VectorIndex)
    assert len(index) == 50
    assert index.ids() == set(range(100, 150))


def test_equals_brute_force(index: FaissIndex) -> None:
    queries = vectors(20, seed=1)
    products = queries @ vectors(50).T
    expected = np.argsort(-products, axis=1)[:, :10]
    found, scores = index.search(queries, 10)
    assert found.dtype == np.int64 and scores.dtype == np.float32
    np.testing.assert_array_equal(found, expected + 100)
    np.testing.assert_allclose(scores, np.take_along_axis(products, expected, axis=1), atol=1e-5)


def test_empty_index_and_padding() -> None:
    index = FaissIndex(D, "m")
    found, scores = index.search(vectors(2), 3)
    assert found.tolist() == [[-1] * 3] * 2
    assert np.isneginf(scores).all()
    index.upsert(ids(7), vectors(1))
    found, scores = index.search(vectors(1), 3)
    assert found.tolist() == [[7, -1, -1]]
    assert np.isneginf(scores[0, 1:]).all()
    assert index.search(np.empty((0, D), dtype=np.float32), 3)[0].shape == (0, 3)


def test_upsert_replaces(index: FaissIndex) -> None:
    new = vectors(1, seed=9)
    index.upsert(ids(110), new)
    assert len(index) == 50
    found, scores = index.search(new, 1)
    assert found.tolist() == [[110]] and scores[0, 0] == pytest.approx(1.0, abs=1e-5)
    everything, _ = index.search(new, 60)
    assert sorted(everything[0].tolist()) == [-1] * 10 + list(range(100, 150))


def test_last_of_a_repeated_id_wins() -> None:
    index = FaissIndex(D, "m")
    rows = vectors(3)
    index.upsert(ids(1, 2, 1), rows)
    assert len(index) == 2
    assert index.search(rows[2:], 1)[1][0, 0] == pytest.approx(1.0, abs=1e-5)
    assert index.search(rows[:1], 1)[1][0, 0] < 0.99


def test_deleted_is_never_returned(index: FaissIndex) -> None:
    gone = ids(*range(100, 150, 3))
    index.delete(gone)
    index.delete(ids(100, 5, 99999))
    index.delete(ids())
    assert len(index) == 50 - len(gone)
    found, _ = index.search(vectors(50), 50)
    assert not np.isin(found, gone).any()
    index.upsert(ids(100), vectors(1))
    assert index.search(vectors(1), 1)[0].tolist() == [[100]]


@pytest.mark.parametrize(
    ("numbers", "rows", "message"),
    [
        (ids(1), np.full((1, D), np.nan, dtype=np.float32), "NaN"),
        (ids(1), np.full((1, D), np.inf, dtype=np.float32), "infinity"),
        (ids(1), np.zeros((1, D + 1), dtype=np.float32), "shape"),
        (ids(1), np.zeros(D, dtype=np.float32), "shape"),
        (ids(1, 2), np.zeros((1, D), dtype=np.float32), "2 ids for 1"),
        (ids(), np.zeros((1, D), dtype=np.float32), "0 ids for 1"),
        (ids(-1), np.zeros((1, D), dtype=np.float32), "negative"),
        (np.array([1.5]), np.zeros((1, D), dtype=np.float32), "whole"),
        (np.array([[1]]), np.zeros((1, D), dtype=np.float32), "shape"),
    ],
)
def test_wrong_input_changes_nothing(index: FaissIndex, numbers: Any, rows: Vector, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        index.upsert(numbers, rows)
    assert index.ids() == set(range(100, 150))


def test_wrong_searches(index: FaissIndex) -> None:
    with pytest.raises(ValueError, match="k must"):
        index.search(vectors(1), 0)
    with pytest.raises(ValueError, match="shape"):
        index.search(np.zeros((1, 3), dtype=np.float32), 1)
    with pytest.raises(ValueError, match="NaN"):
        index.search(np.full((1, D), np.nan, dtype=np.float32), 1)
    with pytest.raises(ValueError, match="dimension"):
        FaissIndex(0, "m")


def test_empty_upsert_is_no_change(index: FaissIndex) -> None:
    index.upsert(ids(), np.empty((0, D), dtype=np.float32))
    assert len(index) == 50


def test_round_trip(index: FaissIndex, tmp_path: Path) -> None:
    path = tmp_path / "below" / "teaser.index"
    index.delete(ids(100))
    index.save(path, 42)
    assert path.stat().st_mode & 0o077 == 0, "a vector is as secret as its text"
    loaded, sequence = FaissIndex.load(path, model="model-a", dimension=D)
    assert sequence == 42 and len(loaded) == 49 and loaded.ids() == index.ids()
    queries = vectors(5, seed=3)
    for mine, theirs in zip(index.search(queries, 7), loaded.search(queries, 7), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    loaded.upsert(ids(101, 500), vectors(2, seed=4))
    loaded.delete(ids(102))
    assert len(loaded) == 49
    assert [entry.name for entry in path.parent.iterdir()] == ["teaser.index"]


def test_save_replaces_and_empty_round_trip(index: FaissIndex, tmp_path: Path) -> None:
    path = tmp_path / "i"
    index.save(path, 1)
    FaissIndex(D, "model-a").save(path, 2)
    loaded, sequence = FaissIndex.load(path, model="model-a", dimension=D)
    assert (len(loaded), sequence) == (0, 2)


def test_failed_save_leaves_the_old_file(index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "i"
    index.save(path, 1)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        index.save(path, 2)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["i"]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FaissIndex.load(tmp_path / "none", model="m", dimension=D)


@pytest.mark.parametrize(
    ("model", "dimension", "reason"), [("model-b", D, "model"), ("model-a", D + 1, "dimension"), ("", D, "model")]
)
def test_other_model_or_dimension(index: FaissIndex, tmp_path: Path, model: str, dimension: int, reason: str) -> None:
    index.save(tmp_path / "i", 1)
    with pytest.raises(IndexMismatch, match=f"^{reason}: ") as caught:
        FaissIndex.load(tmp_path / "i", model=model, dimension=dimension)
    assert caught.value.reason == reason


def _rewrite_header(path: Path, **changes: object) -> None:
    """Give a saved file another header with a valid header digest."""
    import hashlib

    raw = path.read_bytes()
    (length,) = struct.unpack_from(">I", raw, len(MAGIC))
    start = len(MAGIC) + 4
    header = json.loads(raw[start : start + length])
    header.update(changes)
    encoded = json.dumps({key: value for key, value in header.items() if value is not None}).encode()
    payload = raw[start + length + 32 :]
    path.write_bytes(MAGIC + struct.pack(">I", len(encoded)) + encoded + hashlib.sha256(encoded).digest() + payload)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metric": "l2"}, "metric"),
        ({"format": 99}, "format"),
        ({"model": None}, "format"),
        ({"surprise": 1}, "format"),
        ({"sha256": "0" * 64}, "checksum"),
        ({"count": 3}, "checksum"),
    ],
)
def test_other_headers(index: FaissIndex, tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    index.save(tmp_path / "i", 1)
    _rewrite_header(tmp_path / "i", **changes)
    with pytest.raises(IndexMismatch, match=f"^{reason}: "):
        FaissIndex.load(tmp_path / "i", model="model-a", dimension=D)


def test_every_truncation_and_changed_byte_is_noticed(index: FaissIndex, tmp_path: Path) -> None:
    path = tmp_path / "i"
    index.save(path, 1)
    whole = path.read_bytes()
    for length in [0, 1, 7, 8, 11, 12, 40, 200, 300, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(IndexMismatch):
            FaissIndex.load(path, model="model-a", dimension=D)
    for place in [*range(0, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IndexMismatch):
            FaissIndex.load(path, model="model-a", dimension=D)
    path.write_bytes(whole + b"x")
    with pytest.raises(IndexMismatch, match="checksum"):
        FaissIndex.load(path, model="model-a", dimension=D)
    path.write_bytes(b"\x00garbage" * 100)
    with pytest.raises(IndexMismatch, match="format"):
        FaissIndex.load(path, model="model-a", dimension=D)


def test_content_that_is_not_such_an_index(tmp_path: Path) -> None:
    path = tmp_path / "i"

    def wrong(payload: bytes, reason: str, built_for: int = 0) -> None:
        pack(
            path,
            lambda write: write(payload),
            model="m",
            dimension=D,
            count=0,
            sequence=0,
            built_for=built_for,
        )
        with pytest.raises(IndexMismatch, match=f"^{reason}: "):
            FaissIndex.load(path, model="m", dimension=D)

    faiss = library()
    wrong(b"not faiss at all", "format")
    wrong(faiss.serialize_index(faiss.IndexFlatIP(D)).tobytes(), "format")
    wrong(faiss.serialize_index(faiss.IndexIDMap2(faiss.IndexFlatL2(D))).tobytes(), "metric")
    wrong(faiss.serialize_index(faiss.IndexIDMap2(faiss.IndexFlatIP(D * 2))).tobytes(), "dimension")
    wrong(faiss.serialize_index(faiss.IndexIDMap2(faiss.IndexFlatIP(D))).tobytes(), "format", built_for=5)


def test_header_can_be_read_alone(index: FaissIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "i", 5)
    with unpack(tmp_path / "i", model="model-a", dimension=D) as (header, file):
        assert (header.metric, header.count, header.sequence, header.built_for) == ("ip", 50, 5, 0)
        assert file.read(4) == b"IxM2"


def test_a_file_of_the_first_layout_is_rebuilt(index: FaissIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "i", 1)
    _rewrite_header(tmp_path / "i", format=1, built_for=None)
    with pytest.raises(IndexMismatch, match=r"^format: "):
        FaissIndex.load(tmp_path / "i", model="model-a", dimension=D)


def test_searching_while_writing(index: FaissIndex) -> None:
    """Readers see only ids that exist at some time, never a padded row while the index is full, never an error."""
    errors: list[BaseException] = []
    done = threading.Event()
    queries = vectors(4, seed=5)

    def read() -> None:
        try:
            while not done.is_set():
                found, scores = index.search(queries, 10)
                assert ((found >= 100) & (found < 200)).all()
                assert np.isfinite(scores).all()
                assert all(len(set(row)) == 10 for row in found.tolist())
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(60):
        index.upsert(np.arange(120, 170, dtype=np.int64), vectors(50, seed=turn))
        index.delete(np.arange(150, 170, dtype=np.int64))
    done.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert len(index) == 50
