"""Snapshots of the index on disk: used where they fit, rebuilt where they do not, and as secret as the texts."""

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from backend.again import repeated
from backend.config import Settings
from backend.db import Database
from backend.matching import snapshot_keeper
from backend.matching.index_sync import SearchEngine
from embeddings.lexical import LexicalIndex
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.steps import TITLES, act, edit, first_id, found, vectors_of


def snapshots(settings: Settings) -> list[Path]:
    """The files with the vectors of each side."""
    return sorted(settings.index_dir.glob("*/*/vectors.faiss"))


def _garbage(path: Path) -> None:
    path.write_bytes(b"not an index at all" * 20)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["vectors.faiss", "passages.map", "words/lexical.json", "words/*/ids.json"])
@pytest.mark.parametrize("damage", [_garbage, _truncated, _empty, _one_bit, Path.unlink])
def test_a_damaged_snapshot_is_rebuilt_from_the_database(
    damage: Callable[[Path], None],
    name: str,
    engine: SearchEngine,
    other: SearchEngine,
    settings: Settings,
    company: Party,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.follow()
    engine.save()
    damaged = list(settings.index_dir.glob(f"*/*/{name}"))
    assert len(damaged) == 4
    for path in damaged:
        damage(path)
    with caplog.at_level(logging.WARNING):
        other.follow()
    assert caplog.text.count("is not used and will be rebuilt from the database") == 4
    assert found(other, TITLES[1]) == found(engine, TITLES[1])
    assert other.sizes() == engine.sizes()


def test_one_damaged_snapshot_among_good_ones(
    engine: SearchEngine, other: SearchEngine, settings: Settings, company: Party
) -> None:
    engine.follow()
    engine.save()
    _garbage(next(p for p in snapshots(settings) if "capability-teaser" in str(p)))
    other.follow()
    assert found(other, TITLES[2]) == found(engine, TITLES[2])


def test_a_snapshot_is_used_when_it_fits(
    engine: SearchEngine, other: SearchEngine, settings: Settings, company: Party, caplog: pytest.LogCaptureFixture
) -> None:
    engine.follow()
    engine.save()
    with caplog.at_level(logging.WARNING):
        other.follow()
    assert caplog.text == ""
    assert found(other, TITLES[0]) == found(engine, TITLES[0])


def test_an_old_snapshot_catches_up(
    engine: SearchEngine, other: SearchEngine, database: Database, company: Party, make: Factory
) -> None:
    engine.follow()
    engine.save()
    added = make.capability(company, "左心耳封堵器")
    edit(database, company, first_id(database), summary="改写后的用途说明，与原来完全不同。")
    other.follow()
    engine.follow()
    assert found(other, "左心耳封堵器")[0][0] == added.id
    assert found(other, "改写后的用途说明") == found(engine, "改写后的用途说明")


@pytest.mark.sqlite
def test_a_snapshot_of_another_database_is_not_used(
    engine: SearchEngine, settings: Settings, company: Party, migrated: Path, tmp_path: Path
) -> None:
    """The folder was kept, the database was begun anew: nothing of the old one may be found."""
    engine.follow()
    engine.save()
    copy = tmp_path / "second.sqlite3"
    copy.write_bytes(migrated.read_bytes())
    second_database = Database(f"sqlite:///{copy}")
    second = SearchEngine(second_database, settings.index_dir, SwitchedLoader(FakeEncoder()))
    second.follow()
    assert found(second, TITLES[0]) == []
    second_database.dispose()


@pytest.fixture
def restored(
    engine: SearchEngine, database: Database, company: Party, make: Factory, tmp_path: Path
) -> Iterator[Database]:
    """A backup of the database, beside snapshots that hold what was published after it."""
    engine.follow()
    backup = tmp_path / "backup.sqlite3"
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(f"VACUUM INTO '{backup}'")
    make.capability(company, "备份之后才发布的左心耳封堵器")
    engine.follow()
    engine.save()
    made = Database(f"sqlite:///{backup}")
    yield made
    made.dispose()


@pytest.mark.sqlite
@pytest.mark.parametrize("follows_first", [True, False])
def test_a_snapshot_that_is_ahead_of_a_restored_database_is_not_used(
    follows_first: bool, restored: Database, settings: Settings, company: Party, caplog: pytest.LogCaptureFixture
) -> None:
    """The backup bears the id of the snapshots, and what is published next takes the numbers of what it lacks.

    Neither the process that restores nor the one after it may take an old vector for the new text.
    """
    first, second = (SearchEngine(restored, settings.index_dir, SwitchedLoader(FakeEncoder())) for _process in range(2))
    if follows_first:
        first.follow()
    published = Factory(restored).capability(company, "骨科手术导航的新产品")
    first.follow()
    second.follow()
    for engine in (first, second):
        assert len({subject_id for subject_id, _score in found(engine, TITLES[0])}) > 0
        subject_id, cosine = found(engine, "骨科手术导航的新产品")[0]
        assert subject_id == published.id
        assert cosine > 0.5
    assert "the snapshot is ahead of the database" in caplog.text


def test_a_process_that_ends_does_not_bring_withdrawn_vectors_back(
    engine: SearchEngine, other: SearchEngine, settings: Settings, database: Database, company: Party
) -> None:
    """It may not have followed for a while; its last snapshot must not hold what has been purged since."""
    other.follow()
    engine.follow()
    subject = first_id(database)
    vectors = [vector for vector in vectors_of(database, subject) if vector]
    act(database, company, subject, "withdraw")
    engine.follow()
    other.close()
    content = b"".join(path.read_bytes() for path in snapshots(settings))
    assert vectors
    assert not any(vector in content for vector in vectors)


def test_a_folder_that_cannot_be_written_costs_only_a_warning(
    settings: Settings, database: Database, company: Party, caplog: pytest.LogCaptureFixture
) -> None:
    settings.index_dir.write_text("a file where the folder should be")
    engine = SearchEngine(database, settings.index_dir, SwitchedLoader(FakeEncoder()))
    with caplog.at_level(logging.WARNING):
        engine.follow()
        engine.save()
    assert "index snapshot could not be saved" in caplog.text
    assert found(engine, TITLES[0])


def test_snapshots_are_readable_by_their_owner_alone(engine: SearchEngine, settings: Settings, company: Party) -> None:
    engine.follow()
    engine.save()
    assert {path.stat().st_mode & 0o077 for path in snapshots(settings)} == {0}
    assert {path.stat().st_mode & 0o077 for path in settings.index_dir.iterdir()} == {0}
    assert [path.name for path in settings.index_dir.glob("*/*") if path.name.startswith(".")] == []


def test_a_save_that_was_cut_short_is_no_snapshot(
    engine: SearchEngine, other: SearchEngine, settings: Settings, company: Party, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that is killed while it saves leaves an unfinished folder; the snapshot before it is used."""
    engine.follow()
    engine.save()
    for path in list(settings.index_dir.glob("*/*")):
        shutil.copytree(path, path.parent / ".saving-0123456789abcdef")
        _truncated(path.parent / ".saving-0123456789abcdef" / "vectors.faiss")
    other.follow()
    assert caplog.text == ""
    assert found(other, TITLES[0]) == found(engine, TITLES[0])


@pytest.mark.parametrize("name", ["embeddings.index.base.os.fsync", "embeddings.lexical_snapshot.tempfile.mkdtemp"])
def test_a_full_disk_costs_only_a_warning(
    name: str,
    engine: SearchEngine,
    other: SearchEngine,
    settings: Settings,
    company: Party,
    make: Factory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The index in memory and the snapshot before it are served, and nothing unfinished stays on the disk."""
    engine.follow()
    engine.save()
    before = snapshots(settings)
    added = make.capability(company, "左心耳封堵器")
    engine.follow()

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as context:
        context.setattr(name, full)
        engine.save()
    assert "No space left on device" in caplog.text
    assert snapshots(settings) == before
    assert list(settings.index_dir.glob("*/.*")) == []
    other.follow()
    for follower in (engine, other):
        assert found(follower, "左心耳封堵器")[0][0] == added.id


def test_processes_that_save_at_once(
    engine: SearchEngine,
    other: SearchEngine,
    settings: Settings,
    database: Database,
    company: Party,
    make: Factory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever comes last, the snapshot is whole."""
    for follower in (engine, other):
        follower.follow()

    def change_and_save(follower: SearchEngine) -> None:
        for number in range(3):
            repeated(partial(make.capability, company, f"{follower.state}{number}号产品"))
            follower.follow()
            follower.save()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change_and_save, (engine, other)))
    third = SearchEngine(database, settings.index_dir, SwitchedLoader(FakeEncoder()))
    third.follow()
    assert "will be rebuilt" not in caplog.text
    engine.follow()
    assert third.sizes() == engine.sizes()


def test_the_old_text_of_an_edit_is_in_no_snapshot(
    engine: SearchEngine, settings: Settings, database: Database, company: Party
) -> None:
    """It is removed as soon as the edit is applied, and a new one is written afterwards."""
    engine.follow()
    engine.save()
    subject = first_id(database)
    vectors = {vector for vector in vectors_of(database, subject) if vector}
    edit(database, company, subject, title="另一个名称", summary="改写后的用途说明，与原来完全不同。")
    engine.follow()
    assert vectors - set(vectors_of(database, subject))
    for _moment in ("now", "later"):
        content = b"".join(path.read_bytes() for path in snapshots(settings))
        assert not any(vector in content for vector in vectors)
        engine.save()
    assert len(snapshots(settings)) == 4


def test_a_snapshot_is_renewed_in_the_background_after_something_was_purged(
    engine: SearchEngine, settings: Settings, database: Database, company: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_keeper, "QUIET_SECONDS", 0.0)
    engine.follow()
    engine.save()
    act(database, company, first_id(database), "withdraw")
    engine.follow()
    thread = engine._snapshots._thread
    assert thread is not None
    thread.join(20)
    assert len(snapshots(settings)) == 4


def test_what_is_purged_while_a_snapshot_is_written_does_not_come_to_be_in_it(
    engine: SearchEngine,
    other: SearchEngine,
    settings: Settings,
    database: Database,
    company: Party,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine.follow()
    subject = first_id(database)
    vectors = [vector for vector in vectors_of(database, subject) if vector]
    save_words, waiting = LexicalIndex.save, ["once"]

    def slowly(index: LexicalIndex, folder: Path, sequence: int) -> None:
        save_words(index, folder, sequence)
        if waiting:
            waiting.clear()
            act(database, company, subject, "withdraw")
            engine.follow()

    monkeypatch.setattr(LexicalIndex, "save", slowly)
    engine.save()
    content = b"".join(path.read_bytes() for path in settings.index_dir.rglob("*") if path.is_file())
    assert vectors
    assert not any(vector in content for vector in vectors)
    engine.save()
    other.follow()
    assert found(other, TITLES[1]) == found(engine, TITLES[1])


def test_words_that_are_newer_than_the_vectors_catch_up_with_them(
    engine: SearchEngine,
    other: SearchEngine,
    database: Database,
    company: Party,
    make: Factory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Something is published after the vectors were written and before the words are."""
    engine.follow()
    save_words, waiting = LexicalIndex.save, ["once"]

    def slowly(index: LexicalIndex, folder: Path, sequence: int) -> None:
        if waiting:
            waiting.clear()
            make.capability(company, "左心耳封堵器")
            engine.follow()
        save_words(index, folder, sequence)

    monkeypatch.setattr(LexicalIndex, "save", slowly)
    engine.save()
    other.follow()
    assert "will be rebuilt" not in caplog.text
    assert found(other, "左心耳封堵器") == found(engine, "左心耳封堵器") != []


@pytest.mark.sqlite
def test_a_restored_backup_that_has_grown_beyond_the_snapshot(
    restored: Database, engine: SearchEngine, settings: Settings, company: Party, caplog: pytest.LogCaptureFixture
) -> None:
    """It has the numbers and the ids of the snapshot, but under them other texts."""
    elsewhere = settings.data_dir / "another folder"
    writer = SearchEngine(restored, elsewhere, SwitchedLoader(FakeEncoder()))
    writer.follow()
    for number in range(3):
        Factory(restored).capability(company, f"骨科手术导航{number}")
        writer.follow()
    assert writer.sequence > engine.sequence
    second = SearchEngine(restored, settings.index_dir, SwitchedLoader(FakeEncoder()))
    second.follow()
    assert "the passages in the snapshot are not those of the database" in caplog.text
    assert found(second, "骨科手术导航1") == found(writer, "骨科手术导航1")
    assert found(second, "备份之后才发布的左心耳封堵器") == found(writer, "备份之后才发布的左心耳封堵器")


def test_files_of_the_layout_before_go(engine: SearchEngine, settings: Settings, company: Party) -> None:
    """Nobody would take a withdrawn vector out of them."""
    engine.follow()
    engine.save()
    old = [path.with_suffix(".faiss") for path in settings.index_dir.iterdir()]
    for path in old:
        path.write_bytes(b"vectors")
    SearchEngine(engine._database, settings.index_dir, SwitchedLoader(FakeEncoder())).follow()
    assert len(old) == 4
    assert not any(path.exists() for path in old)
