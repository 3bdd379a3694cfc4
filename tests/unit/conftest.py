"""Fixtures of the tests of the search engine."""

import pytest

from backend.config import Settings
from backend.db import Database
from backend.matching.index_sync import SearchEngine
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.steps import TITLES


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
