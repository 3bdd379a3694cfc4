"""Contents of files are stored whole or not at all, under names that say nothing, and go when their row has gone."""

import errno
import io
import os
import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlmodel import select

from backend.attachments import service, sweep
from backend.attachments.errors import StorageUnavailable
from backend.attachments.models import Attachment
from backend.attachments.storage import Storage, make_storage
from backend.config import Settings
from backend.db import Database, new_id, utc_now
from backend.disclosure.models import SubjectKind
from backend.errors import Conflict, NotFound
from tests.factories import Factory, Party

DAYS_AGO = (utc_now() - timedelta(days=3)).timestamp()


@pytest.fixture
def storage(settings: Settings) -> Storage:
    """The default storage: a folder in the data folder."""
    return make_storage(settings)


def kept(settings: Settings) -> list[Path]:
    """All files in the default storage."""
    return [path for path in (settings.data_dir / "attachments").rglob("*") if path.is_file()]


def read(content: BinaryIO) -> bytes:
    """All of a content."""
    with content:
        return content.read()


def add(database: Database, storage: Storage, party: Party, need_id: str, text: str, id_: str | None = None) -> str:
    """An attachment, as the page makes one; returns its id."""
    upload = service.Upload(id_ or new_id(), "说明.txt", io.BytesIO(text.encode()), True)
    with database.session(write=True) as session:
        return service.add(session, storage, party.viewer, SubjectKind.NEED, need_id, upload, 1000)[0].id


@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_any_storage_of_fsspec_will_do(scheme: str, tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path}/made/here" if scheme == "file" else f"memory://{uuid.uuid4().hex}")
    assert list(storage.contents()) == []
    name = storage.put(io.BytesIO(b"one"))
    other = storage.put(io.BytesIO(b"two"))
    assert re.fullmatch(r"[0-9a-f]{32}", name)
    assert (read(storage.open(name)), read(storage.open(other))) == (b"one", b"two")
    assert {found for found, _written in storage.contents()} == {name, other}
    assert all(abs(utc_now() - written) < timedelta(minutes=1) for _name, written in storage.contents())
    storage.delete(name)
    storage.delete(name)
    with pytest.raises(NotFound):
        storage.open(name)


def test_a_site_may_keep_its_files_elsewhere(tmp_path: Path) -> None:
    elsewhere = Settings(data_dir=tmp_path, attachments_url=f"memory://{uuid.uuid4().hex}", _env_file=None)
    storage = make_storage(elsewhere)
    assert read(storage.open(storage.put(io.BytesIO(b"x")))) == b"x"
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_nothing_reads_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="nowhere://"):
        Storage("nowhere://secret@host")


def test_a_folder_is_open_to_nobody_else(storage: Storage, settings: Settings) -> None:
    storage.put(io.BytesIO(b"x"))
    for path in (settings.data_dir / "attachments").rglob("*"):
        if path.is_dir():
            assert path.stat().st_mode & 0o077 == 0


def test_a_full_disk_leaves_nothing(
    storage: Storage, settings: Settings, database: Database, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system says so when what was written has to reach the disk."""
    hospital = make.hospital()
    need = make.need(hospital)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailable) as caught:
        add(database, storage, hospital, need.id, "内容")
    assert (caught.value.status, "存储空间" in caught.value.zh) == (503, True)
    assert kept(settings) == []
    with database.session() as session:
        assert session.exec(select(Attachment)).all() == []


def test_a_form_that_is_sent_twice_makes_one_file(
    storage: Storage, settings: Settings, database: Database, make: Factory
) -> None:
    hospital = make.hospital()
    need, other = make.need(hospital), make.need(hospital)
    id_ = new_id()
    assert add(database, storage, hospital, need.id, "内容", id_) == id_
    assert add(database, storage, hospital, need.id, "内容", id_) == id_
    assert len(kept(settings)) == 1
    with pytest.raises(NotFound):
        add(database, storage, hospital, other.id, "内容", id_)
    with database.session(write=True) as session:
        service.remove(session, hospital.viewer, SubjectKind.NEED, need.id, id_)
    with pytest.raises(Conflict):
        add(database, storage, hospital, need.id, "内容", id_)
    assert len(kept(settings)) == 1


def test_what_is_removed_is_deleted_after_the_commit(
    storage: Storage, settings: Settings, database: Database, make: Factory
) -> None:
    hospital = make.hospital()
    need = make.need(hospital)
    ids = [add(database, storage, hospital, need.id, text) for text in ("一", "二")]
    with database.session(write=True) as session:
        service.remove(session, hospital.viewer, SubjectKind.NEED, need.id, ids[0])
    assert len(kept(settings)) == 2
    assert sweep.delete_removed(database, storage) == 1
    assert [path.read_text() for path in kept(settings)] == ["二"]
    assert sweep.delete_removed(database, storage) == 0
    with database.session() as session:
        assert session.exec(select(Attachment.id)).all() == [ids[1]]


def test_what_a_crash_left_without_a_row_is_swept_after_a_day(
    storage: Storage, settings: Settings, database: Database, make: Factory
) -> None:
    """Killed between content and row, or in the middle of the content."""
    hospital = make.hospital()
    need = make.need(hospital)
    add(database, storage, hospital, need.id, "留下")
    orphan = storage.put(io.BytesIO(b"orphan"))
    unfinished = settings.data_dir / "attachments" / "incoming" / ("a" * 32)
    unfinished.write_bytes(b"half")
    assert sweep.sweep(database, storage, {}) == 0
    for path in kept(settings):
        os.utime(path, (DAYS_AGO, DAYS_AGO))
    young = storage.put(io.BytesIO(b"its row is not committed yet"))
    assert sweep.sweep(database, storage, {}) == 2
    assert sorted(path.name for path in kept(settings)) == sorted(
        [young, next(name for name, _at in storage.contents() if name not in (young, orphan))]
    )
    assert "留下".encode() in {path.read_bytes() for path in kept(settings)}


def test_files_of_a_subject_that_is_gone_go_too(
    storage: Storage, settings: Settings, database: Database, make: Factory
) -> None:
    hospital = make.hospital()
    need, other = make.need(hospital), make.need(hospital)
    add(database, storage, hospital, need.id, "一")
    add(database, storage, hospital, other.id, "二")
    with database.session(write=True) as session:
        session.delete(session.get(type(need), need.id))
    sweep.sweep(database, storage, {})
    assert [path.read_text() for path in kept(settings)] == ["二"]
