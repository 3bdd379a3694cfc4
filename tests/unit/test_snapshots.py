"""Snapshots of the index on disk: used where they fit, rebuilt where they do not, and as secret as the texts."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.config import Settings
from backend.db import Database
from backend.matching.index_sync import SearchEngine
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.steps import TITLES, act, edit, first_id, found, vectors_of


def snapshots(settings: Settings) -> list[Path]:
    """The files of the index."""
    return sorted(settings.index_dir.glob("*.faiss"))


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


@pytest.mark.parametrize("damage", [_garbage, _truncated, _empty, _one_bit])
def test_a_damaged_snapshot_is_rebuilt_from_the_database(
    damage: Callable[[Path], None],
    engine: SearchEngine,
    other: SearchEngine,
    settings: Settings,
    company: Party,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.follow()
    engine.save()
    assert len(snapshots(settings)) == 4
    for path in snapshots(settings):
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
    _garbage(settings.index_dir / next(p for p in snapshots(settings) if "capability-teaser" in p.name))
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
    assert [p for p in settings.index_dir.iterdir() if p.suffix != ".faiss"] == []
