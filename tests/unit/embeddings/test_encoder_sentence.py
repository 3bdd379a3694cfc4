"""What an encoder does whatever computes its vectors: duplicates, order, the cache of queries, and who goes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from embeddings import SentenceEncoder
from embeddings.backends import sentence
from embeddings.backends.cache import QueryCache
from embeddings.backends.model import Batch
from embeddings.backends.turns import Turns
from embeddings.types import Vector


class LengthModel:
    """A Model whose vectors hold the length of the text; batches of two."""

    dimension = 3

    def __init__(self, workers: int = 1, before: Callable[[Sequence[str]], None] | None = None) -> None:
        self.workers = workers
        self.asked: list[list[str]] = []
        self.cut: list[int] = []
        self._before = before

    def batches(self, texts: Sequence[str], prompt: str) -> Iterator[Batch]:
        self.cut.append(len(texts))
        for start in range(0, len(texts), 2):
            rows = range(start, min(start + 2, len(texts)))
            some = [prompt + texts[row] for row in rows]
            yield Batch(rows, lambda some=some: self._compute(some))  # type: ignore[misc]

    def _compute(self, texts: list[str]) -> Vector:
        if self._before is not None:
            self._before(texts)
        self.asked.append(texts)
        return np.array([[len(text), 1, 0] for text in texts], dtype=np.float32)


def make(model: LengthModel) -> SentenceEncoder:
    return SentenceEncoder(model, "m", "q: ", "p: ")


def test_prompts_and_duplicates() -> None:
    model = LengthModel()
    encoder = make(model)
    rows = encoder.encode_queries(["a", "bb", "a"])
    assert model.asked == [["q: bb", "q: a"]]
    assert rows.dtype == np.float32 and rows[:, 0].tolist() == [4.0, 5.0, 4.0]
    encoder.encode_passages(["a"])
    assert model.asked[-1] == ["p: a"]
    assert encoder.prompts == ("q: ", "p: ") and encoder.name == "m" and encoder.dimension == 3


def test_no_texts_ask_no_model() -> None:
    model = LengthModel()
    assert make(model).encode_queries([]).shape == (0, 3)
    assert make(model).encode_passages([]).shape == (0, 3)
    assert model.asked == []


def test_one_text_is_no_list() -> None:
    for encode in (make(LengthModel()).encode_queries, make(LengthModel()).encode_passages):
        with pytest.raises(TypeError, match="not one text"):
            encode("text")


def test_a_query_is_computed_once() -> None:
    model = LengthModel()
    encoder = make(model)
    first = encoder.encode_queries(["a", "bbb"])
    first[:] = 7.0  # What a caller does to its rows stays with the caller.
    again = encoder.encode_queries(["cc", "a", "bbb"])
    assert again[:, 0].tolist() == [5.0, 4.0, 6.0]
    assert [text for texts in model.asked for text in texts] == ["q: bbb", "q: a", "q: cc"]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_import_is_cut_up_and_put_together(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence, "CHUNK", 10)
    model = LengthModel(workers)
    texts = ["x" * (number * 7 % 29) for number in range(29)]
    shares: list[float] = []
    rows = make(model).encode_passages(texts, progress=shares.append)
    assert rows[:, 0].tolist() == [len(text) + 3 for text in texts]
    assert model.cut == [10, 10, 9]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) == 15


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_model_reaches_the_caller_and_leaves_no_lock(workers: int) -> None:
    broken = [True]

    def fail(texts: Sequence[str]) -> None:
        if broken[0]:
            raise MemoryError

    encoder = make(LengthModel(workers, fail))
    with pytest.raises(MemoryError):
        encoder.encode_passages(["a", "b", "c", "d", "e"])
    broken[0] = False
    assert encoder.encode_queries(["a"]).shape == (1, 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_query_does_not_wait_for_the_end_of_an_import(workers: int) -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(texts: Sequence[str]) -> None:
        if texts[0].startswith("p: "):
            started.set()
            assert go_on.wait(20)

    model = LengthModel(workers, wait)
    encoder = make(model)
    with ThreadPoolExecutor(2) as pool:
        imported = pool.submit(encoder.encode_passages, [f"{number:02}" for number in range(20)])
        assert started.wait(20)
        asked = pool.submit(encoder.encode_queries, ["?"])
        while encoder._turns._urgent_waiting == 0 and not asked.done():
            threading.Event().wait(0.001)
        go_on.set()
        assert asked.result(20).shape == (1, 3)
        assert imported.result(20).shape == (20, 3)
    assert model.asked.index(["q: ?"]) <= workers


def test_no_more_than_the_slots_at_once() -> None:
    turns, busy, most = Turns(2), [0], [0]
    lock = threading.Lock()

    def work(number: int) -> None:
        with turns.turn(urgent=number % 3 == 0):
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            threading.Event().wait(0.002)
            with lock:
                busy[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(60)))
    assert most == [2] and busy == [0]


def test_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = QueryCache(2)
    for text in ("a", "b"):
        cache.put(text, np.full(3, ord(text), dtype=np.float32))
    assert cache.get("a") is not None
    cache.put("c", np.zeros(3, dtype=np.float32))
    assert len(cache) == 2
    assert cache.get("b") is None
    kept = cache.get("a")
    assert kept is not None and kept.tolist() == [97.0] * 3
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1.0


def test_cache_keeps_no_text() -> None:
    cache = QueryCache()
    secret = "患者张三的病历\ud800"
    cache.put(secret, np.zeros(3, dtype=np.float32))
    assert cache.get(secret) is not None
    assert all(len(key) == 32 for key in cache._vectors)
