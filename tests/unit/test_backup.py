"""A backup is the whole site in one file, restored on either database; what is damaged or in the way is refused."""

import gzip
import io
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import SQLModel, col

from backend.accounts import sessions
from backend.accounts.models import User
from backend.api.models import ApiToken
from backend.backup import service
from backend.backup.archive import MANIFEST, BadArchive
from backend.backup.service import NotEmpty
from backend.backup.tables import LEFT_OUT
from backend.config import Settings
from backend.db import Database, migrate, utc_now
from backend.mailer import Mail
from backend.matching.index_sync import SearchEngine
from backend.needs import service as needs
from backend.needs.models import Need
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder
from tests.steps import TITLES, found, use_settings
from tests.unit.conftest import Run

CONTENT = b"%PDF-1.7 a drawing"
KEY = "a-key-of-this-site"


@pytest.fixture
def author(settings: Settings, engine: SearchEngine, company: Party, make: Factory, database: Database) -> Party:
    """The hospital of a site with needs, capabilities, an index, an attachment, weights, a key and an open session."""
    hospital = make.hospital()
    make.need(
        hospital, requirements=("针尖可弯", "不滑动"), anonymous=True, constraints="须与8F鞘管配合\n第二行 “引号”"
    )
    make.need(hospital, "尚未发布的需求", publish=False)
    with database.session(write=True) as session:
        sessions.start(session, hospital.user, days=1, user_agent="test")
        # Mails that wait do not come back; see below.
        session.execute(update(Mail).values(sent_at=utc_now(), due_at=None))
    engine.follow()
    engine.save()
    folder = settings.data_dir / "attachments" / "ab"
    folder.mkdir(parents=True)
    (folder / "abcdef").write_bytes(CONTENT)
    (settings.data_dir / "attachments" / "incoming").mkdir()
    (settings.data_dir / "attachments" / "incoming" / "half").write_bytes(b"half")
    (settings.data_dir / "ranker").mkdir()
    (settings.data_dir / "ranker" / "weights.json").write_text("{}")
    (settings.data_dir / "secret.key").write_text(KEY)
    return hospital


@pytest.fixture
def archive(settings: Settings, database: Database, author: Party, tmp_path: Path) -> Path:
    """A backup of it."""
    path = tmp_path / "site.tar"
    service.save(settings, database, path)
    return path


Target = Callable[[str], tuple[Settings, Database]]


@pytest.fixture
def target(tmp_path: Path, request: pytest.FixtureRequest, database_url: str | None) -> Iterator[Target]:
    """Makes an empty site; `sqlite`, or `same` for the kind of database that the tests run on."""
    made: list[Database] = []

    def make_one(kind: str) -> tuple[Settings, Database]:
        url = None
        if kind == "same" and database_url is not None:
            url = request.getfixturevalue("postgres").create(f"restored_{os.getpid()}_{id(made)}_{len(made)}")
        found = Settings(data_dir=tmp_path / f"clean{len(made)}", database_url=url, _env_file=None)
        made.append(Database(found.resolved_database_url))
        return found, made[-1]

    yield make_one
    for database in made:
        database.dispose()


def counts(database: Database) -> dict[str, int]:
    """Rows of every table but the sessions."""
    with database.session() as session:
        return {
            name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in SQLModel.metadata.tables.items()
            if name not in LEFT_OUT
        }


