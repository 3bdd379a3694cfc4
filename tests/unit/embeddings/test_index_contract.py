"""What every vector index promises, on each of them, with brute force as the truth.

Milvus is milvus-lite in a temporary folder; with YIQIAO_TEST_MILVUS=milvus://host:19530 a real server besides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from embeddings.index import FaissIndex, MilvusIndex, open_index
from embeddings.types import Ids, Vector, VectorIndex

D = 16
MODEL = "model-a"
Index = FaissIndex | MilvusIndex
SERVER = os.environ.get("YIQIAO_TEST_MILVUS")


@dataclass
class Truth:
    """Brute force: every vector by its id."""

    rows: dict[int, Vector] = field(default_factory=dict)

    def products(self, query: Vector) -> dict[int, float]:
        return {number: float(query @ row) for number, row in self.rows.items()}

    def best(self, query: Vector, k: int, only: Ids | None = None) -> list[int]:
        products = self.products(query)
        numbers = products if only is None else set(only.tolist()) & set(products)
        return sorted(numbers, key=lambda number: -products[number])[:k]


@dataclass(frozen=True)
class Kind:
    """One implementation, how near its scores are to inner products, and what it may miss."""

    make: Callable[[], Index]
    tolerance: float
    recall: float


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One milvus-lite for the whole module, as a url: it takes a second to start."""
    pytest.importorskip("milvus_lite")
    path = tmp_path_factory.mktemp("milvus") / "lite.db"
    yield f"milvus+file://{path}"
    _stop_lite(path)


def _stop_lite(path: Path) -> None:
    from importlib import import_module

    import_module("milvus_lite.server_manager").server_manager_instance.release_server(str(path))


