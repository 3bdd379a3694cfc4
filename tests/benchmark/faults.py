"""Faults on purpose, on both databases: `python -m tests.benchmark faults`. Prints the table of docs/reliability.md.

The encoder is the fake one of the tests: what is shown here is about records. Every site has a folder and a database of
its own, which are removed afterwards. PostgreSQL writes as on a real site (fsync, WAL).
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import SQLModel

from backend.backup import service as backup
from backend.backup.tables import LEFT_OUT
from backend.config import Settings
from backend.db import Database
from tests import faults
from tests.faults import Outcome
from tests.postgres import Server, running

PUBLISHES = 200
KILLS = 5
IMPORT = 400
SECONDS_GONE = 10.0

Fault = Callable[[Settings, Path], Outcome]


def main() -> None:
    """Run all and print a table."""
    print("| fault | database | told | confirmed | lost | half-done | missing in the index | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with running(durable=True) as server:
        for name, run in (
            (f"kill -9 of the web process, {KILLS} times during {PUBLISHES} publishes", _web),
            (f"kill -9 of the worker, 3 times during an import of {IMPORT}", _worker),
            ("16 bytes turned over in every file of the index", _index),
            ("backup restored in an empty folder", _restore),
        ):
            for kind in ("SQLite", "PostgreSQL"):
                _one(name, kind, server, run)
        name = f"PostgreSQL stopped for {SECONDS_GONE:.0f} s during {PUBLISHES} publishes"
        gone = SECONDS_GONE
        _one(name, "PostgreSQL", server, lambda s, log: faults.stop_the_database(s, server, log, PUBLISHES, gone))


def _one(name: str, kind: str, server: Server, run: Fault) -> None:
    with tempfile.TemporaryDirectory(prefix="yiqiao-faults-") as folder:
        database = f"faults_{time.monotonic_ns()}" if kind == "PostgreSQL" else None
        settings = Settings(
            data_dir=Path(folder) / "data",
            database_url=server.create(database) if database else None,
            _env_file=None,
        )
        _make_tables(settings)
        done = run(settings, Path(folder) / "log")
        if database:
            server.drop(database)
    told = ", ".join(f"{count} × {status}" for status, count in sorted(done.statuses.items())) or "-"
    print(
        f"| {name} | {kind} | {told} | {done.confirmed} | {done.lost} | {done.half_done} | {done.not_found} "
        f"| {done.seconds:.1f} |",
        flush=True,
    )


def _make_tables(settings: Settings) -> None:
    database = Database(settings.resolved_database_url)
    database.upgrade()
    database.dispose()


def _web(settings: Settings, log: Path) -> Outcome:
    return faults.kill_the_web_process(settings, log, PUBLISHES, KILLS)


def _worker(settings: Settings, log: Path) -> Outcome:
    return faults.kill_the_worker(settings, log, IMPORT, 3)


def _index(settings: Settings, log: Path) -> Outcome:
    return faults.corrupt_the_index(settings, log, 50)


def _restore(settings: Settings, log: Path) -> Outcome:
    """Publish, save, restore beside it; every row that is not a session is compared by number."""
    outcome = faults.kill_the_web_process(settings, log, PUBLISHES // 4, 0)
    source = Database(settings.resolved_database_url)
    archive = log.with_name("site.tar")
    began = time.monotonic()
    backup.save(settings, source, archive)
    target = Settings(data_dir=log.with_name("clean"), _env_file=None)
    restored = Database(target.resolved_database_url)
    backup.restore(target, restored, archive)
    outcome.seconds = time.monotonic() - began
    before, after = _counts(source), _counts(restored)
    outcome.lost += sum(abs(before[name] - after[name]) for name in before)
    source.dispose()
    restored.dispose()
    return outcome


def _counts(database: Database) -> dict[str, int]:
    with database.session() as session:
        return {
            name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in SQLModel.metadata.tables.items()
            if name not in LEFT_OUT
        }


if __name__ == "__main__":
    main()
