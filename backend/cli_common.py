"""What the files of the command line share: progress, failures, the database and the engine."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from backend.config import Settings
from backend.db import Database
from backend.matching import ranker
from backend.matching.index_sync import SearchEngine


def show_progress(message: str, fraction: float) -> None:
    """Renew the line of progress on stderr."""
    typer.echo(f"\r{message} {fraction:4.0%}", err=True, nl=fraction >= 1)


def fail(message: str) -> typer.Exit:
    """Say on stderr why a command ends with 1; to be raised."""
    typer.echo(message, err=True)
    return typer.Exit(1)


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of the settings, its tables up to date."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    database.upgrade()
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def open_engine(settings: Settings) -> Iterator[tuple[Database, SearchEngine]]:
    """The database and the search engine over it, with the weights of this installation."""
    from backend.matching.engine import make_engine

    ranker.use(ranker.own_file(settings.data_dir))
    with open_database(settings) as database:
        try:
            engine = make_engine(settings, database, show_progress)
        except ValueError as error:
            raise fail(str(error)) from error
        yield database, engine
        engine.close()
