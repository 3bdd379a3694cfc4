"""5,000 rows from the file to the index: read, previewed, taken in, found, and undone; with the default encoder.

Each row is a need with a text of its own, of a hundred hospitals that the import makes. The time of a user counts from
the upload to the moment when the last row is in the index.
"""

import os
import tempfile
import time
from pathlib import Path

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.config import PROJECT_ROOT, Settings
from backend.db import Database, new_id
from backend.matching import indexing
from backend.matching.engine import make_engine
from backend.matching.models import SearchDocument
from backend.transfers import service, work
from backend.transfers.reading import read
from backend.transfers.states import ImportAction
from backend.transfers.tables import take
from tests import sheets
from tests.factories import Factory

ROWS = 5_000


def _indexed(session: Session) -> tuple[int, int]:
    """Subjects and passages in the index."""
    subjects, passages = func.count(func.distinct(col(SearchDocument.subject_id))), func.count()
    return session.exec(select(subjects, passages).select_from(SearchDocument)).one()


def _waits(database: Database) -> bool:
    """Whether anything has still to be encoded."""
    with database.session() as session:
        return indexing.waiting(session, 1) > 0


def _processor() -> float:
    """Seconds of processors that this process and those that it began have used: other work does not count."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Import a file into an empty site and print how long each part took."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), _env_file=None)
        cache = (PROJECT_ROOT / Settings().data_dir / "models").resolve()
        cache.mkdir(parents=True, exist_ok=True)
        settings.models_dir.symlink_to(cache)
        database = Database(settings.resolved_database_url)
        database.upgrade()
        engine = make_engine(settings, database)
        engine.follow()
        broker = Factory(database).broker()
        content = sheets.workbook({"需求": sheets.many(ROWS)})
        print(f"{ROWS:,} rows, {len(content) / 1e6:.1f} MB, load of the machine {os.getloadavg()[0]:.1f}")
        began = last = time.perf_counter()
        used = _processor()

        def tell(what: str) -> None:
            nonlocal last, used
            now, spent = time.perf_counter(), _processor()
            parts = f"{now - last:8.1f} s   {now - began:8.1f} s in all   {spent - used:8.1f} s of a processor"
            print(f"{what:<30}{parts}", flush=True)
            last, used = now, spent

        taken = take(read(content))
        tell("read in a process apart")
        with database.session(write=True) as session:
            batch = service.begin(session, broker.viewer, new_id(), broker.organisation.id, "x.xlsx", taken)
        tell("previewed")
        with database.session(write=True) as session:
            service.act(session, broker.viewer, batch.id, ImportAction.CONFIRM)
        assert work.run(database, lambda: None) == 1
        tell("taken in, visible at once")
        # As the site has it done: beside the requests, in small batches that let pages go before them.
        engine.follow_if_possible()
        while _waits(database):
            time.sleep(0.1)
        engine.follow()
        tell("encoded and in the index")
        with database.session() as session:
            subjects, passages = _indexed(session)
        print(f"{subjects:,} needs with {passages:,} passages; load of the machine {os.getloadavg()[0]:.1f}")
        again = time.perf_counter()
        with database.session(write=True) as session:
            service.begin(session, broker.viewer, new_id(), broker.organisation.id, "x.xlsx", take(read(content)))
        print(f"the same file once more, to the preview      {time.perf_counter() - again:8.1f} s")
        again = time.perf_counter()
        with database.session(write=True) as session:
            service.act(session, broker.viewer, batch.id, ImportAction.UNDO)
        assert work.run(database, lambda: None) == 1
        engine.follow()
        print(f"undone, out of the index                     {time.perf_counter() - again:8.1f} s")
        engine.close()
        database.dispose()
