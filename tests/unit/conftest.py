"""Fixtures of the tests of the search engine and of its command line."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from backend.cli import app
from backend.config import Settings
from backend.db import Database
from backend.matching.index_sync import SearchEngine
from embeddings.types import Encoder
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.steps import TITLES, use_settings

Run = Callable[..., Result]


@pytest.fixture
def company(make: Factory) -> Party:
    """An enterprise with three capabilities."""
    party = make.party()
    for title in TITLES:
        make.capability(party, title, summary=f"{title}的主要用途和性能。")
    return party


@pytest.fixture
def other(settings: Settings, database: Database) -> SearchEngine:
    """The engine of another process over the same database and folder."""
    return SearchEngine(database, settings.index_dir, SwitchedLoader(FakeEncoder()), retry_seconds=0)


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command against the data folder of the test, with the fake encoder, and expects an exit code."""

    def load(*_arguments: object, **_options: object) -> Encoder:
        return FakeEncoder()

    use_settings(monkeypatch, settings)
    monkeypatch.setattr("backend.matching.engine.load_encoder", load)

    def start(*arguments: object, code: int = 0) -> Result:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == code, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    return start