@pytest.fixture(params=["flat", "compressed", "milvus-lite", "milvus-server"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    made: list[Index] = []

    def remember(index: Index) -> Index:
        made.append(index)
        return index

    name = f"test_{uuid4().hex}"
    if request.param == "flat":
        yield Kind(lambda: FaissIndex(D, MODEL), 1e-5, 1.0)
    elif request.param == "compressed":
        yield Kind(lambda: remember(FaissIndex(D, MODEL, compress_above=64, background=False)), 0.02, 0.95)
    else:
        if request.param == "milvus-server" and SERVER is None:
            pytest.skip("YIQIAO_TEST_MILVUS names no server")
        url = SERVER if request.param == "milvus-server" else request.getfixturevalue("lite")
        yield Kind(lambda: remember(open_index(url, name=name, dimension=D, model=MODEL)), 1e-4, 0.98)
    for index in made:
        if isinstance(index, MilvusIndex):
            index.clear()
        index.close()


@pytest.fixture
def index(kind: Kind) -> Index:
    return kind.make()


def vectors(n: int, seed: int = 0) -> Vector:
    rows = np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)
    unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def ids(*numbers: int) -> Ids:
    return np.array(numbers, dtype=np.int64)


def filled(kind: Kind, n: int = 300, seed: int = 0) -> tuple[Index, Truth]:
    index, truth = kind.make(), Truth()
    rows = vectors(n, seed)
    numbers = np.arange(n, dtype=np.int64) * 3 + 1
    index.upsert(numbers, rows)
    truth.rows.update(zip(numbers.tolist(), rows, strict=True))
    return index, truth


def check(kind: Kind, index: Index, truth: Truth, queries: Vector, k: int, only: Ids | None = None) -> None:
    """Every row: no hit that is not there, none twice, true scores, best first, padded at its end, little missed."""
    found, scores = index.search(queries, k, only=only)
    assert found.shape == scores.shape == (len(queries), k)
    assert found.dtype == np.int64 and scores.dtype == np.float32
    shares = []
    for query, numbers, values in zip(queries, found.tolist(), scores, strict=True):
        expected = truth.best(query, k, only)
        hits = numbers[: len(expected)]
        assert numbers[len(expected) :] == [-1] * (k - len(expected))
        assert np.isneginf(values[len(expected) :]).all()
        assert len(set(hits)) == len(hits) and set(hits) <= set(truth.rows)
        assert only is None or set(hits) <= set(only.tolist())
        products = truth.products(query)
        np.testing.assert_allclose(values[: len(hits)], [products[i] for i in hits], atol=kind.tolerance)
        assert (np.diff(values[: len(hits)]) <= 1e-6).all()
        # Hits that are as good as the last expected one, to within the error of the scores, are no miss.
        enough = min((products[i] for i in expected), default=0.0) - kind.tolerance
        shares.append(sum(products[i] >= enough for i in hits) / len(expected) if expected else 1.0)
    assert np.mean(shares) >= kind.recall


def test_empty(index: Index) -> None:
    assert isinstance(index, VectorIndex)
    assert len(index) == 0 and index.ids() == set()
    found, scores = index.search(vectors(2), 3)
    assert found.tolist() == [[-1] * 3] * 2 and np.isneginf(scores).all()
    assert index.search(np.empty((0, D), dtype=np.float32), 3)[0].shape == (0, 3)
    index.upsert(ids(), np.empty((0, D), dtype=np.float32))
    index.delete(ids(1, 2))
    assert len(index) == 0


def test_search_against_brute_force(kind: Kind) -> None:
    index, truth = filled(kind)
    assert len(index) == 300 and index.ids() == set(truth.rows)
    for k in (1, 10, 299, 310):
        check(kind, index, truth, vectors(8, seed=1), k)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_changes(kind: Kind, seed: int) -> None:
    """Stored, replaced and deleted in any order; after each change the index is what the truth is."""
    rng = np.random.default_rng(seed)
    index, truth = filled(kind, 120, seed)
    for step in range(25):
        numbers = rng.integers(0, 500, rng.integers(1, 40))
        if rng.random() < 0.6:
            rows = vectors(len(numbers), seed=1000 * seed + step)
            index.upsert(numbers, rows)
            truth.rows.update(zip(numbers.tolist(), rows, strict=True))
        else:
            index.delete(numbers)
            for number in numbers.tolist():
                truth.rows.pop(number, None)
        check(kind, index, truth, vectors(12, seed=step), int(rng.integers(1, 30)))
    assert len(index) == len(truth.rows) and index.ids() == set(truth.rows)


def test_deleted_never_returns(kind: Kind) -> None:
    """Also not by asking for more than are left, nor among the ids asked for, until it is stored again."""
    index, truth = filled(kind)
    query = vectors(1, seed=5)
    for _round in range(5):
        best = truth.best(query[0], 20)
        index.delete(np.array(best, dtype=np.int64))
        for number in best:
            del truth.rows[number]
        for k in (20, 400):
            assert not set(index.search(query, k)[0][0].tolist()) & set(best)
        assert (index.search(query, 20, only=np.array(best, dtype=np.int64))[0] == -1).all()
        check(kind, index, truth, query, 20)
    index.upsert(ids(best[0]), query)
    assert index.search(query, 1)[0].tolist() == [[best[0]]]


def test_everything_deleted_and_filled_again(kind: Kind) -> None:
    index, truth = filled(kind)
    index.delete(np.array(sorted(truth.rows), dtype=np.int64))
    assert len(index) == 0 and (index.search(vectors(1), 5)[0] == -1).all()
    index.upsert(ids(4, 5), vectors(2))
    assert sorted(index.search(vectors(1), 5)[0][0].tolist()) == [-1, -1, -1, 4, 5]


def test_replaced_and_repeated(kind: Kind) -> None:
    index, truth = filled(kind)
    rows = vectors(3, seed=9)
    index.upsert(ids(1, 4, 1), rows)
    truth.rows.update({4: rows[1], 1: rows[2]})
    assert len(index) == 300
    check(kind, index, truth, rows, 300)


def test_only(kind: Kind) -> None:
    index, truth = filled(kind, 3000)
    queries = vectors(4, seed=2)
    everything = sorted(truth.rows)
    for part in (everything[::100], everything[::2], everything[:2500], [2, 3], [], [*everything[:5], 10**12]):
        check(kind, index, truth, queries, 20, only=np.array(part, dtype=np.int64))


@pytest.mark.parametrize(
    ("numbers", "rows", "message"),
    [
        (ids(1), np.full((1, D), np.nan, dtype=np.float32), "NaN"),
        (ids(1), np.zeros((1, D + 1), dtype=np.float32), "shape"),
        (ids(1, 2), np.zeros((1, D), dtype=np.float32), "2 ids for 1"),
        (ids(-1), np.zeros((1, D), dtype=np.float32), "negative"),
        (np.array([1.5]), np.zeros((1, D), dtype=np.float32), "whole"),
        (np.array([2**63], dtype=np.uint64), np.zeros((1, D), dtype=np.float32), "63 bits"),
    ],
)
def test_wrong_input_changes_nothing(index: Index, numbers: Any, rows: Vector, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        index.upsert(numbers, rows)
    assert len(index) == 0


def test_wrong_searches(index: Index) -> None:
    for rows, k, only, message in (
        (vectors(1), 0, None, "k must"),
        (vectors(1)[:, :3], 1, None, "shape"),
        (vectors(1) * np.nan, 1, None, "NaN"),
        (vectors(1), 1, np.array([0.5]), "whole"),
    ):
        with pytest.raises(ValueError, match=message):
            index.search(rows, k, only=only)
