"""The first changes after a start from a snapshot: at once in searches, and waited for by nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from embeddings import lexical_snapshot as snapshot
from embeddings.lexical import LexicalIndex
from embeddings.lexical_thaw import MOST_WAITING, Thaw, Waiting
from embeddings.types import IndexMismatch

STENTS = {f"doc{number}": f"药物洗脱支架 {number}号 冠状动脉" for number in range(20)}
PROBES = {f"probe{number}": f"超声诊断 {number}号" for number in range(60)}
DOCS = STENTS | PROBES | {"needle": "可弯曲房间隔穿刺针"}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Holds up what takes a snapshot over, until it is set."""
    opened, run = threading.Event(), Thaw._run

    def late(thaw: Thaw) -> None:
        assert opened.wait(30)
        run(thaw)

    monkeypatch.setattr(Thaw, "_run", late)
    yield opened
    opened.set()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    index = LexicalIndex()
    index.upsert(DOCS)
    index.save(tmp_path, 1)
    return tmp_path


def settled(index: LexicalIndex) -> LexicalIndex:
    """The index when the snapshot is in memory."""
    end = time.monotonic() + 30
    while index._thaw is not None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return index


def test_changes_count_at_once_and_are_taken_over(saved: Path, gate: threading.Event) -> None:
    changed = LexicalIndex.load(saved)[0]
    texts = {"new": "磁控胶囊胃镜", "doc3": "球囊导管", "other": "冠状动脉支架"}
    changed.upsert(texts)
    changed.delete(["needle", "other", "nobody"])
    expected = LexicalIndex()
    expected.upsert(DOCS | {name: texts[name] for name in ("new", "doc3")})
    expected.delete(["needle"])
    queries = ("磁控胶囊", "球囊", "洗脱支架", "穿刺针", "冠状动脉 胶囊")
    assert not gate.is_set()
    for query in queries:
        mine, theirs = changed.search(query, 60), expected.search(query, 60)
        assert {hit.id for hit in mine} == {hit.id for hit in theirs}
        if mine:
            assert mine[0].id == theirs[0].id
            assert mine[0].score == pytest.approx(theirs[0].score, rel=0.1)
    assert changed.idf("胶囊") < changed.idf("不存在的词")
    gate.set()
    settled(changed)
    assert changed.ids() == expected.ids()
    for query in queries:
        mine, theirs = changed.search(query, 60), expected.search(query, 60)
        assert {hit.id: hit.score for hit in mine} == pytest.approx({hit.id: hit.score for hit in theirs}, rel=0.02)


def test_what_waits_can_be_changed_again(saved: Path, gate: threading.Event) -> None:
    index = LexicalIndex.load(saved)[0]
    index.upsert({"new": "磁控胶囊"})
    index.upsert({"new": "手术机器人"})
    assert [hit.id for hit in index.search("手术机器人", 3)] == ["new"] and not index.search("磁控胶囊", 3)
    index.delete(["new"])
    assert not index.search("手术机器人", 3)
    gate.set()
    assert settled(index).ids() == set(DOCS)
    assert not index.search("手术机器人 磁控胶囊", 3)


def test_a_save_holds_what_waited(saved: Path, gate: threading.Event, tmp_path: Path) -> None:
    index = LexicalIndex.load(saved)[0]
    index.upsert({"new": "磁控胶囊"})
    threading.Timer(0.2, gate.set).start()
    index.save(tmp_path / "again", 2)
    again, sequence = LexicalIndex.load(tmp_path / "again")
    assert sequence == 2 and again.ids() == set(DOCS) | {"new"}
    assert [hit.id for hit in again.search("磁控胶囊", 3)] == ["new"]


def test_very_many_texts_wait_for_the_index_in_memory(saved: Path, gate: threading.Event) -> None:
    index = LexicalIndex.load(saved)[0]
    threading.Timer(0.2, gate.set).start()
    index.upsert({f"more{number}": "手术机器人" for number in range(MOST_WAITING + 1)})
    assert gate.is_set() and index._thaw is None
    assert len(index.search("手术机器人", 1000)) == MOST_WAITING + 1


def test_nothing_is_read_into_memory_without_a_change(saved: Path) -> None:
    index = LexicalIndex.load(saved)[0]
    index.upsert({})
    index.delete(["nobody"])
    assert index.search("穿刺针", 1)[0].id == "needle"
    assert "lexical-thaw" not in {thread.name for thread in threading.enumerate()}
    index.save(saved, 2)
    assert LexicalIndex.load(saved)[0].ids() == set(DOCS)


def test_a_snapshot_that_cannot_be_taken_over_asks_to_be_built_anew(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_index: object, _documents: object) -> None:
        raise ValueError("damaged")

    monkeypatch.setattr(snapshot, "fill", fail)
    index = LexicalIndex.load(saved)[0]
    index.upsert({"new": "磁控胶囊"})
    with pytest.raises(IndexMismatch, match="could not be taken over"):
        index.save(saved, 2)
    with pytest.raises(IndexMismatch):
        index.upsert({"late": "支架"})
    with pytest.raises(IndexMismatch):
        index.delete(["doc1"])
    # It still answers, without what was deleted.
    assert index.search("磁控胶囊", 1)[0].id == "new" and index.search("穿刺针", 1)[0].id == "needle"


def test_scores_of_waiting_texts_are_those_of_bm25() -> None:
    waiting = Waiting({7: "a b b", 8: "c"})
    [(score, number)] = waiting.search({"b": 2.0}, lambda _term: 1.5, usual_length=3.0)
    assert number == 7 and score == pytest.approx(2.0 * 1.5 * 2 * 2.2 / (2 + 1.2))
    assert len(waiting) == 2 and waiting.doc_freq("b") == 1
    assert waiting.changed({9: "b"}, [7]).doc_freq("b") == 1 and waiting.doc_freq("c") == 1
