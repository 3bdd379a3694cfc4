"""Fixtures of the pages."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from backend.config import Settings
from backend.db import Database
from tests.postbox import Postbox, open_postbox


@pytest.fixture
def postbox(settings: Settings, database: Database) -> Iterator[Postbox]:
    """The mail server of the site; a test asks for it before the client."""
    with open_postbox(database) as opened:
        settings.smtp_url = SecretStr(opened.url)
        yield opened