def content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the sessions."""
    with database.session() as session:
        return {
            name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns)).all()]
            for name, table in SQLModel.metadata.tables.items()
            if name not in LEFT_OUT
        }


@pytest.mark.parametrize("kind", ["same", "sqlite"])
def test_a_clean_machine_gets_the_same_site(
    kind: str, archive: Path, target: Target, database: Database, engine: SearchEngine, author: Party
) -> None:
    """Also from PostgreSQL to SQLite."""
    settings, restored = target(kind)
    done = service.restore(settings, restored, archive)
    assert content(restored) == content(database)
    assert sum(done.rows.values()) == sum(counts(database).values())
    assert (settings.data_dir / "attachments" / "ab" / "abcdef").read_bytes() == CONTENT
    assert not (settings.data_dir / "attachments" / "incoming").exists()
    assert (settings.data_dir / "ranker" / "weights.json").read_text() == "{}"
    assert (settings.data_dir / "secret.key").read_text() == KEY
    assert stat.S_IMODE((settings.data_dir / "secret.key").stat().st_mode) == 0o600
    other = SearchEngine(restored, settings.index_dir, FakeEncoder)
    other.follow()
    assert found(other, TITLES[0]) == found(engine, TITLES[0]) != []
    # It goes on: numbers of new rows follow those of the old ones.
    published = Factory(restored).capability(Factory(restored).party(name="示例·新单位"), "左心耳封堵器")
    other.follow()
    assert found(other, "左心耳封堵器")[0][0] == published.id
    with restored.session() as session:
        user = session.execute(select(User).where(col(User.email) == author.user.email)).scalar_one()
        table = SQLModel.metadata.tables["user_session"]
        assert session.execute(select(func.count()).select_from(table).where(table.c.user_id == user.id)).scalar() == 0


def test_a_backup_belongs_to_its_owner_alone(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_a_backup_is_of_one_moment(
    settings: Settings, database: Database, author: Party, make: Factory, tmp_path: Path, target: Target,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What is published while the tables are read is in it whole or not at all."""
    save_table = service._save_table

    def publish_meanwhile(writer, connection, table):  # type: ignore[no-untyped-def]
        make.need(author, f"备份期间的需求{table.name}", requirements=("一条",))
        return save_table(writer, connection, table)

    before = counts(database)
    monkeypatch.setattr(service, "_save_table", publish_meanwhile)
    service.save(settings, database, tmp_path / "site.tar")
    made, restored = target("same")
    service.restore(made, restored, tmp_path / "site.tar")
    # The first one came before the transaction saw anything.
    assert counts(restored)["need"] - before["need"] in (0, 1)
    after = counts(restored)
    grown = after["need"] - before["need"]
    assert after["requirement"] - before["requirement"] == grown
    assert after["audit_event"] - before["audit_event"] == 3 * grown


def test_a_site_with_data_is_not_replaced_unasked(
    archive: Path, settings: Settings, database: Database, author: Party
) -> None:
    before = content(database)
    with pytest.raises(NotEmpty):
        service.restore(settings, database, archive)
    assert content(database) == before
    with database.session(write=True) as session:
        need = session.execute(select(Need).where(col(Need.title) == "尚未发布的需求")).scalar_one()
        needs.act(session, author.viewer, need.id, "submit")
    (settings.data_dir / "attachments" / "ab" / "newer").write_bytes(b"newer")
    service.restore(settings, database, archive, replace=True)
    assert content(database) == before
    assert not (settings.data_dir / "attachments" / "ab" / "newer").exists()
    assert not settings.index_dir.exists()


@pytest.mark.parametrize("left", ["attachments/x", "ranker/weights.json", "secret.key"])
def test_files_are_in_the_way_too(left: str, archive: Path, target: Target) -> None:
    settings, restored = target("same")
    path = settings.data_dir / left
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("here")
    with pytest.raises(NotEmpty):
        service.restore(settings, restored, archive)
    assert path.read_text() == "here"


def _changed(archive: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """A copy of the archive with one of its files changed."""
    path = archive.with_name("changed.tar")
    with tarfile.open(archive) as old, tarfile.open(path, "w") as new:
        for entry in old.getmembers():
            file = old.extractfile(entry)
            assert file is not None
            data = file.read()
            if entry.name == name:
                data = change(data)
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))
    return path


def _manifest(**values: object) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), **values}).encode()


def _cut(archive: Path) -> Path:
    path = archive.with_name("cut.tar")
    path.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    return path


def _flipped(archive: Path) -> Path:
    data = bytearray(archive.read_bytes())
    data[data.index(CONTENT) + 3] ^= 1
    path = archive.with_name("flipped.tar")
    path.write_bytes(data)
    return path


def _with_a_link(archive: Path) -> Path:
    path = archive.with_name("link.tar")
    shutil.copy(archive, path)
    with tarfile.open(path, "a") as tar:
        entry = tarfile.TarInfo("files/../../escaped")
        tar.addfile(entry, io.BytesIO(b""))
    return path


