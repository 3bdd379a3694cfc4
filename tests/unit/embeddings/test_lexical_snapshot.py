"""Saving and loading the words: whole or not at all, without deleted texts, refused when changed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from embeddings import lexical_snapshot as snapshot
from embeddings.lexical import LexicalIndex
from embeddings.types import IndexMismatch

DOCS = {"needle": "可弯曲房间隔穿刺针", "stent": "药物洗脱支架", "secret": "zyxwvut 泄密球囊"}


@pytest.fixture
def index() -> LexicalIndex:
    filled = LexicalIndex()
    filled.upsert(DOCS)
    return filled


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_round_trip(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "words", 42)
    loaded, sequence = LexicalIndex.load(tmp_path / "words")
    assert sequence == 42 and len(loaded) == 3 and loaded.ids() == set(DOCS)
    for text in ("穿刺针", "支架", "zyxwvut", "nothing"):
        assert loaded.search(text, 5) == index.search(text, 5)
    assert loaded.idf("支架") == index.idf("支架")


def test_a_loaded_index_goes_on(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path, 1)
    before = {path: path.read_bytes() for path in files(tmp_path)}
    loaded, _ = LexicalIndex.load(tmp_path)
    loaded.delete(["secret"])
    assert loaded.search("球囊", 5) == []
    loaded.upsert({"stent": "可降解封堵器", "new": "超声探头"})
    assert loaded.ids() == {"needle", "stent", "new"}
    assert [hit.id for hit in loaded.search("封堵器", 5)] == ["stent"]
    assert "stent" not in {hit.id for hit in loaded.search("洗脱", 5)}
    assert [hit.id for hit in loaded.search("穿刺针", 5)] == ["needle"]
    # Other processes may have loaded the same files.
    assert {path: path.read_bytes() for path in files(tmp_path) if path.suffix != ".lock"} == before
    loaded.save(tmp_path, 2)
    again, sequence = LexicalIndex.load(tmp_path)
    assert sequence == 2 and again.ids() == loaded.ids()


def test_deleted_and_replaced_texts_are_not_saved(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path, 1)
    assert any(b"zyxwvut" in path.read_bytes() for path in files(tmp_path))
    index.delete(["secret"])
    index.upsert({"stent": "球囊"})
    index.save(tmp_path, 2)
    for path in files(tmp_path):
        held = path.read_bytes()
        assert b"zyxwvut" not in held and "洗脱".encode() not in held and b"secret" not in held, path
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_discard(index: LexicalIndex, tmp_path: Path) -> None:
    LexicalIndex.discard(tmp_path / "absent")
    index.save(tmp_path, 1)
    LexicalIndex.discard(tmp_path)
    assert files(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        LexicalIndex.load(tmp_path)


def test_empty_index(tmp_path: Path) -> None:
    LexicalIndex().save(tmp_path, 0)
    loaded, sequence = LexicalIndex.load(tmp_path)
    assert (len(loaded), sequence) == (0, 0) and loaded.search("支架", 5) == []
    loaded.upsert(DOCS)
    assert len(loaded.search("支架", 5)) == 1


def test_only_the_owner_may_read(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "words", 1)
    for path in (tmp_path / "words").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_every_changed_or_missing_file_is_noticed(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path, 1)
    for path in files(tmp_path):
        kept = path.read_bytes()
        if path.suffix == ".lock":
            continue
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]) if kept else b"x")
        with pytest.raises(IndexMismatch):
            LexicalIndex.load(tmp_path)
        path.unlink()
        with pytest.raises((IndexMismatch, FileNotFoundError)):
            LexicalIndex.load(tmp_path)
        path.write_bytes(kept)
    LexicalIndex.load(tmp_path)


def test_texts_cut_in_another_way_are_refused(
    index: LexicalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.save(tmp_path, 1)
    monkeypatch.setattr(snapshot, "TERMS", snapshot.TERMS + 1)
    with pytest.raises(IndexMismatch) as caught:
        LexicalIndex.load(tmp_path)
    assert caught.value.reason == "model"


def test_a_failed_save_leaves_the_older_snapshot(
    index: LexicalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.save(tmp_path, 1)
    index.upsert({"late": "超声"})

    def fail(_folder: Path, _manifest: snapshot.Manifest) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(snapshot, "_write_manifest", fail)
    with pytest.raises(OSError, match="disk full"):
        index.save(tmp_path, 2)
    monkeypatch.undo()
    loaded, sequence = LexicalIndex.load(tmp_path)
    assert sequence == 1 and loaded.ids() == set(DOCS)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_manifest_may_not_leave_its_folder(index: LexicalIndex, tmp_path: Path) -> None:
    import hashlib

    index.save(tmp_path, 1)
    path = tmp_path / "lexical.json"
    body = json.loads(path.read_text("utf-8").split("\n", 1)[1])
    body["files"] = {"../elsewhere": "0"}
    text = json.dumps(body)
    path.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", "utf-8")
    with pytest.raises(IndexMismatch, match="outside"):
        LexicalIndex.load(tmp_path)


def test_bulk_and_small_writes_mix() -> None:
    index = LexicalIndex()
    index.upsert({"first": "穿刺针"})
    index.upsert({f"doc{number}": f"支架{number}" for number in range(2500)})
    index.upsert({"last": "球囊"})
    index.delete(["doc7"])
    assert len(index) == 2501
    assert [hit.id for hit in index.search("球囊", 1)] == ["last"]
    assert [hit.id for hit in index.search("穿刺针", 1)] == ["first"]
    assert len(index.search("支架", 3000)) == 2499
