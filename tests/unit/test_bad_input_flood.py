"""Ten thousand identical capabilities: no crash, no quadratic time, and one organisation does not fill the list."""

import hashlib
import time
from collections.abc import Sequence

import pytest

from backend.capabilities.models import Capability
from backend.db import Database, new_id
from backend.disclosure.models import SubjectKind
from backend.matching import indexing, service
from backend.matching.index_sync import SearchEngine
from backend.matching.models import SearchTier
from backend.matching.ranking import Wanted, rank
from backend.matching.sides import SIDES, Change, SideIndex, empty, query_of
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder
from tests.steps import TITLES

ALIKE = 600
NEED = "弯度可以在心脏内调节的可调弯射频房间隔穿刺系统"
OTHERS = ["可调弯房间隔穿刺针", "左心耳封堵器，弯度可调节", "心脏弯针"]


def _side(count: int, others: Sequence[str] = ()) -> SideIndex:
    """A side with so many subjects of one text, all of two passages, and others."""
    encoder = FakeEncoder()
    index = empty(encoder.name, encoder.dimension)
    texts = {f"{number:016x}": TITLES[0] for number in range(count)} | {
        f"other{n}": text for n, text in enumerate(others)
    }
    vectors = dict(
        zip(dict.fromkeys(texts.values()), encoder.encode_passages(list(dict.fromkeys(texts.values()))), strict=True)
    )
    rows = [
        Change(
            2 * n + half,
            2 * n + half,
            subject,
            hashlib.sha256(text.encode()).hexdigest(),
            encoder.name,
            vectors[text].tobytes(),
            False,
        )
        for n, (subject, text) in enumerate(texts.items())
        for half in (1, 2)
    ]
    index.apply_vectors(rows, encoder.name)
    index.apply_texts(texts, texts)
    return index


def _seconds(count: int) -> float:
    """Processor time to take over and search so many."""
    start = time.process_time()
    index = _side(count)
    for _search in range(3):
        index.candidates(query_of(FakeEncoder(), TITLES[0]))
    return time.process_time() - start


def test_ten_thousand_alike_are_taken_over_and_searched() -> None:
    index = _side(10_000, OTHERS)
    found = index.candidates(query_of(FakeEncoder(), TITLES[0]))
    assert len(index.passages) == 2 * 10_003
    assert len(found) >= 200
    assert {round(c.dense, 4) for c in found} == {1.0}
    assert [c.subject_id for c in index.candidates(query_of(FakeEncoder(), OTHERS[2]))][:1] == ["other2"]
    index.apply_texts([f"{n:016x}" for n in range(10_000)], {})
    assert index.lexical.ids() == {"other0", "other1", "other2"}


def test_the_time_grows_with_the_number_and_not_with_its_square() -> None:
    """Sixteen times as many would take 256 times as long."""
    _seconds(100)
    few, many = _seconds(1_000), _seconds(16_000)
    assert many < 60 * max(few, 0.02)


@pytest.fixture
def flooded(engine: SearchEngine, database: Database, make: Factory) -> tuple[Party, Party]:
    """A hospital, and an enterprise with hundreds of published capabilities of one text, beside three of others."""
    enterprise = make.party()
    first = make.capability(enterprise)
    with database.session(write=True) as session:
        copies = [Capability(**{**first.model_dump(), "id": new_id()}) for _copy in range(ALIKE)]
        session.add_all(copies)
        session.flush()
        indexing.queue(session, [(SubjectKind.CAPABILITY, copy.id) for copy in copies])
    for title in OTHERS:
        make.capability(make.party(), title, summary=f"{title}，外径不超过8F。")
    engine.follow()
    return make.hospital(), enterprise


def test_what_is_said_hundreds_of_times_is_encoded_once(engine: SearchEngine, flooded: tuple[Party, Party]) -> None:
    encoder = engine.encoder()
    assert isinstance(encoder, FakeEncoder)
    assert len(encoder.encoded) == len(set(encoder.encoded)) < 20
    assert all(
        engine.sizes()[side] == 2 * (ALIKE + 1 + len(OTHERS)) for side in SIDES if side[0] is SubjectKind.CAPABILITY
    )


def test_hundreds_alike_do_not_crowd_out_what_fits_better(
    engine: SearchEngine, database: Database, make: Factory, flooded: tuple[Party, Party]
) -> None:
    hospital, enterprise = flooded
    found = _suggested(engine, database, make, hospital, OTHERS[1])
    assert found[0] != enterprise.organisation.id
    assert found.count(enterprise.organisation.id) <= 2


def test_one_organisation_with_hundreds_alike_does_not_fill_the_list(
    engine: SearchEngine, database: Database, make: Factory, flooded: tuple[Party, Party]
) -> None:
    """Its entries fit best and fill what others leave free, but whoever else has something good is on the list."""
    hospital, enterprise = flooded
    rivals = [make.party() for _rival in range(3)]
    for rival in rivals:
        make.capability(rival, f"{TITLES[0]}，一次性使用")
    engine.follow()
    found = _suggested(engine, database, make, hospital, NEED)
    assert found[:2] == [enterprise.organisation.id] * 2
    assert set(found) >= {rival.organisation.id for rival in rivals}


def test_what_an_organisation_hides_does_not_go_with_its_crowd(
    engine: SearchEngine, database: Database, make: Factory, flooded: tuple[Party, Party]
) -> None:
    """Who saw an anonymous entry vanish beside a crowd would know whose it is; none is named twice to its author."""
    hospital, enterprise = flooded
    make.capability(enterprise, f"{TITLES[0]}，一次性使用", anonymous=True)
    engine.follow()
    for viewer in (hospital.viewer, enterprise.viewer):
        with database.session() as session:
            found = rank(
                session, engine, viewer, Wanted(NEED), SubjectKind.CAPABILITY, SearchTier.TEASER, lambda _card: True
            )
        names = [entry.card.id for entry in found.ranked]
        assert len(names) == len(set(names))
    assert None in _suggested(engine, database, make, hospital, NEED)


def _suggested(engine: SearchEngine, database: Database, make: Factory, hospital: Party, text: str) -> list[str | None]:
    """Whose capabilities are suggested for a need of that text."""
    need = make.need(hospital, text, summary=text, problem=text)
    with database.session() as session:
        _card, done = service.suggest(session, engine, hospital.viewer, SubjectKind.NEED, need.id)
    return [match.card.organisation_id for match in (*done.matches, *done.nearest)]
