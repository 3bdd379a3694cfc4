"""The short lists: made without anybody looking, made anew after changes, and nothing stays of what was withdrawn."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select, update

from backend.capabilities import service as capabilities
from backend.db import Database, utc_now
from backend.decisions.service import NOT_SUGGESTED
from backend.matching import ranker
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.ranker import Grade
from backend.needs import service as needs
from backend.needs.models import NeedKind
from backend.shortlists import refresh, service
from backend.shortlists.models import Shortlist, ShortlistCursor, Shortlisted
from tests.factories import JIADING, PUTUO, Factory
from tests.fakes import SwitchedLoader

TEXT = "可调弯的房间隔穿刺针，防止上滑，弯度可以在心脏内调节"


@pytest.fixture
def running(engine: SearchEngine) -> SearchEngine:
    engine.follow()
    return engine


def bring(database: Database, engine: SearchEngine) -> int:
    """What happens after a write: the indexes follow, then the lists."""
    engine.follow()
    return refresh.refresh(database, engine, 60)


def listed(database: Database, need_id: str) -> dict[str, Shortlisted]:
    with database.session() as session:
        rows = session.exec(select(Shortlisted).where(Shortlisted.need_id == need_id)).all()
        return {row.capability_id: row for row in rows}


def state(database: Database, need_id: str) -> Shortlist | None:
    with database.session() as session:
        return session.get(Shortlist, need_id)


def test_a_published_need_gets_its_list(make: Factory, database: Database, running: SearchEngine) -> None:
    need = make.need(make.hospital(), TEXT, problem=TEXT)
    draft = make.need(make.hospital(), TEXT, publish=False)
    fits = make.capability(make.party(), TEXT, summary=TEXT)
    make.capability(make.party(), "洁净厂房出租", summary="三层厂房，靠近地铁。")
    assert bring(database, running) == 1
    rows = listed(database, need.id)
    assert rows[fits.id].position == 1
    assert rows[fits.id].ranker == ranker.weights().version
    assert 0 < rows[fits.id].probability <= 1
    made = state(database, need.id)
    assert made is not None and made.made_at and made.wanted_at is None and made.need_version == need.version
    assert made.best is rows[fits.id].grade
    assert state(database, draft.id) is None
    with database.session() as session:
        said = service.said_of(session, need.id, fits.id)
        assert (said.position, said.grade, said.ranker) == (1, rows[fits.id].grade, ranker.weights().version)
        assert service.said_of(session, need.id, "0" * 16) == NOT_SUGGESTED
        assert refresh.waiting(session) == 0
    assert bring(database, running) == 0, "nothing has happened since"


def test_a_capability_that_comes_later_is_found_from_its_side(
    make: Factory, database: Database, running: SearchEngine
) -> None:
    need = make.need(make.hospital(), TEXT, problem=TEXT)
    other = make.need(make.hospital(), "骨科植入物表面处理")
    assert bring(database, running) == 2
    before = state(database, need.id)
    fits = make.capability(make.party(), TEXT, summary=TEXT)
    assert bring(database, running) >= 1
    assert fits.id in listed(database, need.id)
    after = state(database, need.id)
    assert before and after and before.made_at and after.made_at and after.made_at > before.made_at
    assert other.id != need.id


def test_what_is_withdrawn_leaves_all_lists_at_once(make: Factory, database: Database, running: SearchEngine) -> None:
    company, hospital = make.party(), make.hospital()
    need, fits = make.need(hospital, TEXT, problem=TEXT), make.capability(company, TEXT, summary=TEXT)
    bring(database, running)
    assert fits.id in listed(database, need.id)
    with database.session(write=True) as session:
        capabilities.act(session, company.viewer, fits.id, "withdraw")
        assert service.pairs(session, [PUTUO], list(Grade)) == [], "not even before the task has run"
    bring(database, running)
    assert listed(database, need.id) == {}
    with database.session(write=True) as session:
        needs.act(session, hospital.viewer, need.id, "withdraw")
    bring(database, running)
    assert state(database, need.id) is None


def test_without_an_engine_what_is_withdrawn_goes_and_nothing_is_made(
    make: Factory, database: Database, running: SearchEngine, settings: object
) -> None:
    company = make.party()
    need, fits = make.need(make.hospital(), TEXT, problem=TEXT), make.capability(company, TEXT, summary=TEXT)
    bring(database, running)
    loader = SwitchedLoader(running.encoder(), available=False)  # type: ignore[arg-type]
    silent = SearchEngine(database, running._index_dir, loader, retry_seconds=0)
    assert silent.state is EngineState.STARTING
    with database.session(write=True) as session:
        capabilities.act(session, company.viewer, fits.id, "withdraw")
    silent.follow_if_possible()
    assert refresh.refresh(database, silent) == 0
    assert listed(database, need.id) == {}
    assert loader.tries == 0, "the task waits for the encoder, it does not ask for it"


def test_an_edit_that_changes_no_word_makes_the_list_anew(
    make: Factory, database: Database, running: SearchEngine
) -> None:
    hospital = make.hospital()
    need = make.need(hospital, TEXT, problem=TEXT)
    fits = make.capability(make.party(), TEXT, summary=TEXT)
    bring(database, running)
    assert fits.id in listed(database, need.id)
    with database.session(write=True) as session:
        values = {"kind": NeedKind.CAPITAL}
        needs.save(session, hospital.viewer, need.id, values, (), untouched=True, expected_version=need.version)
    assert bring(database, running) == 1
    assert fits.id not in listed(database, need.id), "a product is no money"


def test_a_new_ranker_and_old_age_make_lists_anew(make: Factory, database: Database, running: SearchEngine) -> None:
    need = make.need(make.hospital(), TEXT, problem=TEXT)
    bring(database, running)

    def change(work: object) -> None:
        with database.session(write=True) as session:
            session.exec(work)  # type: ignore[call-overload]

    change(update(ShortlistCursor).values(ranker="former"))
    assert bring(database, running) == 1
    change(update(Shortlist).values(made_at=utc_now() - refresh.OLDEST - timedelta(minutes=1)))
    assert bring(database, running) == 1
    found = state(database, need.id)
    assert found and found.made_at and found.made_at > utc_now() - timedelta(minutes=1)


def test_a_grade_that_stays_keeps_its_date(make: Factory, database: Database, running: SearchEngine) -> None:
    need, fits = make.need(make.hospital(), TEXT, problem=TEXT), make.capability(make.party(), TEXT, summary=TEXT)
    bring(database, running)
    before = listed(database, need.id)[fits.id].since
    with database.session(write=True) as session:
        session.exec(update(Shortlist).values(wanted_at=utc_now()))
    assert bring(database, running) == 1
    assert listed(database, need.id)[fits.id].since == before
    with database.session(write=True) as session:
        other = Grade.WEAK if listed(database, need.id)[fits.id].grade is not Grade.WEAK else Grade.STRONG
        session.exec(update(Shortlisted).values(grade=other))
        session.exec(update(Shortlist).values(wanted_at=utc_now()))
    bring(database, running)
    assert listed(database, need.id)[fits.id].since > before


def test_lists_are_made_from_what_brokers_of_the_need_may_read(
    make: Factory, database: Database, running: SearchEngine
) -> None:
    """A need of another region is on a list of its own region's brokers alone."""
    need = make.need(make.hospital(region=JIADING), TEXT, problem=TEXT)
    make.capability(make.party(), TEXT, summary=TEXT)
    bring(database, running)
    with database.session() as session:
        assert service.pairs(session, [PUTUO], list(Grade)) == []
        assert {p.need_id for p in service.pairs(session, [JIADING], list(Grade))} == {need.id}


def test_a_need_that_nothing_answers_is_known(make: Factory, database: Database, running: SearchEngine) -> None:
    answered = make.need(make.hospital(), TEXT, problem=TEXT)
    lonely = make.need(make.hospital(), "鱼听不见", problem="鱼缸里的鱼听不见音乐。")
    make.capability(make.party(), TEXT, summary=TEXT)
    bring(database, running)

    def found(session: Session) -> set[str]:
        return {row.need_id for row in service.unanswered(session, [PUTUO])}

    with database.session() as session:
        assert lonely.id in found(session)
        assert (answered.id in found(session)) is (listed(database, answered.id) == {})
        assert service.unanswered(session, [JIADING]) == []
