"""FaissIndex beyond the exact index: when lists are laid out, what goes on meanwhile, and how they are kept on disk."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.index import FaissIndex, compressed, structures
from embeddings.index.compressed import lists_for, tune
from embeddings.types import Ids, IndexMismatch, Vector

D = 16
LIMIT = 100


def vectors(n: int, seed: int = 0) -> Vector:
    rows = np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)
    unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def numbers(start: int, end: int) -> Ids:
    return np.arange(start, end, dtype=np.int64)


def index_of(n: int, *, background: bool = False) -> FaissIndex:
    index = FaissIndex(D, "m", compress_above=LIMIT, background=background)
    index.upsert(numbers(0, n), vectors(n))
    return index


class Gate:
    """Holds a function up until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        original = getattr(module, name)

        def wait_first(*args: Any, **kwargs: Any) -> Any:
            self.reached.set()
            assert self.open.wait(30)
            return original(*args, **kwargs)

        monkeypatch.setattr(module, name, wait_first)


def best(index: FaissIndex, query: Vector) -> int:
    return int(index.search(query[None, :], 1)[0][0, 0])


def test_exact_up_to_the_limit_and_lists_above() -> None:
    index = index_of(LIMIT)
    assert index.exact
    index.upsert(numbers(LIMIT, LIMIT + 1), vectors(1, seed=1))
    assert not index.exact and len(index) == LIMIT + 1
    assert index.search(vectors(1), 200)[0][0].tolist().count(-1) == 200 - LIMIT - 1


def test_laid_out_anew_when_doubled() -> None:
    index = index_of(LIMIT + 20)
    first = index._faiss
    index.upsert(numbers(120, 239), vectors(119, seed=1))
    assert index._faiss is first
    index.upsert(numbers(239, 241), vectors(2, seed=2))
    assert index._faiss is not first and index._faiss.ntotal == 241


def test_number_of_lists() -> None:
    assert [lists_for(n) for n in (0, 1, 20_000, 100_000, 1_000_000, 10**9)] == [4, 4, 128, 256, 1024, 8192]


def test_moving_into_new_lists_adds_no_error() -> None:
    """Scores after three layouts are those after the first: the same vectors give the same bits."""
    index = index_of(LIMIT + 1)
    query = vectors(1, seed=8)
    before = dict(zip(*(row[0].tolist() for row in index.search(query, 101)), strict=True))
    rest = vectors(900, seed=3)
    for start, end in ((101, 210), (210, 430), (430, 1000)):
        index.upsert(numbers(start, end), rest[start - 101 : end - 101])
    assert index._built_for == 1000
    ids, scores = index.search(query, 101, only=numbers(0, 101))
    assert sorted(ids[0].tolist()) == list(range(101))
    for number, score in zip(ids[0].tolist(), scores[0].tolist(), strict=True):
        assert score == pytest.approx(before[number], abs=1e-6)


def test_everything_goes_on_while_lists_are_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, compressed, "train")
    index = index_of(200, background=True)
    assert gate.reached.wait(30)
    assert index.exact and not index.settle(0.01)
    fresh = vectors(3, seed=7)
    index.upsert(numbers(500, 502), fresh[:2])
    index.upsert(numbers(10, 11), fresh[2:])
    index.delete(np.array([20, 500]))
    index.upsert(np.array([21]), vectors(22)[20:21])
    assert best(index, fresh[1]) == 501 and best(index, fresh[2]) == 10
    gate.open.set()
    assert index.settle(30) and not index.exact
    assert len(index) == 200 and index._faiss.ntotal == 200
    assert index.ids() == (set(range(200)) | {501}) - {20}
    assert best(index, fresh[1]) == 501 and best(index, fresh[2]) == 10 and best(index, vectors(22)[20]) == 21
    assert not {20, 500} & set(index.search(vectors(1), 300)[0][0].tolist())


def test_changes_during_every_part_of_the_work() -> None:
    """Stored and deleted without pause while lists are laid out again and again: nothing is lost, nothing returns."""
    index, truth = FaissIndex(D, "m", compress_above=LIMIT), dict[int, Vector]()
    rng, errors = np.random.default_rng(4), list[BaseException]()
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                ids, scores = index.search(vectors(2, seed=6), 20)
                assert ((ids >= 0) == np.isfinite(scores)).all()
        except BaseException as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(150):
        ids = np.unique(rng.integers(0, 4000, 60))
        rows = vectors(len(ids), seed=step)
        index.upsert(ids, rows)
        truth.update(zip(ids.tolist(), rows, strict=True))
        gone = rng.integers(0, 4000, 30)
        index.delete(gone)
        for number in gone.tolist():
            truth.pop(number, None)
        assert not np.isin(index.search(vectors(1, seed=step), 100)[0], gone).any()
    done.set()
    reader.join()
    assert index.settle(60) and errors == []
    assert not index.exact and index.ids() == set(truth) and index._faiss.ntotal == len(truth)
    wanted = np.array(sorted(truth), dtype=np.int64)
    kept = index._faiss.reconstruct_batch(wanted)
    np.testing.assert_allclose(kept, np.stack([truth[i] for i in wanted.tolist()]), atol=0.02)


