"""Fixtures of the pages."""

from collections.abc import Iterator

import pytest

from backend.config import Settings
from backend.db import Database
from tests.postbox import Postbox, open_postbox


@pytest.fixture
def postbox(settings: Settings, database: Database) -> Iterator[Postbox]:
    """A mail server; the site leaves its mails to the test, which has to be asked for before the client."""
    settings.worker = "apart"
    with open_postbox(settings, database) as opened:
        yield opened
