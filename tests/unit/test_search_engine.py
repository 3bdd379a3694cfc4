"""The search engine over the database: several processes, another model, edits at a bad moment."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.again import repeated
from backend.config import Settings
from backend.db import Database
from backend.matching import status
from backend.matching.index_sync import EngineState, SearchEngine
from embeddings.types import EncoderUnavailable, Vector
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.steps import TITLES, act, edit, first_id, found, vectors_of


def test_two_processes_follow_each_other(
    engine: SearchEngine, other: SearchEngine, company: Party, database: Database, make: Factory
) -> None:
    engine.follow()
    other.follow()
    assert found(engine, "穿刺系统") == found(other, "穿刺系统") != []
    added = make.capability(company, "左心耳封堵器")
    engine.follow()
    other.follow()
    assert found(other, "左心耳封堵器")[0][0] == added.id
    act(database, company, added.id, "withdraw")
    other.follow()
    engine.follow()
    assert added.id not in [i for i, _ in found(engine, "左心耳封堵器")]
    assert engine.sequence == other.sequence


def test_what_one_process_has_encoded_no_other_encodes_again(
    engine: SearchEngine, loader: SwitchedLoader, settings: Settings, database: Database, company: Party
) -> None:
    engine.follow()
    second = FakeEncoder()
    SearchEngine(database, settings.index_dir, lambda: second).follow()
    assert len(loader.encoder.encoded) > 0
    assert second.encoded == []


def test_a_text_is_encoded_once(
    engine: SearchEngine, loader: SwitchedLoader, company: Party, database: Database
) -> None:
    """An edit of one sentence encodes what has changed; the same text in both tiers is encoded once."""
    engine.follow()
    assert len(loader.encoder.encoded) == len(set(loader.encoder.encoded))
    loader.encoder.encoded.clear()
    edit(database, company, first_id(database), contact="电话 021-0000 0000")
    engine.follow()
    assert loader.encoder.encoded == []
    edit(database, company, first_id(database), cooperation="寻找愿意参加临床试验的医院科室。")
    engine.follow()
    assert 1 <= len(loader.encoder.encoded) <= 2
    assert all("寻找愿意参加" in text for text in loader.encoder.encoded)


def test_writers_and_followers_do_not_disturb_each_other(
    engine: SearchEngine, other: SearchEngine, make: Factory, database: Database
) -> None:
    """Several requests publish at once while two processes follow: nothing is refused, nothing is missed."""
    party = make.party()
    engine.follow()

    def publish(number: int) -> str:
        capability = repeated(lambda: make.capability(party, f"第{number}号可调弯穿刺针"))
        (engine, other)[number % 2].follow()
        return capability.id

    with ThreadPoolExecutor(4) as pool:
        published = set(pool.map(publish, range(12)))
    for follower in (engine, other):
        follower.follow()
        assert {subject_id for subject_id, _score in found(follower, "可调弯穿刺针")} == published
    assert engine.sequence == other.sequence
    assert engine.sizes() == other.sizes()


def test_another_model_encodes_everything_again(
    engine: SearchEngine, settings: Settings, database: Database, company: Party, caplog: pytest.LogCaptureFixture
) -> None:
    engine.follow()
    engine.save()
    changed = FakeEncoder("another model")
    with caplog.at_level(logging.INFO):
        second = SearchEngine(database, settings.index_dir, lambda: changed)
        second.follow()
    assert "3 subjects are encoded again for model another model" in caplog.text
    assert found(second, TITLES[0])[0][1] > 0.5
    with database.session() as session:
        assert {row.model for row in status.of_database(session).rows} == {"another model"}
    # The first process must not mix vectors of two models.
    engine.follow()
    assert set(engine.sizes().values()) <= {0} or found(engine, TITLES[0])


class MeddlingEncoder(FakeEncoder):
    """Does something else once, in the middle of encoding."""

    meddle: Callable[[], None] | None = None

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """(n, d) float32, unit length."""
        meddle, self.meddle = self.meddle, None
        if meddle:
            meddle()
        return super().encode_passages(texts)


@pytest.fixture
def encoder() -> MeddlingEncoder:
    """The encoder of the next fixture."""
    return MeddlingEncoder()


@pytest.fixture
def running(settings: Settings, database: Database, encoder: MeddlingEncoder) -> SearchEngine:
    """An engine that has followed before."""
    made = SearchEngine(database, settings.index_dir, lambda: encoder)
    made.follow()
    return made


def test_an_edit_while_its_text_is_encoded_is_not_lost(
    running: SearchEngine, encoder: MeddlingEncoder, database: Database, make: Factory
) -> None:
    """The old text is not written any more, and the new one follows."""
    party = make.party()
    capability = make.capability(party, TITLES[0], summary="最初的说明文字，稍后会被改写。")
    encoder.meddle = lambda: edit(database, party, capability.id, summary="改写后的说明：手柄旋钮控制偏转。")
    running.follow()
    assert vectors_of(database, capability.id) == []
    running.follow()
    assert [subject_id for subject_id, _score in found(running, "手柄旋钮控制偏转")] == [capability.id]
    with database.session() as session:
        assert status.of_database(session).waiting == 0


def test_a_withdrawal_while_its_text_is_encoded_is_not_lost(
    running: SearchEngine, encoder: MeddlingEncoder, database: Database, make: Factory
) -> None:
    party = make.party()
    capability = make.capability(party, TITLES[0])
    encoder.meddle = lambda: act(database, party, capability.id, "withdraw")
    running.follow()
    assert vectors_of(database, capability.id) == []
    running.follow()
    assert found(running, TITLES[0]) == []
    assert vectors_of(database, capability.id) == []


def test_a_rebuild_finds_what_the_outbox_never_told(
    engine: SearchEngine, database: Database, company: Party, loader: SwitchedLoader
) -> None:
    """As after a backup was loaded without its search documents."""
    engine.follow()
    before = found(engine, TITLES[0])
    with database.session(write=True) as session:
        session.connection().exec_driver_sql("DELETE FROM search_document")
    loader.encoder.encoded.clear()
    assert engine.rebuild() == 3
    assert found(engine, TITLES[0]) == before
    assert loader.encoder.encoded
    loader.encoder.encoded.clear()
    assert engine.rebuild() == 3
    assert loader.encoder.encoded == []
    engine.rebuild(encode_again=True)
    assert loader.encoder.encoded


def test_a_model_that_is_missing_is_looked_for_again_after_a_while(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    loader = SwitchedLoader(FakeEncoder(), available=False)
    patient = SearchEngine(database, settings.index_dir, loader, retry_seconds=3600)
    assert patient.state is EngineState.STARTING
    for _ in range(3):
        with pytest.raises(EncoderUnavailable, match="no model at hand"):
            patient.follow()
    assert (loader.tries, patient.state) == (1, EngineState.UNAVAILABLE)
    eager = SearchEngine(database, settings.index_dir, loader, retry_seconds=0)
    with pytest.raises(EncoderUnavailable):
        eager.follow()
    loader.available = True
    eager.follow()
    assert (eager.state, eager.problem) == (EngineState.READY, None)
