"""Vectors in Milvus: the engine feeds it, finds by it, goes on by words without it, and comes back by itself."""

import importlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import SubjectKind
from backend.matching import documents, lease, remote, status
from backend.matching.engine import make_engine
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.models import SearchTier
from embeddings.index import IndexUnavailable, MilvusIndex, open_index
from embeddings.types import IndexMismatch
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.steps import TITLES, act, edit, first_id, found, vectors_of

pytest.importorskip("milvus_lite")
SIDE = SubjectKind.CAPABILITY, SearchTier.TEASER


class Service:
    """Opens the service of the test, unless it is switched off."""

    def __init__(self) -> None:
        self.is_on = True
        self.opened: dict[str, MilvusIndex] = {}

    def __call__(self, url: str | None, *, name: str, dimension: int, model: str) -> Any:
        """As open_index."""
        if not self.is_on:
            raise IndexUnavailable("switched off")
        made = self.opened[name] = open_index(url, name=name, dimension=dimension, model=model)  # type: ignore[assignment]
        return made

    def ids(self, side: tuple[SubjectKind, SearchTier] = SIDE) -> set[int]:
        """What the service holds of a side."""
        return next(index for name, index in self.opened.items() if name.startswith(f"{side[0]}_{side[1]}_")).ids()

    def switch_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on nothing answers."""

        def fail(*_arguments: object, **_options: object) -> None:
            raise IndexUnavailable("switched off")

        self.is_on = False
        for method in ("search", "upsert", "delete", "sequence", "save"):
            monkeypatch.setattr(MilvusIndex, method, fail)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """A switch between the engine and Milvus."""
    made = Service()
    monkeypatch.setattr(remote, "open_index", made)
    return made


@pytest.fixture
def served(settings: Settings, database: Database, service: Service, tmp_path: Path) -> Iterator[SearchEngine]:
    """An engine whose vectors are in milvus-lite."""
    url = f"milvus+file://{tmp_path}/vectors.db"
    made = SearchEngine(database, settings.index_dir, SwitchedLoader(FakeEncoder()), retry_seconds=0, index=url)
    yield made
    made.close()
    # milvus-lite leaves its server running otherwise.
    server = importlib.import_module("milvus_lite.server_manager").server_manager_instance
    server.release_server(str(tmp_path / "vectors.db"))


def live_ids(database: Database) -> set[int]:
    """The passages that the service should hold."""
    with database.session() as session:
        query = select(documents.TABLE.c.id).where(*documents.live(*SIDE))
        return set(session.execute(query).scalars())


def test_it_follows_the_database_and_finds_what_faiss_finds(
    served: SearchEngine, engine: SearchEngine, service: Service, database: Database, company: Party, make: Factory
) -> None:
    for follower in (served, engine):
        follower.follow()
    assert service.ids() == live_ids(database) != set()
    for title in TITLES:
        expected = found(engine, title)
        assert [i for i, _score in found(served, title)] == [i for i, _score in expected]
        assert [score for _i, score in found(served, title)] == pytest.approx([s for _i, s in expected], abs=1e-3)
    subject = first_id(database)
    edit(database, company, subject, summary="改写后的用途说明，与原来完全不同。")
    added = make.capability(company, "左心耳封堵器")
    served.follow()
    assert found(served, "左心耳封堵器")[0][0] == added.id
    act(database, company, added.id, "withdraw")
    served.follow()
    assert service.ids() == live_ids(database)
    assert added.id not in [i for i, _score in found(served, "左心耳封堵器")]


def test_nothing_is_lost_while_it_is_gone(
    served: SearchEngine,
    service: Service,
    database: Database,
    company: Party,
    make: Factory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Words go on being found, what changes is made up for when it answers again, and the state says which it is."""
    served.follow()
    withdrawn = first_id(database)
    with monkeypatch.context() as context:
        service.switch_off(context)
        act(database, company, withdrawn, "withdraw")
        added = make.capability(company, "左心耳封堵器")
        served.follow_if_possible()
        assert not served.vectors_available
        assert served.state is EngineState.READY
        hits = served.candidates(*SIDE, served.query("左心耳封堵器"))
        assert [(hit.subject_id, hit.dense) for hit in hits] == [(added.id, 0.0)]
        assert set(vectors_of(database, withdrawn)) == {None}
        for _turn in range(3):
            served.follow_if_possible()
    assert "vectors are not searched until their service answers again" in caplog.text
    service.is_on = True
    _until_available(served)
    assert service.ids() == live_ids(database)
    assert found(served, "左心耳封堵器")[0][1] > 0.5