def _no_archive(archive: Path) -> Path:
    path = archive.with_name("none.tar")
    path.write_text("not a tar at all" * 100)
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "cut short": (_cut, "damaged|cut short"),
    "one bit turned": (_flipped, "attachments/ab/abcdef is damaged"),
    "no archive": (_no_archive, "no archive"),
    "a file that leads elsewhere": (_with_a_link, "does not hold the files"),
    "a newer program": (lambda a: _changed(a, MANIFEST, _manifest(revision="9999")), "newer version"),
    "a newer format": (lambda a: _changed(a, MANIFEST, _manifest(format=2)), "format 2"),
    "a manifest that says nothing": (lambda a: _changed(a, MANIFEST, lambda _data: b"[]"), "manifest"),
    "a table that is another": (
        lambda a: _changed(a, "tables/need.jsonl.gz", lambda _data: gzip.compress(b'["id"]\n')),
        "tables/need.jsonl.gz is damaged",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_archive_changes_nothing(case: str, archive: Path, settings: Settings, database: Database) -> None:
    """Not even where everything was to be replaced."""
    before = content(database)
    spoil, message = BAD[case]
    with pytest.raises(BadArchive, match=message):
        service.restore(settings, database, spoil(archive), replace=True)
    assert content(database) == before
    assert (settings.data_dir / "attachments" / "ab" / "abcdef").read_bytes() == CONTENT
    assert not list(settings.data_dir.glob(".restoring-*"))


def test_a_restore_that_fails_in_the_middle_leaves_the_tables(
    archive: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(database)

    def fail(*_arguments: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("backend.backup.tables._set_sequences", fail)
    with pytest.raises(OSError, match="no room"):
        service.restore(settings, database, archive, replace=True)
    assert content(database) == before


def test_the_commands(
    run: Run, archive: Path, target: Target, monkeypatch: pytest.MonkeyPatch, author: Party, tmp_path: Path
) -> None:
    path = tmp_path / "by-command.tar"
    assert "1 attachments and 2 files" in run("backup", path).stdout
    assert path.exists()
    assert "1 attachments and 1 files" in run("backup", "--no-key", tmp_path / "without.tar").stdout
    assert KEY.encode() in path.read_bytes()
    assert KEY.encode() not in (tmp_path / "without.tar").read_bytes()
    refused = run("restore", path, code=1)
    assert "holds data already. Nothing was changed." in refused.stderr
    settings, _restored = target("same")
    use_settings(monkeypatch, settings)
    assert "Everybody signs in again" in run("restore", path).stdout
    assert "4 subjects" not in run("index", "status").stdout
    assert "3 subjects" in run("index", "status").stdout
    assert "is no archive" in run("restore", _no_archive(archive), code=1).stderr
    use_settings(monkeypatch, target("same")[0])
    assert "no tables" in run("backup", tmp_path / "nothing.tar", code=1).stderr
    assert not (tmp_path / "nothing.tar").exists()


def test_an_older_backup_is_brought_up_to_date(settings: Settings, target: Target, tmp_path: Path) -> None:
    """Tables of a former version, with a row that only the newest migration gives its column."""
    old_settings, old = target("same")
    old_settings.data_dir.mkdir(exist_ok=True)
    with old.migrating() as connection:
        migrate(connection, "0001")
        connection.exec_driver_sql(
            "INSERT INTO organisation (id, name, kind, region, summary, created_at)"
            " VALUES ('o', '示例·旧单位', 'hospital', '310107', '', '2026-01-01 00:00:00')"
        )
    service.save(old_settings, old, tmp_path / "old.tar")
    made, restored = target("same")
    service.restore(made, restored, tmp_path / "old.tar")
    assert counts(restored)["organisation"] == 1
    assert counts(restored)["mail"] == 0


def test_what_waited_or_opened_doors_does_not_come_back_to_life(
    settings: Settings, database: Database, author: Party, tmp_path: Path, target: Target
) -> None:
    """Tokens may have been revoked and mails sent since; what is revoked already keeps its time."""
    now = utc_now()
    with database.session(write=True) as session:
        for number, revoked in enumerate((None, now)):
            known: dict[str, Any] = {
                "name": "x",
                "beginning": "x",
                "scopes": [],
                "expires_at": now,
                "revoked_at": revoked,
            }
            session.add(ApiToken(user_id=author.user.id, digest=str(number), **known))
        session.add(Mail(event="confirm-address", recipient="waiting@test.example"))
        session.add(Mail(event="confirm-address", recipient="sent@test.example", sent_at=now, due_at=None))
    service.save(settings, database, tmp_path / "later.tar")
    _settings, restored = target("sqlite")
    service.restore(_settings, restored, tmp_path / "later.tar")
    with restored.session() as session:
        tokens = session.execute(select(ApiToken).order_by(col(ApiToken.digest))).scalars().all()
        assert [token.revoked_at is not None for token in tokens] == [True, True]
        assert tokens[1].revoked_at == now
        recipients = session.execute(select(col(Mail.recipient))).scalars().all()
    assert "waiting@test.example" not in recipients and "sent@test.example" in recipients
