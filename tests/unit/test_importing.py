"""Many changes at once: encoded together, in the background where a page waits, interrupted and gone on with."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import SubjectKind
from backend.matching import documents, importer, indexing, lease
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.models import SearchTier
from embeddings.types import Vector
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder
from tests.steps import TITLES, act, edit, found, vectors_of

MANY = indexing.SUBJECTS + 6


class WatchedEncoder(FakeEncoder):
    """Counts calls, can be held up, and can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.fails_at: int | None = None

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """(n, d) float32, unit length."""
        self.may_go_on.wait(10)
        self.calls.append(len(texts))
        if self.fails_at is not None and len(self.calls) > self.fails_at:
            raise MemoryError
        return super().encode_passages(texts)


@pytest.fixture
def encoder() -> WatchedEncoder:
    """The encoder of the next fixture."""
    return WatchedEncoder()


@pytest.fixture
def running(settings: Settings, database: Database, encoder: WatchedEncoder) -> Iterator[SearchEngine]:
    """An engine that has followed before."""
    made = SearchEngine(database, settings.index_dir, lambda: encoder)
    made.follow()
    yield made
    encoder.may_go_on.set()
    made.close()


@pytest.fixture
def party(make: Factory) -> Party:
    """An enterprise."""
    return make.party()


def publish(make: Factory, party: Party, count: int) -> list[str]:
    """Publish capabilities with different texts."""
    return [make.capability(party, f"第{n}号产品", summary=f"第{n}号产品的主要用途和性能。").id for n in range(count)]


def waiting(database: Database) -> int:
    """Rows of the outbox."""
    with database.session() as session:
        return indexing.waiting(session, 100_000)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that a thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_subjects_are_encoded_together(
    running: SearchEngine, encoder: WatchedEncoder, database: Database, make: Factory, party: Party
) -> None:
    published = publish(make, party, MANY)
    told: list[tuple[int, int]] = []
    running.rebuild(progress=lambda done, total: told.append((done, total)))
    assert len(encoder.calls) == 2
    assert len(encoder.encoded) == len(set(encoder.encoded))
    assert told == [(indexing.SUBJECTS, MANY), (MANY, MANY)]
    assert waiting(database) == 0
    assert {subject for subject, _score in found(running, "主要用途和性能")} <= set(published)
    assert all(None not in vectors_of(database, subject) for subject in published)


def test_an_interrupted_import_goes_on_where_it_was(
    running: SearchEngine, encoder: WatchedEncoder, database: Database, make: Factory, party: Party, settings: Settings
) -> None:
    """Nothing of the first batch is encoded again, and nothing of the second is lost."""
    publish(make, party, MANY)
    encoder.fails_at = 1
    with pytest.raises(MemoryError):
        running.follow()
    assert waiting(database) == MANY - indexing.SUBJECTS
    second = WatchedEncoder()
    other = SearchEngine(database, settings.index_dir, lambda: second)
    other.follow()
    assert waiting(database) == 0
    assert set(second.encoded).isdisjoint(encoder.encoded)
    assert other.sizes()[(SubjectKind.CAPABILITY, SearchTier.TEASER)] == 2 * MANY
    other.close()


def test_the_same_text_of_another_subject_is_not_encoded_again(
    running: SearchEngine, encoder: WatchedEncoder, make: Factory, party: Party, database: Database
) -> None:
    first = make.capability(party)
    running.follow()
    encoder.encoded.clear()
    second = make.capability(make.party())
    running.follow()
    assert encoder.encoded == []
    assert vectors_of(database, second.id) == vectors_of(database, first.id)


def test_a_text_that_was_withdrawn_is_encoded_again(
    running: SearchEngine, encoder: WatchedEncoder, make: Factory, party: Party, database: Database
) -> None:
    """Its vectors were purged: nothing of it is kept for the case that it comes back."""
    capability = make.capability(party)
    running.follow()
    act(database, party, capability.id, "withdraw")
    running.follow()
    encoder.encoded.clear()
    act(database, party, capability.id, "publish")
    running.follow()
    assert encoder.encoded
    assert found(running, capability.title)[0][0] == capability.id


def test_a_page_does_not_wait_for_an_import(
    running: SearchEngine, encoder: WatchedEncoder, make: Factory, party: Party, database: Database
) -> None:
    """What is withdrawn meanwhile is purged at once, and what is published meanwhile comes before the import."""
    old = make.capability(party, TITLES[0])
    edited = make.capability(party, TITLES[1], summary="将被改写的一句话，写得足够长。")
    running.follow()
    encoder.may_go_on.clear()
    publish(make, party, MANY)
    start = time.monotonic()
    running.follow_if_possible()
    act(database, party, old.id, "withdraw")
    edit(database, party, edited.id, summary="改写之后的说明，与原来不同。")
    running.follow_if_possible()
    assert time.monotonic() - start < 5
    assert set(vectors_of(database, old.id)) == {None}
    assert found(running, TITLES[0]) == []
    with database.session() as session:
        texts = documents.texts_of(session, SubjectKind.CAPABILITY, SearchTier.TEASER, [edited.id])
    assert "将被改写" not in "".join(texts.values())
    last = make.capability(party, TITLES[2])
    encoder.may_go_on.set()
    until(lambda: waiting(database) == 0)
    until(lambda: [subject for subject, _score in found(running, TITLES[2])][:1] == [last.id])
    # The first batch was under way already; the newest came with the second.
    newest = next(n for n, text in enumerate(encoder.encoded) if TITLES[2] in text)
    assert newest < 4 * importer.BACKGROUND_SUBJECTS + 12


def test_searches_do_not_wait_for_changes(running: SearchEngine, make: Factory, party: Party) -> None:
    """Neither for an import nor for rows that are applied."""
    capability = make.capability(party, TITLES[0])
    running.follow()
    answers: list[str] = []
    with running._changing:
        thread = threading.Thread(target=lambda: answers.extend(i for i, _score in found(running, TITLES[0])))
        thread.start()
        thread.join(10)
    assert answers == [capability.id]


def test_an_engine_that_is_being_opened_says_so_and_keeps_nobody_waiting(
    settings: Settings, database: Database, encoder: WatchedEncoder, make: Factory, party: Party
) -> None:
    engine = SearchEngine(database, settings.index_dir, lambda: encoder)
    engine.encoder()
    with engine._changing:
        assert engine.state is EngineState.STARTING
        thread = threading.Thread(target=engine.follow_if_possible)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        states = [engine.state]
    engine.follow_if_possible()
    states.append(engine.state)
    assert states == [EngineState.STARTING, EngineState.READY]
    engine.close()


def test_one_process_at_a_time_works_in_the_background(
    running: SearchEngine, encoder: WatchedEncoder, make: Factory, party: Party, database: Database
) -> None:
    publish(make, party, MANY)
    assert lease.take(database, "another process")
    running.follow_if_possible()
    thread = running._importer._thread
    assert thread is not None
    thread.join(10)
    assert waiting(database) == MANY
    lease.give_back(database, "another process")
    running.follow_if_possible()
    until(lambda: waiting(database) == 0)


def test_a_lease_is_held_by_one_and_ends_by_itself(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lease.take(database, "a")
    assert lease.take(database, "a")
    assert not lease.take(database, "b")
    lease.give_back(database, "b")
    assert not lease.take(database, "b")
    lease.give_back(database, "a")
    monkeypatch.setattr(lease, "SECONDS", -1)
    assert lease.take(database, "b")
    assert lease.take(database, "a")
