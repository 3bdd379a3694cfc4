"""Nothing that somebody wrote stands in a line of the log, whatever goes wrong and however loudly it is said."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import SubjectKind
from backend.matching import documents, indexing, remote, snapshots
from backend.matching.index_sync import SearchEngine
from backend.matching.models import SearchTier
from backend.matching.sides import SideIndex
from embeddings.index import FaissIndex, IndexUnavailable
from embeddings.lexical import LexicalIndex
from embeddings.types import EncoderUnavailable, Vector
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder
from tests.steps import act, edit

SIDE = SubjectKind.CAPABILITY, SearchTier.TEASER
CANARY = "金丝雀七号"
"""In every text of these tests, and in the message of every error."""


class Failing(FakeEncoder):
    """Repeats the text in its error, as libraries do."""

    fails = False

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """Fails when told to."""
        if self.fails:
            raise RuntimeError(f"cannot encode {texts!r}")
        return super().encode_passages(texts)


def _raise(*_arguments: object, **_options: object) -> Any:
    raise RuntimeError(f"[parameters: ('{CANARY}',)]")


def _unavailable(*_arguments: object, **_options: object) -> Any:
    raise IndexUnavailable(f"upsert failed: {CANARY}")


def _disk(*_arguments: object, **_options: object) -> Any:
    raise OSError(5, "Input/output error", CANARY)


PATHS: dict[str, tuple[object, str, Callable[..., Any]]] = {
    "the table cannot be written": (documents, "write", _raise),
    "the outbox cannot be read": (indexing, "next_batch", _raise),
    "rows cannot be applied": (SideIndex, "apply_vectors", _raise),
    "words cannot be applied": (LexicalIndex, "upsert", _raise),
    "words cannot be read": (documents, "texts_of", _raise),
    "vectors cannot be stored": (FaissIndex, "upsert", _raise),
    "a snapshot cannot be made": (snapshots, "save", _raise),
    "the disk fails": (snapshots, "save", _disk),
}


@pytest.fixture
def encoder() -> Failing:
    """The encoder of the next fixture."""
    return Failing()


@pytest.fixture
def running(settings: Settings, database: Database, encoder: Failing) -> SearchEngine:
    """An engine that has followed before."""
    made = SearchEngine(database, settings.index_dir, lambda: encoder)
    made.follow()
    return made


def told(caplog: pytest.LogCaptureFixture) -> str:
    """What the engine and its library have said, as it would be written to a file, with tracebacks."""
    formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
    ours = [r for r in caplog.records if r.name.startswith(("backend", "embeddings"))]
    return "\n".join(formatter.format(record) for record in ours)


def _live(engine: SearchEngine, database: Database, party: Party, make: Factory) -> None:
    """Publish, edit, search, save, withdraw; errors are the engine's to handle or the caller's to see."""
    capability = make.capability(party, f"{CANARY}产品", summary=f"{CANARY}的用途说明，写得足够长。")
    engine.follow_if_possible()
    edit(database, party, capability.id, summary=f"{CANARY}改写后的说明，写得足够长。")
    engine.follow_if_possible()
    engine.candidates(*SIDE, engine.query(CANARY))
    engine.save()
    act(database, party, capability.id, "withdraw")
    engine.follow_if_possible()
    engine.start().join(30)


@pytest.mark.parametrize("path", PATHS)
def test_no_text_in_the_log(
    path: str,
    running: SearchEngine,
    database: Database,
    make: Factory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    party = make.party()
    where, name, fail = PATHS[path]
    with monkeypatch.context() as context, caplog.at_level(logging.DEBUG):
        context.setattr(where, name, fail)
        _live(running, database, party, make)
    assert any(record.levelno >= logging.WARNING for record in caplog.records)
    assert CANARY not in told(caplog)
    running.follow()
    assert running.candidates(*SIDE, running.query(CANARY)) == []


def test_no_text_in_the_log_when_encoding_fails(
    running: SearchEngine, encoder: Failing, database: Database, make: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    party = make.party()
    encoder.fails = True
    with caplog.at_level(logging.DEBUG):
        _live(running, database, party, make)
        for number in range(indexing.SUBJECTS + 1):
            make.capability(party, f"{CANARY}第{number}号")
        running.follow_if_possible()
        thread = running._importer._thread
        assert thread is not None
        thread.join(20)
    assert "indexing in the background ended: RuntimeError" in told(caplog)
    assert "indexing postponed: RuntimeError" in told(caplog)
    assert CANARY not in told(caplog)


def test_no_text_in_the_log_without_a_model(
    settings: Settings,
    database: Database,
    make: Factory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def load() -> FakeEncoder:
        raise EncoderUnavailable("no model at hand")

    engine = SearchEngine(database, settings.index_dir, load, retry_seconds=0)
    party = make.party()
    with caplog.at_level(logging.DEBUG):
        for _turn in range(2):
            capability = make.capability(party, f"{CANARY}产品")
            engine.follow_if_possible()
            act(database, party, capability.id, "withdraw")
            engine.follow_if_possible()
            engine.start().join(30)
        monkeypatch.setattr(indexing, "purge", _raise)
        engine.follow_if_possible()
        engine.start().join(30)
    assert "no encoder" in told(caplog)
    assert "indexing postponed: RuntimeError" in told(caplog)
    assert CANARY not in told(caplog)


def test_no_text_in_the_log_when_the_service_of_the_vectors_fails(
    settings: Settings,
    database: Database,
    make: Factory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(remote, "open_index", _unavailable)
    address = "milvus://user:geheim@nowhere.invalid:1"
    engine = SearchEngine(database, settings.index_dir, FakeEncoder, retry_seconds=0, index=address)
    with caplog.at_level(logging.DEBUG):
        engine.follow()
        _live(engine, database, make.party(), make)
    assert "vectors are not searched" in told(caplog)
    assert CANARY not in told(caplog)
    assert "geheim" not in told(caplog)


def test_no_text_in_the_log_when_a_snapshot_does_not_fit(
    running: SearchEngine, settings: Settings, database: Database, make: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    make.capability(make.party(), f"{CANARY}产品")
    running.follow()
    running.save()
    for path in settings.index_dir.rglob("ids.json"):
        path.write_text(CANARY)
    for path in list(settings.index_dir.rglob("passages.map"))[:1]:
        Path(path).write_bytes(CANARY.encode() * 99)
    with caplog.at_level(logging.DEBUG):
        SearchEngine(database, settings.index_dir, FakeEncoder).follow()
    assert "will be rebuilt" in told(caplog)
    assert CANARY not in told(caplog)
