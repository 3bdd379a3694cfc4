"""Odd and long texts through the pages, from the form to the suggestions; a full disk, and no vector service."""

import socket
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlmodel import select
from starlette.testclient import TestClient

from backend.config import Settings
from backend.db import Database
from backend.matching.index_sync import EngineState, SearchEngine
from backend.needs.models import Need
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.fakes import SwitchedLoader
from tests.web.need_steps import filled
from tests.web.pages import Page, read
from tests.web.review_steps import publish_from

TEXTS = ("summary", "problem", "procedure", "current_practice", "frequency", "acceptance_criteria", "constraints")
SENTENCE = "针尖抵住房间隔后容易上滑，需要在心脏内调节弯度，外径不超过8F，可能刺破心房壁。\n"
ODD = {
    "one word": "穿刺",
    "marks alone": "。。。！？，，……——",
    "scripts mixed": "房间隔 transseptal puncture 針がほしい игла إبرة",
    "emoji": "🫀🩺👩‍⚕️𠮷" * 9,
    "NUL bytes": "穿\x00刺\x00",
    "no space": "针" * 4000,
    "marks of direction": "\u202e穿刺\u200f\u2066针\u2069",
    "HTML": '<script>alert("1")</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}',
    "ten pages": (SENTENCE * 100)[:4000],
}
NEEDLE = "可调弯射频房间隔穿刺系统"


@pytest.fixture
def company(make: Factory) -> Party:
    """An enterprise with something that fits."""
    party = make.party()
    make.capability(party, NEEDLE)
    return party


@pytest.fixture
def author(make: Factory, sign_in: SignIn, company: Party) -> TestClient:
    """A signed-in member of a hospital; a fault is answered, not raised."""
    cookies = dict(sign_in(make.hospital()).cookies)
    client = sign_in(company)
    return TestClient(client.app, raise_server_exceptions=False, follow_redirects=False, cookies=cookies)


def published(author: TestClient, **texts: str) -> str:
    """Publish a need by its form; returns its address."""
    return publish_from(author, "/needs", {**filled(author), "requirements": "", **texts})


def suggestions(client: TestClient, url: str) -> Page:
    """The suggestions of a need, which have to be there."""
    answer = client.get(f"{url}/suggestions")
    assert answer.status_code == 200
    page = read(answer.text)
    assert [s for s in page.all("script") if "src" not in s.attributes] == page.all("img") == []
    return page


def test_an_odd_text_is_published_shown_and_matched(author: TestClient) -> None:
    for name, text in ODD.items():
        url = published(author, title=f"需求{text}"[:80], **dict.fromkeys(TEXTS, text))
        suggestions(author, url)
        for address in (url, f"{url}/edit", "/search?side=need&q=穿刺"):
            page = read(author.get(address).text)
            assert [s for s in page.all("script") if "src" not in s.attributes] == [], name
            assert "�" not in page.text, name
    assert NEEDLE in read(author.get("/search", params={"q": NEEDLE}).text)["results"].text


def test_a_need_of_twenty_pages_in_seven_fields(author: TestClient, database: Database) -> None:
    """All fields as long as they may be: 28,000 characters, saved whole and answered."""
    long = (SENTENCE * 110)[:3999] + "。"
    url = published(author, **dict.fromkeys(TEXTS, long))
    with database.session() as session:
        need = session.exec(select(Need)).one()
    assert all(getattr(need, name) == long for name in TEXTS)
    assert NEEDLE in suggestions(author, url).text


def test_a_need_that_is_too_long_for_one_field_is_told_beside_it(author: TestClient, database: Database) -> None:
    text = SENTENCE * 300
    answer = author.post("/needs", data={**filled(author), "problem": text, "action": "submit"})
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error("problem").startswith("最多 4,000 个字，现有 ")
    assert str(page.fields["problem"]).count("抵住房间隔") == 300
    with database.session() as session:
        assert session.exec(select(Need)).all() == []


@pytest.fixture
def full(database: Database) -> Iterator[None]:
    """The database may not grow any more: SQLite says that the disk is full."""
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    event.listen(database.engine, "begin", limit)
    yield
    event.remove(database.engine, "begin", limit)


@pytest.mark.sqlite
def test_a_full_disk_is_told_and_nothing_is_half_saved(
    author: TestClient, database: Database, full: None, caplog: pytest.LogCaptureFixture
) -> None:
    text = "写了很久的一段话，" * 440
    fields = {**filled(author), **dict.fromkeys(TEXTS, text), "requirements": "", "action": "submit"}
    answer = author.post("/needs", data=fields)
    assert answer.status_code == 500
    assert "操作可能没有保存" in read(answer.text)["main"].text
    assert "unexpected error on POST /needs" in caplog.text
    assert "写了很久" not in caplog.text
    with database.session() as session:
        assert session.exec(select(Need)).all() == []
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert NEEDLE in read(author.get("/search", params={"q": NEEDLE}).text)["results"].text


class TestWithoutVectors:
    """The address of a Milvus service is configured, and nothing listens there."""

    @pytest.fixture
    def engine(self, settings: Settings, database: Database, loader: SwitchedLoader) -> Iterator[SearchEngine]:
        """An engine whose vectors cannot be reached."""
        pytest.importorskip("pymilvus")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"milvus://127.0.0.1:{free.getsockname()[1]}"
            yield SearchEngine(database, settings.index_dir, loader, index=url)

    def test_words_alone_find_and_everything_else_goes_on(self, author: TestClient, app: FastAPI) -> None:
        url = published(author, title="房间隔穿刺针不能弯曲", summary="希望有可调弯的房间隔穿刺系统。")
        assert (app.state.engine.state, app.state.engine.vectors_available) == (EngineState.READY, False)
        assert NEEDLE in suggestions(author, url).text
        assert NEEDLE in read(author.get("/search", params={"q": NEEDLE}).text)["results"].text
        assert author.post(f"{url}/withdraw").status_code == 303
        assert (
            "房间隔穿刺针不能弯曲"
            not in author.get("/search", params={"q": "房间隔穿刺针", "side": "need"}).text.split("</form>")[-1]
        )
