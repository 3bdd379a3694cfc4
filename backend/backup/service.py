"""Backup and restore of a whole site: tables, attachments, weights of the ranker, and the key of the site.

The tables are read in one transaction, so they belong together though the site goes on. Attachments are copied after
them: a content is written before the row that names it, so what the rows name is there.
"""

import gzip
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from backend.backup import archive, tables
from backend.backup.archive import BadArchive, Manifest, Reader, Writer
from backend.config import Settings
from backend.db import Database, migrate, migrations, utc_now

TABLES, FILES, ATTACHMENTS = "tables", "files", "attachments"
KEPT_FILES = ("secret.key",)
KEPT_FOLDERS = ("ranker",)
DERIVED = ("index", "queue.sqlite3", "queue.sqlite3-wal", "queue.sqlite3-shm")
"""What belongs to the former state and is made anew."""
UNFINISHED = "incoming"


class NotEmpty(Exception):
    """The site holds something that a restore would replace."""


@dataclass(frozen=True)
class Summary:
    """What a backup holds, or a restore has brought back."""

    rows: dict[str, int]
    attachments: int
    files: int


def save(settings: Settings, database: Database, path: Path, *, with_key: bool = True) -> Summary:
    """Write a backup while the site runs. Raises OSError, and BadArchive where the database has no tables.

    Without the key an archive does not open what is sealed with it, and second factors are set up anew after a restore.
    """
    with archive.written(path) as writer:
        with database.session() as session:
            connection = session.connection()
            revision = _revision(connection)
            if revision is None:
                raise BadArchive("The database has no tables: there is nothing to be saved.")
            rows = {table.name: _save_table(writer, connection, table) for table in tables.of_database(connection)}
        attachments = _save_attachments(writer, settings)
        files = _save_files(writer, settings.data_dir, KEPT_FILES if with_key else ())
        writer.finish(
            Manifest(
                revision=revision,
                made_at=utc_now().isoformat(timespec="seconds"),
                database=database.engine.dialect.name,
                members=writer.members,
            )
        )
    return Summary(rows, attachments, files)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _save_table(writer: Writer, connection: Connection, table: Any) -> int:
    with tempfile.TemporaryFile() as file:
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3, mtime=0) as packed:
            count = tables.write(connection, table, packed)
        writer.add(f"{TABLES}/{table.name}.jsonl.gz", file, count)
    return count


def _storage(settings: Settings) -> tuple[Any, str]:
    files, root = fsspec.core.url_to_fs(settings.resolved_attachments_url)
    return files, str(root).rstrip("/")


def _save_attachments(writer: Writer, settings: Settings) -> int:
    storage, root = _storage(settings)
    count = 0
    for path in sorted(storage.find(root)) if storage.exists(root) else []:
        name = path.removeprefix(root).strip("/")
        if PurePosixPath(name).parts[0] == UNFINISHED:
            continue
        # A content that its author removes at this moment is named by no row any more.
        with tempfile.TemporaryFile() as file:
            try:
                with storage.open(path, "rb") as content:
                    shutil.copyfileobj(content, file)
            except FileNotFoundError:
                continue
            writer.add(f"{ATTACHMENTS}/{name}", file)
        count += 1
    return count


def _save_files(writer: Writer, data_dir: Path, names: Sequence[str]) -> int:
    paths = [data_dir / name for name in names]
    for folder in KEPT_FOLDERS:
        paths += sorted((data_dir / folder).rglob("*"))
    found = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    for path in found:
        with path.open("rb") as content:
            writer.add(f"{FILES}/{path.relative_to(data_dir).as_posix()}", content)
    return len(found)


def restore(settings: Settings, database: Database, path: Path, *, replace: bool = False) -> Summary:
    """Bring a site back as a backup has it; the site must not run. Everybody has to sign in again.

    All tables are filled in one transaction, files are put in place behind it. What fails leaves the tables as they
    were; interrupted in between, the restore is run once more.

    Raises:
        BadArchive: the file is damaged, no backup, or of a newer program.
        NotEmpty: the site holds something, and `replace` was not asked for.
    """
    with archive.verified(path) as reader:
        _check_revision(reader.manifest.revision)
        if not replace:
            _check_empty(settings, database)
        with _unpacked(reader, settings.data_dir) as folder:
            with database.migrating() as connection:
                rows = _restore_tables(reader, connection)
            attachments = _restore_attachments(reader, settings)
            files = _restore_files(folder, settings.data_dir)
        for name in DERIVED:
            _remove(settings.data_dir / name)
    return Summary(rows, attachments, files)


def _check_revision(revision: str) -> None:
    try:
        ScriptDirectory.from_config(migrations()).get_revision(revision)
    except CommandError as error:
        raise BadArchive("The backup was made by a newer version of the program.") from error


def _check_empty(settings: Settings, database: Database) -> None:
    with database.session() as session:
        if not tables.is_empty(session.connection()):
            raise NotEmpty("The database holds data already.")
    storage, root = _storage(settings)
    if storage.exists(root) and storage.find(root):
        raise NotEmpty("The storage of attachments holds files already.")
    for name in (*KEPT_FILES, *KEPT_FOLDERS):
        if (settings.data_dir / name).exists():
            raise NotEmpty(f"The data folder holds {name} already.")


@contextmanager
def _unpacked(reader: Reader, data_dir: Path) -> Iterator[Path]:
    """A folder with the files of the data folder, on the same file system, so that they can be moved into place."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=data_dir) as name:
        folder = Path(name)
        for member in reader.names(FILES):
            target = folder / member
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with reader.open(f"{FILES}/{member}") as content, target.open("wb") as file:
                target.chmod(0o600)
                shutil.copyfileobj(content, file)
        yield folder


def _restore_tables(reader: Reader, connection: Connection) -> dict[str, int]:
    tables.drop_all(connection)
    migrate(connection, reader.manifest.revision)
    found = tables.of_database(connection)
    names = {name.removesuffix(".jsonl.gz") for name in reader.names(TABLES)}
    if unknown := names - {table.name for table in found}:
        raise BadArchive(f"The backup holds tables that are not those of its version: {', '.join(sorted(unknown))}.")
    counts = tables.read(connection, found, _sources(reader, [table.name for table in found if table.name in names]))
    for name, count in counts.items():
        if count != reader.manifest.members[f"{TABLES}/{name}.jsonl.gz"].rows:
            raise BadArchive(f"The table {name} has not as many rows as its backup says.")
    migrate(connection)
    tables.end_what_waited(connection, utc_now())
    return counts


def _sources(reader: Reader, names: list[str]) -> Iterator[tuple[str, tables.Source]]:
    for name in names:
        with reader.open(f"{TABLES}/{name}.jsonl.gz") as content, closing(gzip.GzipFile(fileobj=content)) as plain:
            yield name, plain


def _restore_attachments(reader: Reader, settings: Settings) -> int:
    storage, root = _storage(settings)
    if storage.exists(root):
        storage.rm(root, recursive=True)
    names = reader.names(ATTACHMENTS)
    for name in names:
        path = f"{root}/{name}"
        storage.makedirs(path.rpartition("/")[0], exist_ok=True)
        with reader.open(f"{ATTACHMENTS}/{name}") as content, storage.open(path, "wb") as file:
            shutil.copyfileobj(content, file)
    return len(names)


def _restore_files(folder: Path, data_dir: Path) -> int:
    count = sum(path.is_file() for path in folder.rglob("*"))
    for name in (*KEPT_FILES, *KEPT_FOLDERS):
        _remove(data_dir / name)
        if (folder / name).exists():
            (folder / name).rename(data_dir / name)
    return count


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