def test_failed_layout_leaves_the_index_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("no room")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(compressed, "train", fail)
        index = index_of(LIMIT + 1)
    assert "no new one could be built" in caplog.text
    assert index.exact and best(index, vectors(5)[4]) == 4
    index.upsert(numbers(300, 350), vectors(50, seed=1))
    assert index.exact, "another attempt is made only when the index has doubled"
    index.upsert(numbers(350, 450), vectors(100, seed=2))
    assert not index.exact


def test_storing_waits_when_lists_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exact index does not grow without limit: four bytes a number, where the lists need one."""
    gate = Gate(monkeypatch, compressed, "train")
    index = index_of(4 * LIMIT, background=True)
    assert gate.reached.wait(30)
    writer = threading.Thread(target=index.upsert, args=(numbers(1000, 1010), vectors(10, seed=1)))
    writer.start()
    writer.join(0.3)
    assert writer.is_alive() and len(index) == 4 * LIMIT
    assert best(index, vectors(5)[4]) == 4, "searches do not wait"
    gate.open.set()
    writer.join(30)
    assert len(index) == 4 * LIMIT + 10 and not index.exact
    index.settle(30)


def test_close_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, compressed, "train")
    index = index_of(200, background=True)
    assert gate.reached.wait(30)
    threading.Timer(0.1, gate.open.set).start()
    index.close()
    assert index.exact and best(index, vectors(5)[4]) == 4
    assert index.settle(0)


def test_a_process_may_end_while_lists_are_laid_out() -> None:
    code = (
        "import numpy as np, embeddings\n"
        "index = embeddings.FaissIndex(64, 'm', compress_above=5000)\n"
        "rows = np.random.default_rng(0).normal(size=(60000, 64)).astype('f')\n"
        "index.upsert(np.arange(20000), rows[:20000])\n"
        "assert index._worker is not None\n"
        "print('end')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_deleted_is_gone_while_a_file_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Writing a large index takes seconds; a withdrawal does not wait for it to be seen."""
    index = index_of(300)
    gate = Gate(monkeypatch, structures, "write")
    saver = threading.Thread(target=index.save, args=(tmp_path / "i", 5))
    saver.start()
    assert gate.reached.wait(30)
    query = vectors(8)[7]
    deleter = threading.Thread(target=index.delete, args=(np.array([7]),))
    deleter.start()
    start = time.monotonic()
    while best(index, query) == 7:
        assert time.monotonic() - start < 5
    assert deleter.is_alive() and 7 not in index.ids() and len(index) == 299
    ids = index.search(query[None, :], 300)[0][0]
    assert (ids >= 0).sum() == 299 and 7 not in ids
    gate.open.set()
    saver.join(30)
    deleter.join(30)
    assert index._faiss.ntotal == 299 and not index._hidden
    loaded, sequence = FaissIndex.load(tmp_path / "i", model="m", dimension=D, compress_above=LIMIT)
    assert sequence == 5 and loaded.ids() == set(range(300)), "the file is that of its sequence number"


def test_stored_again_while_its_deletion_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    index = index_of(300)
    index._hidden.add(7)
    index._present.discard(7)
    index.upsert(np.array([7]), vectors(1, seed=5))
    assert best(index, vectors(1, seed=5)[0]) == 7
    assert index._faiss.ntotal == 300 and not index._hidden


def test_lists_round_trip(tmp_path: Path) -> None:
    index = index_of(700)
    index.delete(numbers(5, 50))
    index.save(tmp_path / "i", 42)
    loaded, sequence = FaissIndex.load(tmp_path / "i", model="m", dimension=D, compress_above=LIMIT)
    assert (sequence, len(loaded), loaded.exact) == (42, 655, False)
    assert loaded._worker is None and loaded._faiss.nprobe == index._faiss.nprobe
    for mine, theirs in zip(index.search(vectors(9, 1), 20), loaded.search(vectors(9, 1), 20), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    loaded.delete(numbers(50, 60))
    loaded.upsert(numbers(5, 7), vectors(2, seed=4))
    assert len(loaded) == 647 and best(loaded, vectors(2, seed=4)[1]) == 6


def test_a_large_exact_file_gets_its_lists(tmp_path: Path) -> None:
    index = FaissIndex(D, "m")
    index.upsert(numbers(0, 300), vectors(300))
    index.save(tmp_path / "i", 1)
    loaded, _ = FaissIndex.load(tmp_path / "i", model="m", dimension=D, compress_above=LIMIT)
    assert loaded.settle(30) and not loaded.exact and len(loaded) == 300


def test_every_changed_byte_of_lists_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "i"
    index_of(150).save(path, 1)
    whole = path.read_bytes()
    for place in range(0, len(whole), 101):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IndexMismatch):
            FaissIndex.load(path, model="m", dimension=D)


def test_tuning_takes_all_lists_where_there_is_nothing_to_try() -> None:
    index = compressed.train(vectors(100), 4)
    assert tune(index, vectors(5)) == 4
    with pytest.raises(compressed.Stopped):
        compressed.train(vectors(100), 4, stop=lambda: True)
