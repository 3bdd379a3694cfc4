"""MilvusIndex: several processes on one collection, the feeder's place, other models, a service that is not there."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from embeddings.index import FaissIndex, IndexUnavailable, MilvusIndex, open_index
from embeddings.types import EmbeddingsError, IndexMismatch, Vector

D = 8
PATH = Path("unused")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("milvus_lite")
    path = tmp_path_factory.mktemp("milvus") / "lite.db"
    yield f"milvus+file://{path}"
    import_module("milvus_lite.server_manager").server_manager_instance.release_server(str(path))


def open_milvus(url: str, name: str, model: str = "m") -> MilvusIndex:
    index = open_index(url, name=name, dimension=D, model=model)
    assert isinstance(index, MilvusIndex)
    return index


def rows(n: int, seed: int = 0) -> Vector:
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


def test_two_processes_see_each_others_changes_at_once(url: str) -> None:
    feeder, web = open_milvus(url, "shared"), open_milvus(url, "shared")
    feeder.upsert(np.arange(50), rows(50))
    assert len(web) == 50 and web.ids() == set(range(50))
    for number in range(0, 50, 7):
        feeder.delete(np.array([number]))
        assert number not in web.search(rows(1), 50)[0]
    web.delete(np.array([1]))
    feeder.upsert(np.array([1]), rows(1, seed=3))
    assert 1 in web.search(rows(1), 50)[0]


def test_the_sequence_is_kept_for_the_next_process(url: str) -> None:
    index = open_milvus(url, "fed")
    assert index.sequence() == 0
    index.save(PATH, 17)
    index.save(PATH, 23)
    again = open_milvus(url, "fed")
    assert again.sequence() == 23 and not PATH.exists()
    assert open_milvus(url, "fed", model="other").sequence() == 0
    assert open_milvus(url, "another").sequence() == 0


def test_clear(url: str) -> None:
    index = open_milvus(url, "cleared")
    index.upsert(np.arange(5), rows(5))
    index.save(PATH, 9)
    index.clear()
    assert len(index) == 0 and index.sequence() == 0
    index.upsert(np.arange(2), rows(2))
    assert len(index) == 2


def test_nothing_is_left_of_other_models(url: str) -> None:
    old, new = open_milvus(url, "renewed", "old"), open_milvus(url, "renewed", "new")
    neighbour = open_milvus(url, "renewed_2", "old")
    old.upsert(np.arange(3), rows(3))
    old.save(PATH, 3)
    new.upsert(np.arange(2), rows(2))
    assert new.drop_other_models() == [old.collection]
    assert new.drop_other_models() == []
    assert len(new) == 2 and len(neighbour) == 0
    reopened = open_milvus(url, "renewed", "old")
    assert len(reopened) == 0 and reopened.sequence() == 0


def test_a_lite_folder_is_for_its_owner_alone(url: str) -> None:
    open_milvus(url, "private")
    assert Path(url.removeprefix("milvus+file://")).stat().st_mode & 0o077 == 0


def test_a_collection_of_another_length_is_a_mismatch(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    index = open_milvus(url, "length")
    client = index._client
    client.drop_collection(index.collection)
    client.create_collection(index.collection, dimension=D + 1, metric_type="IP")
    with pytest.raises(IndexMismatch, match=r"^dimension: "):
        open_milvus(url, "length")
    client.drop_collection(index.collection)


def test_no_service_is_told_soon() -> None:
    pytest.importorskip("pymilvus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(IndexUnavailable):
            open_index(f"milvus://127.0.0.1:{port}", name="x", dimension=D, model="m")
    assert time.monotonic() - start < 10
    assert issubclass(IndexUnavailable, EmbeddingsError)


def test_a_service_that_goes_away_is_told_soon(tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite")
    path = tmp_path / "lite.db"
    index = MilvusIndex(str(path), name="gone", dimension=D, model="m", timeout=2, write_timeout=2)
    index.upsert(np.arange(5), rows(5))
    import_module("milvus_lite.server_manager").server_manager_instance.release_server(str(path))
    for call in (
        lambda: index.search(rows(1), 3),
        lambda: index.upsert(np.arange(2), rows(2)),
        lambda: index.delete(np.arange(2)),
        lambda: len(index),
        index.ids,
        index.sequence,
    ):
        start = time.monotonic()
        with pytest.raises(IndexUnavailable):
            call()
        assert time.monotonic() - start < 10
    index.close()


def test_without_pymilvus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(IndexUnavailable, match=r"yiqiao\[milvus\]"):
        open_index("milvus://localhost", name="x", dimension=D, model="m")


def test_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def record(self: MilvusIndex, uri: str, *, name: str, dimension: int, model: str, token: str = "") -> None:
        asked.append((uri, token))

    monkeypatch.setattr(MilvusIndex, "__init__", record)
    for good in (
        "milvus://host",
        "milvus://host:1/",
        "milvus+https://us%40er:p%3Aw@host",
        "milvus://[::1]:5",
        "milvus+file:///a%20b/c.db",
    ):
        open_index(good, name="x", dimension=D, model="m")
    assert asked == [
        ("http://host:19530", ""),
        ("http://host:1", ""),
        ("https://host:19530", "us@er:p:w"),
        ("http://[::1]:5", ""),
        ("/a b/c.db", ""),
    ]
    for bad in ("", "redis://host", "milvus://", "milvus+file://host/a.db", "milvus+file:///a", "milvus://host/path"):
        with pytest.raises(ValueError, match="an index is"):
            open_index(bad, name="x", dimension=D, model="m")
    with pytest.raises(ValueError, match="an index is") as caught:
        open_index("mailto://user:secret@host", name="x", dimension=D, model="m")
    assert "secret" not in str(caught.value)
    assert isinstance(open_index(None, name="x", dimension=D, model="m"), FaissIndex)
    assert isinstance(open_index("faiss", name="x", dimension=D, model="m"), FaissIndex)


def test_wrong_names() -> None:
    for name in ("", "a-b", "a/b", "需求"):
        with pytest.raises(ValueError, match="letters"):
            MilvusIndex("http://localhost", name=name, dimension=D, model="m")
    with pytest.raises(ValueError, match="dimension"):
        MilvusIndex("http://localhost", name="x", dimension=0, model="m")
