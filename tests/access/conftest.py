"""One world for all tests of the matrix: building it takes longer than asking."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from backend.config import Settings
from backend.db import Database
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from tests.access.world import World, build
from tests.factories import Factory
from tests.fakes import FakeEncoder, SwitchedLoader


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[World]:
    """A site with texts of every kind and status, and readers of every role."""
    folder = tmp_path_factory.mktemp("matrix")
    settings = Settings(
        visitor_searches_per_minute=0,
        user_searches_per_minute=0,
        visitor_requests_per_minute=0,
        user_requests_per_minute=0,
        data_dir=folder,
        model_retry_seconds=0,
        hosts="testserver",
        _env_file=None,
    )
    (folder / "yiqiao.sqlite3").write_bytes(migrated.read_bytes())
    database = Database(settings.resolved_database_url)
    engine = SearchEngine(database, settings.index_dir, SwitchedLoader(FakeEncoder()), retry_seconds=0)
    app = create_app(settings, database=database, engine=engine)
    with TestClient(app):
        engine.follow()
        yield build(app, database, Factory(database))
