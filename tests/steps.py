"""Steps that tests of the search engine take: acts of an author, and looks into the index."""

import pytest

from backend.capabilities import service as capabilities
from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import SubjectKind
from backend.matching.documents import stored
from backend.matching.index_sync import SearchEngine
from backend.matching.models import SearchTier
from tests.factories import Factory, Party

UNLIMITED = {f"YIQIAO_{who}_{what}_PER_MINUTE": "0" for who in ("VISITOR", "USER") for what in ("SEARCHES", "REQUESTS")}
"""Settings of a site that one machine asks in the name of many."""

TITLES = ["可调弯射频房间隔穿刺系统", "病理细胞图像分析软件", "耐高温压力传感器"]


def found(engine: SearchEngine, text: str) -> list[tuple[str, float]]:
    """The capabilities found by their teasers, best first, with their cosine."""
    candidates = engine.candidates(SubjectKind.CAPABILITY, SearchTier.TEASER, engine.query(text))
    return [(c.subject_id, round(c.dense, 5)) for c in candidates if c.dense > 0.3 or c.lexical]


def act(database: Database, party: Party, subject_id: str, action: str) -> None:
    """Take an author's action; to publish means that it is submitted and a broker publishes it."""
    if action == "publish":
        with database.session() as session:
            stored = capabilities.find(session, subject_id)
            assert stored
        Factory(database).publish_capability(party, stored)
        return
    with database.session(write=True) as session:
        capabilities.act(session, party.viewer, subject_id, action)


def edit(database: Database, party: Party, subject_id: str, **values: str) -> None:
    """Change the text of a capability."""
    with database.session(write=True) as session:
        stored = capabilities.find(session, subject_id)
        assert stored
        capabilities.save(session, party.viewer, subject_id, values, expected_version=stored.version)


def first_id(database: Database) -> str:
    """The id of one capability."""
    with database.session() as session:
        return capabilities.open_ids(session)[0]


def vectors_of(database: Database, subject_id: str) -> list[bytes | None]:
    """The vectors of all passages of a capability, None for purged ones."""
    with database.session() as session:
        return [row.vector for row in stored(session, SubjectKind.CAPABILITY, subject_id)]


def use_settings(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Have commands take the data folder and the database of the test."""
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)


def environment_of(settings: Settings) -> dict[str, str]:
    """The same for another process."""
    found = {"YIQIAO_DATA_DIR": str(settings.data_dir)}
    if settings.database_url is not None:
        found["YIQIAO_DATABASE_URL"] = settings.database_url.get_secret_value()
    return found
