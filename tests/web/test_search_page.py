"""The search page and its bad input: whatever stands in the address, it answers with a page."""

import pytest
from starlette.testclient import TestClient

from backend.capabilities.models import CapabilityKind
from backend.disclosure.models import Audience
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.web.pages import read

NEEDLE = "可调弯射频房间隔穿刺系统"


@pytest.fixture
def company(make: Factory) -> Party:
    """An enterprise with one capability that everybody may find."""
    party = make.party()
    make.capability(party, NEEDLE, audience=Audience.PUBLIC, specialty="03.04")
    return party


def found(client: TestClient, **query: str | int) -> list[str]:
    """The titles of the results, in their order."""
    answer = client.get("/search", params=query)
    assert answer.status_code == 200
    return [title.text.strip() for title in read(answer.text).all("h2", "teaser-title")]


def test_words_find_a_capability_and_show_the_sentence_that_fits(client: TestClient, company: Party) -> None:
    page = read(client.get("/search", params={"q": "弯度 调节 穿刺"}).text)
    assert NEEDLE in page["results"].text
    assert "弯度" in [mark.text for mark in page.all("mark")]
    assert page["q"].attributes["value"] == "弯度 调节 穿刺"
    assert page.title.startswith("检索：弯度 调节 穿刺")


def test_without_words_the_newest_come_first(client: TestClient, make: Factory, company: Party) -> None:
    make.capability(company, "后来发布的一条", audience=Audience.PUBLIC)
    assert found(client) == ["后来发布的一条", NEEDLE]


def test_the_side_is_chosen(client: TestClient, make: Factory, company: Party) -> None:
    make.need(make.hospital(), "穿刺针上滑", audience=Audience.PUBLIC)
    assert found(client, q="穿刺", side="need") == ["穿刺针上滑"]
    assert found(client, q="穿刺", side="capability") == [NEEDLE]


def test_filters_narrow_both_ways_of_searching(client: TestClient, make: Factory, company: Party) -> None:
    elsewhere = make.party(region=JIADING)
    kind = CapabilityKind.SERVICE
    make.capability(elsewhere, "穿刺器械检测服务", kind=kind, audience=Audience.PUBLIC)
    for q in ("", "穿刺"):
        assert found(client, q=q, kind="service") == ["穿刺器械检测服务"]
        assert found(client, q=q, region="310107") == [NEEDLE]
        assert set(found(client, q=q, region="310000")) == {NEEDLE, "穿刺器械检测服务"}
        assert found(client, q=q, specialty="03") == [NEEDLE]


@pytest.mark.parametrize("name", ["side", "kind", "region", "specialty"])
@pytest.mark.parametrize("value", ["bogus", "\x00", "�", "<script>", "9" * 400])
@pytest.mark.parametrize("q", ["", "穿刺"])
def test_an_unknown_filter_counts_as_not_given(
    name: str, value: str, q: str, client: TestClient, company: Party
) -> None:
    answer = client.get("/search", params={"q": q, name: value})
    assert answer.status_code == 200
    assert NEEDLE in answer.text
    assert "<script>" not in answer.text


def test_a_kind_of_the_other_side_counts_as_not_given(client: TestClient, company: Party) -> None:
    assert found(client, kind="clinical") == [NEEDLE]


@pytest.mark.parametrize("page", ["0", "-1", "abc", "1.5", "", "٣", "99999999999999999999999", "\x00"])
def test_an_absurd_page_number_shows_a_page(page: str, client: TestClient, company: Party) -> None:
    for url in ("/search", f"/organisations/{company.organisation.id}/capabilities"):
        assert client.get(url, params={"page": page}).status_code == 200


def test_a_page_beyond_the_last_says_so_and_leads_back(client: TestClient, company: Party) -> None:
    page = read(client.get("/search", params={"q": "穿刺", "page": "500"}).text)
    assert "没有找到符合条件的内容" in page["results"].text
    assert "/search?q=%E7%A9%BF%E5%88%BA&side=capability" in page.links


def test_pages_of_a_long_list_follow_each_other(client: TestClient, make: Factory, company: Party) -> None:
    for number in range(21):
        make.capability(company, f"第{number}号产品", audience=Audience.PUBLIC)
    first = found(client)
    second = found(client, page=2)
    assert len(first) == 20
    assert set(first).isdisjoint(second)
    assert second[-1] == NEEDLE
    text = client.get("/search").text
    assert "共找到 22 条" in text
    assert "第 1 页，共 2 页" in text


def test_a_query_over_4000_characters_is_answered_422_with_the_text_kept(client: TestClient, company: Party) -> None:
    answer = client.get("/search", params={"q": "穿刺" * 2500})
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error("q") == "检索内容最多 4,000 个字，请删减。"
    assert page["q"].attributes["value"] == "穿刺" * 2500


def test_4000_characters_are_searched(client: TestClient, company: Party) -> None:
    assert found(client, q="穿刺" * 2000) == [NEEDLE]


@pytest.mark.parametrize("q", ["%ff%fe", "%00", "%E7%A9", "%F0%9F%AB%80", "%20%20", "%3Cscript%3E", "%22%27%29%3B--"])
def test_a_query_that_is_no_sentence_gets_a_page(q: str, client: TestClient, company: Party) -> None:
    answer = client.get(f"/search?q={q}")
    assert answer.status_code == 200
    assert [s for s in read(answer.text).all("script") if "src" not in s.attributes] == []


def test_a_query_of_marks_alone_finds_without_error(client: TestClient, company: Party) -> None:
    assert client.get("/search", params={"q": "？！……（）《》"}).status_code == 200


def test_filters_reach_the_links_of_the_page(client: TestClient, make: Factory, company: Party) -> None:
    page = read(client.get("/search", params={"q": "穿刺", "region": "310107", "kind": "product"}).text)
    assert "/search?q=%E7%A9%BF%E5%88%BA&side=need&region=310107" in page.links


def test_the_home_page_counts_what_the_viewer_may_see(
    client: TestClient, sign_in: SignIn, make: Factory, company: Party
) -> None:
    make.need(make.hospital(), "只给成员看的需求")
    assert "只给成员看的需求" not in client.get("/").text
    assert "只给成员看的需求" in sign_in(company).get("/").text