def test_a_start_while_it_is_gone(
    served: SearchEngine, service: Service, database: Database, company: Party, make: Factory
) -> None:
    service.is_on = False
    served.follow()
    assert (served.state, served.vectors_available) == (EngineState.READY, False)
    assert [hit.dense for hit in served.candidates(*SIDE, served.query(TITLES[0]))][:1] == [0.0]
    service.is_on = True
    _until_available(served)
    assert service.ids() == live_ids(database)


def test_one_that_has_lost_everything_is_fed_again(
    served: SearchEngine,
    service: Service,
    database: Database,
    company: Party,
    settings: Settings,
    tmp_path: Path,
) -> None:
    served.follow()
    for index in service.opened.values():
        index.clear()
    served.close()
    url = f"milvus+file://{tmp_path}/vectors.db"
    second = SearchEngine(database, settings.index_dir, SwitchedLoader(FakeEncoder()), retry_seconds=0, index=url)
    second.follow()
    assert service.ids() == live_ids(database)
    assert found(second, TITLES[0])[0][1] > 0.5
    second.close()


def test_another_process_that_feeds_is_left_alone(
    served: SearchEngine, service: Service, database: Database, company: Party
) -> None:
    assert lease.take(database, "another process")
    served.follow()
    assert not service.opened
    lease.give_back(database, "another process")
    served.follow()
    assert service.ids() == live_ids(database)


def test_a_hit_that_the_database_does_not_have_is_not_shown(
    served: SearchEngine, service: Service, database: Database, company: Party
) -> None:
    """As when a feeder died between storing and noting it."""
    served.follow()
    encoder = FakeEncoder()
    index = next(index for name, index in service.opened.items() if name.startswith("capability_teaser"))
    index.upsert(np.array([999_999]), encoder.encode_passages(["左心耳封堵器"]))
    assert all(i in _subjects(database) for i, _score in found(served, "左心耳封堵器"))


def test_the_status_tells_what_the_service_holds(
    served: SearchEngine, service: Service, database: Database, company: Party, tmp_path: Path
) -> None:
    url = f"milvus+file://{tmp_path}/vectors.db"
    served.follow()
    served.close()
    with database.session() as session:
        rows = {(row.kind, row.tier): row for row in status.of_service(session, url)}
        assert rows[SIDE].vectors == len(live_ids(database))
        assert rows[SIDE].sequence == served.sequence
        assert status.of_service(session, None) == []
        service.is_on = False
        assert {(row.vectors, row.sequence) for row in status.of_service(session, url)} == {(None, None)}


@pytest.mark.parametrize("error", [IndexMismatch("dimension", "of another length"), ValueError("no port")])
def test_one_of_another_shape_fails_no_page(
    error: Exception, settings: Settings, database: Database, company: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(remote, "open_index", fail)
    url = "milvus://localhost:19530"
    engine = SearchEngine(database, settings.index_dir, SwitchedLoader(FakeEncoder()), retry_seconds=60, index=url)
    engine.follow()
    assert not engine.vectors_available
    assert [hit.dense for hit in engine.candidates(*SIDE, engine.query(TITLES[0]))][:1] == [0.0]


def test_an_index_that_nobody_knows(settings: Settings, database: Database) -> None:
    with pytest.raises(ValueError, match="YIQIAO_INDEX") as raised:
        make_engine(settings.model_copy(update={"index": "redis://:secret@host"}), database)
    assert "secret" not in str(raised.value)


def _subjects(database: Database) -> set[str]:
    with database.session() as session:
        return {subject_id for _kind, subject_id in documents.indexed_subjects(session)}


def _until_available(served: SearchEngine) -> None:
    """It is tried in the background, at every page after a while."""
    for _turn in range(100):
        served.follow_if_possible()
        if served.vectors_available and not any(r.fed_to < served.sequence for r in served._service.sides.values()):
            return
        threading.Event().wait(0.1)
    raise AssertionError("the service was not taken up again")
