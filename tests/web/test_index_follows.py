"""The index follows the database: published, edited and withdrawn texts, seen through the pages."""

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend import outbox
from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import Audience
from backend.matching.index_sync import EngineState
from backend.matching.models import SearchDocument
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.fakes import SwitchedLoader
from tests.web.pages import read
from tests.web.review_steps import approve, publish_again

TITLE = "可调弯射频房间隔穿刺系统"
OLD, NEW = "弯度可以在心脏内调节。", "手柄旋钮控制鞘管头端偏转。"


@pytest.fixture
def company(make: Factory) -> Party:
    """An enterprise."""
    return make.party()


@pytest.fixture
def author(company: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the enterprise."""
    return sign_in(company)


@pytest.fixture
def need_url(make: Factory) -> str:
    """The address of a published need that the enterprise could answer."""
    return f"/needs/{make.need(make.hospital(), audience=Audience.PUBLIC).id}"


def publish(author: TestClient, **changes: str) -> str:
    """Post a capability from its form, and let a broker publish it; returns its address."""
    fields = read(author.get("/capabilities/new").text).fields
    data = {**fields, "title": TITLE, "summary": OLD, "audience": "public", "action": "submit", **changes}
    url = str(author.post("/capabilities", data=data).headers["location"])
    return approve(author, url) if data["action"] == "submit" else url


def rows(database: Database, url: str) -> list[SearchDocument]:
    """All search documents of a subject."""
    with database.session() as session:
        query = select(SearchDocument).where(SearchDocument.subject_id == url.rsplit("/", 1)[1])
        return list(session.exec(query.order_by(col(SearchDocument.id))).all())


def live_texts(database: Database, url: str) -> str:
    """The texts by which a subject is found."""
    return "\n".join(row.text for row in rows(database, url) if not row.deleted)


def snapshot_bytes(settings: Settings) -> bytes:
    """Everything in the folder of the index."""
    return b"".join(path.read_bytes() for path in settings.index_dir.rglob("*") if path.is_file())


def search_text(client: TestClient, q: str) -> str:
    """The results of a search, as read."""
    return read(client.get("/search", params={"q": q}).text)["results"].text


def test_what_is_published_is_found_at_once(
    client: TestClient, author: TestClient, sign_in: SignIn, need_url: str
) -> None:
    assert TITLE not in search_text(client, "弯度调节")
    url = publish(author)
    assert TITLE in search_text(client, "弯度调节")
    suggestions = read(author.get(f"{need_url}/suggestions").text)
    assert url in suggestions.links
    assert OLD in [quote.text.strip() for quote in suggestions.all("blockquote")]


def test_a_draft_is_in_no_index(client: TestClient, author: TestClient, database: Database) -> None:
    url = publish(author, action="save")
    assert rows(database, url) == []
    assert TITLE not in search_text(client, "弯度调节")


def test_an_edit_is_found_at_once_and_the_old_text_is_gone(
    client: TestClient, author: TestClient, database: Database
) -> None:
    url = publish(author)
    fields = read(author.get(f"{url}/edit").text).fields
    assert author.post(f"{url}/edit", data={**fields, "summary": NEW}).status_code == 303
    assert NEW.rstrip("。") in search_text(client, "旋钮控制鞘管偏转")
    assert OLD not in search_text(client, "弯度可以在心脏内调节")
    assert OLD not in "".join(row.text for row in rows(database, url))


def test_a_shorter_text_leaves_no_sentence_behind(author: TestClient, database: Database) -> None:
    url = publish(author, summary="第一句话写得足够长，可以单独成句。第二句话也写得足够长，会被删去。")
    fields = read(author.get(f"{url}/edit").text).fields
    author.post(f"{url}/edit", data={**fields, "summary": "第一句话写得足够长，可以单独成句。"})
    gone = [row for row in rows(database, url) if row.deleted]
    assert gone
    assert all((row.text, row.digest, row.vector) == ("", "", None) for row in gone)
    assert "第二句话" not in live_texts(database, url)


def test_the_brief_is_in_the_full_index_alone(author: TestClient, client: TestClient, database: Database) -> None:
    url = publish(author, principle="射频能量经头端电极释放，穿刺时不需用力推送。")
    by_tier = {row.tier.value: "" for row in rows(database, url)}
    for row in rows(database, url):
        by_tier[row.tier.value] += row.text
    assert "射频能量" in by_tier["full"]
    assert "射频能量" not in by_tier["teaser"]
    assert "射频能量" not in search_text(client, "射频能量经头端电极释放")


def test_contacts_are_in_no_index(author: TestClient, database: Database) -> None:
    url = publish(author, contact="李经理，市场部，021-0000 0000")
    assert "李经理" not in live_texts(database, url)


def test_what_is_withdrawn_is_gone_and_purged(
    client: TestClient, author: TestClient, database: Database, settings: Settings, app: FastAPI, need_url: str
) -> None:
    """No text, digest or vector of it is left: not in the table, not in the indexes, not in their snapshots."""
    url = publish(author)
    app.state.engine.save()
    vectors = [row.vector for row in rows(database, url)]
    assert all(vector and vector in snapshot_bytes(settings) for vector in vectors)
    assert author.post(f"{url}/withdraw").status_code == 303
    assert TITLE not in search_text(client, "弯度调节")
    assert url not in read(author.get(f"{need_url}/suggestions").text).links
    assert [(row.deleted, row.text, row.digest, row.vector) for row in rows(database, url)] == [
        (True, "", "", None) for _ in vectors
    ]
    assert not any(vector and vector in snapshot_bytes(settings) for vector in vectors)
    assert all(size == 0 for (kind, _tier), size in app.state.engine.sizes().items() if kind == "capability")


def test_what_is_published_again_is_found_again(client: TestClient, author: TestClient) -> None:
    url = publish(author)
    author.post(f"{url}/withdraw")
    publish_again(author, url)
    assert TITLE in search_text(client, "弯度调节")


def test_an_edit_of_a_withdrawn_text_does_not_bring_it_back(
    client: TestClient, author: TestClient, database: Database
) -> None:
    url = publish(author)
    author.post(f"{url}/withdraw")
    fields = read(author.get(f"{url}/edit").text).fields
    author.post(f"{url}/edit", data={**fields, "summary": NEW})
    assert live_texts(database, url) == ""


class TestWithoutModel:
    """No model is at hand when the site starts."""

    @pytest.fixture
    def loader(self, loader: SwitchedLoader) -> SwitchedLoader:
        """Switched off."""
        loader.available = False
        return loader

    def test_the_text_is_saved_and_suggestions_follow_when_the_model_comes(
        self, author: TestClient, need_url: str, loader: SwitchedLoader, app: FastAPI
    ) -> None:
        url = publish(author)
        assert author.get(url).status_code == 200
        waiting = author.get(f"{url}/suggestions")
        assert waiting.status_code == 200
        assert "内容已保存，恢复后将自动给出建议" in waiting.text
        part = read(waiting.text)["suggestions"].attributes
        assert part["hx-get"] == f"{url}/suggestions"
        assert part["hx-trigger"].startswith("load delay")
        loader.available = True
        page = read(author.get(f"{url}/suggestions").text)
        assert need_url in page.links
        assert [quote.text.strip() for quote in page.all("blockquote")] != []
        assert app.state.engine.state is EngineState.READY

    def test_search_says_so_and_shows_the_newest(self, client: TestClient, author: TestClient) -> None:
        publish(author)
        text = search_text(client, "弯度调节")
        assert "检索引擎暂不可用，先按发布时间列出。" in text
        assert TITLE in text

    def test_nothing_is_lost_of_what_happened_meanwhile(
        self, client: TestClient, author: TestClient, loader: SwitchedLoader, database: Database
    ) -> None:
        """Published, edited and withdrawn without a model: afterwards the index holds the last state of each."""
        kept, edited, gone = publish(author), publish(author), publish(author)
        fields = read(author.get(f"{edited}/edit").text).fields
        author.post(f"{edited}/edit", data={**fields, "summary": NEW})
        author.post(f"{gone}/withdraw")
        loader.available = True
        links = read(client.get("/search", params={"q": "弯度"}).text).links
        assert kept in links
        assert gone not in links
        assert (OLD in live_texts(database, kept), NEW in live_texts(database, edited)) == (True, True)
        assert live_texts(database, gone) == ""
        with database.session() as session:
            assert outbox.pending(session, outbox.Topic.INDEX) == []


def test_withdrawing_without_a_model_purges_all_the_same(
    settings: Settings, database: Database, make: Factory, company: Party, loader: SwitchedLoader
) -> None:
    """A process that cannot load its model removes the text, the vector, and the snapshot that holds it."""
    from backend.capabilities import service
    from backend.matching.index_sync import SearchEngine

    capability = make.capability(company)
    first = SearchEngine(database, settings.index_dir, loader, retry_seconds=0)
    first.follow()
    first.save()
    vector = rows(database, f"/{capability.id}")[0].vector
    assert vector
    assert vector in snapshot_bytes(settings)
    without = SearchEngine(database, settings.index_dir, SwitchedLoader(loader.encoder, available=False))
    for _state in ("starting", "unavailable"):
        with database.session(write=True) as session:
            service.act(session, company.viewer, capability.id, "withdraw")
        without.follow_if_possible()
        assert live_texts(database, f"/{capability.id}") == ""
        assert all(row.vector is None for row in rows(database, f"/{capability.id}"))
        assert vector not in snapshot_bytes(settings)
        make.publish_capability(company, capability)
        first.follow()
        first.save()
        assert vector in snapshot_bytes(settings)
        with pytest.raises(Exception, match="no model"):
            without.follow()
