"""While the service of the vectors does not answer, pages go by words and say so."""

import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import Audience
from backend.main import create_app
from backend.matching import remote
from backend.matching.index_sync import SearchEngine
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.fakes import SwitchedLoader
from tests.vector_service import URL, Service
from tests.web.pages import read

NOTICE = "按语义匹配暂不可用，以下结果按用词匹配。"
NEEDLE = "可调弯射频房间隔穿刺系统"
UNSPOKEN = "完全无关的另一段说法"


def wait_until(is_so: Callable[[], bool]) -> None:
    """Another thread feeds the service."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it was not fed"
        time.sleep(0.05)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service of the test."""
    made = Service()
    monkeypatch.setattr(remote, "open_index", made)
    return made


@pytest.fixture
def engine(settings: Settings, database: Database, loader: SwitchedLoader, service: Service) -> SearchEngine:
    """An engine whose vectors are with a service; one that is gone is not asked again during a test."""
    return SearchEngine(database, settings.index_dir, loader, retry_seconds=60, index=URL)


@pytest.fixture
def company(make: Factory) -> Party:
    """An enterprise with one capability."""
    party = make.party()
    make.capability(party, NEEDLE, audience=Audience.PUBLIC, summary="弯度可以在心脏内调节。")
    return party


@pytest.fixture
def hospital(make: Factory) -> Party:
    """A hospital."""
    return make.hospital()


@pytest.fixture
def addresses(company: Party, hospital: Party, make: Factory) -> tuple[str, str]:
    """A search and suggestions that find the capability by its words."""
    need = make.need(hospital, "房间隔穿刺系统弯度不可调节", summary="穿刺针弯度不可以在心脏内调节。")
    return "/search?q=房间隔穿刺", f"/needs/{need.id}/suggestions"


def test_nothing_is_said_while_it_answers(
    addresses: tuple[str, str], client: TestClient, sign_in: SignIn, hospital: Party, service: Service
) -> None:
    wait_until(lambda: sum(len(kept) for kept in service.kept.values()) > 1)
    for address in addresses:
        answer = sign_in(hospital).get(address)
        assert answer.status_code == 200 and NEEDLE in answer.text
        assert NOTICE not in answer.text


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_it_is_told_and_words_still_find(
    headers: dict[str, str],
    addresses: tuple[str, str],
    client: TestClient,
    sign_in: SignIn,
    hospital: Party,
    service: Service,
) -> None:
    member = sign_in(hospital)
    service.is_on = False
    # The first page notices, the second knows.
    for address in (*addresses, *addresses):
        answer = member.get(address, headers=headers)
        assert answer.status_code == 200
        page = read(answer.text)
        assert NOTICE in [notice.text.strip() for notice in page.all("p", "notice")]
        assert NEEDLE in answer.text


def test_what_words_do_not_find_is_not_said_to_be_missing(
    company: Party,
    hospital: Party,
    make: Factory,
    client: TestClient,
    sign_in: SignIn,
    service: Service,
) -> None:
    need = make.need(hospital, UNSPOKEN, summary=UNSPOKEN)
    service.is_on = False
    text = sign_in(hospital).get(f"/needs/{need.id}/suggestions").text
    assert NOTICE in text and "按用词未发现明确相符的条目" in text
    assert "能力库中暂未发现" not in text


def test_a_list_without_words_says_nothing(company: Party, client: TestClient, service: Service) -> None:
    """The newest are listed without any matching."""
    service.is_on = False
    client.get("/search?q=穿刺")
    answer = client.get("/search")
    assert NEEDLE in answer.text and NOTICE not in answer.text


def test_the_notice_goes_when_it_answers_again(
    settings: Settings, database: Database, loader: SwitchedLoader, service: Service, company: Party
) -> None:
    service.is_on = False
    engine = SearchEngine(database, settings.index_dir, loader, retry_seconds=0, index=URL)
    with TestClient(create_app(settings, database=database, engine=engine)) as client:
        engine.follow()
        assert NOTICE in client.get("/search?q=穿刺").text
        service.is_on = True
        wait_until(lambda: client.get("/search?q=穿刺").status_code == 200 and engine.vectors_available)
        last = client.get("/search?q=穿刺").text
    assert NOTICE not in last and NEEDLE in last


def test_without_an_encoder_the_page_says_what_it_lists_by(
    company: Party, client: TestClient, loader: SwitchedLoader, engine: SearchEngine
) -> None:
    """No words are looked up then, so nothing is said of words."""
    loader.available = False
    engine._slot.loaded = None
    answer = client.get("/search?q=穿刺")
    assert answer.status_code == 200
    assert "检索引擎暂不可用，先按发布时间列出。" in answer.text and NOTICE not in answer.text
