"""`yiqiao match` and `yiqiao index status`, with the vectors in the process and with a service."""

import json

import pytest
from typer.testing import Result

from backend.config import Settings
from backend.db import Database
from backend.matching import remote, seeded
from backend.matching.index_sync import SearchEngine
from backend.matching.service import free_text
from embeddings.index import IndexUnavailable
from embeddings.types import EncoderUnavailable
from tests.factories import Party
from tests.fakes import FakeEncoder
from tests.steps import TITLES
from tests.unit.conftest import Run
from tests.vector_service import URL, Service

NOTICE = "Matching by meaning is unavailable for the moment; these results are matched by words."


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service that the settings name."""
    made = Service()
    monkeypatch.setattr(remote, "open_index", made)
    monkeypatch.setenv("YIQIAO_INDEX", URL)
    return made


def matched(done: Result) -> dict[str, object]:
    """The answer of `match --json`."""
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_match_by_meaning_says_nothing_of_words(run: Run, company: Party, service: Service) -> None:
    done = run("match", TITLES[0], "--json")
    assert matched(done)["by_words"] is False
    assert NOTICE not in done.output


def test_without_the_service_a_match_goes_by_words_and_says_so(run: Run, company: Party, service: Service) -> None:
    service.is_on = False
    done = run("match", TITLES[0], "--json")
    answer = matched(done)
    assert answer["by_words"] is True
    assert isinstance(answer["matches"], list) and answer["matches"][0]["capability"] == TITLES[0]
    assert NOTICE in done.stderr
    done = run("match", TITLES[0])
    assert TITLES[0] in done.stdout and NOTICE in done.stderr
    assert "No capability in the library answers this" not in done.output


def test_an_encoder_that_goes_is_said_in_a_line(run: Run, company: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise EncoderUnavailable("gone")

    monkeypatch.setattr(FakeEncoder, "encode_queries", fail)
    assert run("match", TITLES[0], code=1).stderr.endswith("The encoder is not at hand any more.\n")


def test_status_of_a_service(run: Run, company: Party, service: Service) -> None:
    run("index", "rebuild")
    lines = run("index", "status").stdout.splitlines()
    told = [line for line in lines if "vectors in the service" in line]
    assert len(told) == 4
    passages = next(line for line in lines if line.startswith("capability  teaser") and "passages" in line).split()[4]
    assert int(passages) > 2
    assert next(line for line in told if line.startswith("capability  teaser")).split()[2] == passages
    service.is_on = False
    done = run("index", "status")
    assert "does not answer: matching by meaning is unavailable" in done.stdout
    assert "vectors in the service" not in done.stdout and f"{passages} passages" in done.stdout


def test_status_without_a_service(run: Run, company: Party) -> None:
    run("index", "rebuild")
    assert "service" not in run("index", "status").stdout


@pytest.mark.parametrize("command", [("match", "针"), ("index", "status"), ("index", "rebuild")])
@pytest.mark.parametrize("url", ["redis://:secret@host", "milvus-cloud://:secret@host"])
def test_an_index_that_nobody_knows(
    run: Run, company: Party, monkeypatch: pytest.MonkeyPatch, url: str, command: tuple[str, ...]
) -> None:
    run("index", "rebuild")
    monkeypatch.setenv("YIQIAO_INDEX", url)
    done = run(*command, code=1)
    assert "milvus://host:19530" in done.stderr and "secret" not in done.output


def test_nothing_is_measured_by_words_alone(
    settings: Settings, database: Database, company: Party, service: Service
) -> None:
    engine = SearchEngine(database, settings.index_dir, FakeEncoder, retry_seconds=60, index=URL)
    with database.session() as session:
        judge = seeded.Judge(session, engine)
        assert judge.rank(free_text(TITLES[0]), None)[0].card.title == TITLES[0]
        service.is_on = False
        with pytest.raises(IndexUnavailable, match="words alone are not what is measured"):
            judge.rank(free_text(TITLES[0]), None)
    engine.close()
