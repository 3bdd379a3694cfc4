"""Introductions through the pages: asking and proposing, answering, declining, the undertaking, lists and numbers."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier

import pytest
from fastapi import FastAPI
from pypdf import PdfReader
from sqlmodel import select
from starlette.testclient import TestClient

from backend.db import Database, new_id
from backend.introductions import undertaking
from backend.introductions.case_page import Panel
from backend.introductions.models import Introduction, Signature
from backend.introductions.states import OPENED, IntroductionStatus
from backend.needs import service as needs
from backend.organisations.models import MemberRole
from tests.conftest import SignIn, wait_for_engine
from tests.factories import JIADING, Factory, Party
from tests.unit.test_introductions import CONSENT, Scene
from tests.web.need_steps import page_of
from tests.web.pages import Page, read

PHONE = "021-0000 1234"
ACCEPTED = {
    "digest": undertaking.PRESENT.digest,
    "accepted": "y",
    "signed_name": "示例承诺人",
    "contact": PHONE,
    "message": "期待交流。",
}


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


@pytest.fixture
def broker(scene: Scene, sign_in: SignIn) -> TestClient:
    return sign_in(scene.broker)


@pytest.fixture
def hospital(scene: Scene, sign_in: SignIn) -> TestClient:
    return sign_in(scene.hospital)


@pytest.fixture
def company(scene: Scene, sign_in: SignIn) -> TestClient:
    return sign_in(scene.company)


def new_url(scene: Scene, side: str = "need") -> str:
    return f"/introductions/new?need={scene.need.id}&capability={scene.capability.id}&side={side}"


def stored(database: Database) -> list[Introduction]:
    with database.session() as session:
        return list(session.exec(select(Introduction)).all())


def sent(client: TestClient, url: str, **changes: str) -> str:
    """Send the form of a new introduction as a browser does; returns where it leads."""
    fields = {**read(client.get(url).text).fields, **changes}
    answer = client.post("/introductions", data=fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def proposed(broker: TestClient, scene: Scene) -> str:
    return sent(broker, new_url(scene))


def introduced(broker: TestClient, hospital: TestClient, company: TestClient, scene: Scene) -> str:
    url = proposed(broker, scene)
    for client in (hospital, company):
        assert client.post(f"{url}/accept", data=ACCEPTED).status_code == 303
    return url


def line(page: Page) -> str:
    """The line of the case as its page shows it."""
    return page["line"].parent.text  # type: ignore[union-attr]


def test_a_broker_introduces_in_two_clicks_from_the_match_card(
    app: FastAPI, broker: TestClient, scene: Scene, database: Database
) -> None:
    wait_for_engine(app)
    suggestions = page_of(broker, f"/needs/{scene.need.id}/suggestions")
    [link] = [link for link in suggestions.links if link.startswith("/introductions/new")]
    form = page_of(broker, link)
    assert scene.need.title in str(form.fields["message"]) and scene.capability.title in str(form.fields["message"])
    answer = broker.post("/introductions", data=form.fields)
    assert answer.status_code == 303
    [row] = stored(database)
    assert (row.status, row.position) == (IntroductionStatus.PROPOSED, 1)
    assert row.ranker and row.grade and row.probability
    # The pair shows its state now, on the card and at the address of the form.
    pairs = broker.get(f"/introductions/pairs?side=need&subject={scene.need.id}", headers={"HX-Request": "true"}).text
    assert f'id="introduce-{scene.capability.id}"' in pairs and "hx-swap-oob" in pairs
    beside = broker.get(f"/needs/{scene.need.id}/suggestions").text
    assert f"introduce-{scene.capability.id}" in beside and f"&amp;shown={scene.capability.id}" in beside
    asked = f"/introductions/pairs?side=need&subject={scene.need.id}&shown="
    assert f"introduce-{scene.capability.id}" in broker.get(f"{asked}{scene.capability.id}").text
    assert "introduce-" not in broker.get(f"{asked}0123456789abcdef").text, (
        "what does not stand on the page is not sent"
    )
    assert f"/introductions/{row.id}" in pairs and "待双方答复" in pairs
    assert broker.get(link).headers["location"] == f"/introductions/{row.id}"


def test_the_prepared_message_holds_nothing_of_a_brief(
    app: FastAPI, broker: TestClient, make: Factory, scene: Scene
) -> None:
    sealed = "弯度须大于四十五度的密语"
    need = make.need(scene.hospital, problem=sealed, requirements=(sealed,), anonymous=True)
    capability = make.capability(scene.company, performance=sealed)
    wait_for_engine(app)
    form = page_of(broker, f"/introductions/new?need={need.id}&capability={capability.id}")
    assert sealed not in str(form.fields["message"])
    assert scene.hospital.organisation.name not in str(form.fields["message"])


def test_what_the_ranker_said_cannot_be_written_into_the_form(
    app: FastAPI, broker: TestClient, scene: Scene, database: Database
) -> None:
    wait_for_engine(app)
    sent(broker, new_url(scene), suggested='["x", 1, "strong", 1.0]')
    [row] = stored(database)
    assert (row.ranker, row.position, row.grade, row.probability) == ("", None, "", None)


def test_figures_of_another_pair_do_not_count(
    app: FastAPI, broker: TestClient, make: Factory, scene: Scene, database: Database
) -> None:
    other = make.capability(make.party(name="示例·另一家公司"), "另一种可调弯穿刺系统")
    wait_for_engine(app)
    foreign = read(broker.get(f"/introductions/new?need={scene.need.id}&capability={other.id}").text).fields
    sent(broker, new_url(scene), suggested=str(foreign["suggested"]))
    assert stored(database)[0].ranker == ""


def test_the_form_sent_twice_makes_one_introduction(broker: TestClient, scene: Scene, database: Database) -> None:
    fields = read(broker.get(new_url(scene)).text).fields
    places = {broker.post("/introductions", data=fields).headers["location"] for _ in range(2)}
    assert len(places) == 1 == len(stored(database))


def test_two_brokers_at_once_make_one_introduction(
    broker: TestClient, scene: Scene, make: Factory, sign_in: SignIn, database: Database
) -> None:
    other = sign_in(make.join(scene.broker, MemberRole.EDITOR))
    forms = [read(client.get(new_url(scene)).text).fields for client in (broker, other)]
    answers = [client.post("/introductions", data=form) for client, form in zip((broker, other), forms, strict=True)]
    assert [a.status_code for a in answers] == [303, 303]
    assert len({a.headers["location"] for a in answers}) == 1 == len(stored(database))


def test_an_introduction_needs_words_and_keeps_what_was_sent(
    broker: TestClient, scene: Scene, database: Database
) -> None:
    fields = read(broker.get(new_url(scene)).text).fields
    answer = broker.post("/introductions", data={**fields, "message": "字" * 1001})
    page = read(answer.text)
    assert answer.status_code == 422 and page.fields["message"] == "字" * 1001
    assert page.error("message").startswith("最多")
    assert page.fields["suggested"] == fields["suggested"]
    answer = broker.post("/introductions", data={**fields, "message": " "})
    assert answer.status_code == 422 and read(answer.text).error("message")
    assert stored(database) == []


def test_a_member_asks_with_the_undertaking_and_the_other_side_does_not_know(
    company: TestClient, hospital: TestClient, broker: TestClient, scene: Scene, database: Database
) -> None:
    page = page_of(company, new_url(scene, "capability"))
    for clause in undertaking.PRESENT.zh:
        assert clause in page.text
    assert page.fields["digest"] == undertaking.PRESENT.digest
    answer = company.post("/introductions", data={**page.fields, "message": "我们有样机。", "contact": ""})
    again = read(answer.text)
    assert answer.status_code == 422
    assert again.fields["message"] == "我们有样机。" and again.error("contact") and again.error("accepted")
    url = sent(company, new_url(scene), accepted="y", message="我们有样机。", contact=PHONE)
    assert company.get(url).status_code == 200
    assert hospital.get(url).status_code == 404
    assert url not in page_of(hospital, "/introductions?tab=open").links
    assert f"/needs/{scene.need.id}" in page_of(broker, url).links
    assert "有单位请求引荐" in page_of(broker, url).text
    # The broker takes it on: whoever has asked has accepted.
    assert broker.post(f"{url}/propose", data={"propose-message": "值得一谈。"}).status_code == 303
    seen = page_of(hospital, url)
    assert "值得一谈。" in seen.text and PHONE not in seen.text
    assert hospital.post(f"{url}/accept", data=ACCEPTED).status_code == 303
    assert PHONE in page_of(hospital, url).text


def test_both_sides_may_ask_before_a_broker_sees_it(
    company: TestClient, hospital: TestClient, broker: TestClient, scene: Scene, database: Database
) -> None:
    first = sent(company, new_url(scene), accepted="y", contact=PHONE)
    assert hospital.get(new_url(scene)).status_code == 200
    assert sent(hospital, new_url(scene), accepted="y", contact=PHONE) == first
    assert hospital.get(first).status_code == 200
    assert broker.post(f"{first}/propose", data={}).status_code == 303
    assert stored(database)[0].status is IntroductionStatus.INTRODUCED


def test_an_undertaking_that_has_changed_is_shown_anew(hospital: TestClient, broker: TestClient, scene: Scene) -> None:
    url = proposed(broker, scene)
    answer = hospital.post(f"{url}/accept", data={**ACCEPTED, "digest": "0" * 64})
    page = read(answer.text)
    assert answer.status_code == 422 and "文本已更新" in page["error-summary"].text
    fields = page.fields
    assert fields["digest"] == undertaking.PRESENT.digest and fields["message"] == "期待交流。"
    assert fields["signed_name"] == "示例承诺人" and fields["contact"] == PHONE


def test_names_contacts_and_briefs_open_when_both_have_accepted(
    broker: TestClient, hospital: TestClient, company: TestClient, make: Factory, scene: Scene
) -> None:
    secret = "详情里的密语"
    scene.need = make.need(scene.hospital, "匿名发布的需求", anonymous=True, problem=secret)
    url = proposed(broker, scene)
    name = scene.hospital.organisation.name
    assert hospital.post(f"{url}/accept", data={**ACCEPTED, "contact": "医院的电话"}).status_code == 303
    for address in (url, "/introductions?tab=open", "/introductions"):
        text = company.get(address).text
        assert name not in text and "医院的电话" not in text and secret not in text, address
    assert company.post(f"{url}/accept", data=ACCEPTED).headers["location"] == url
    page = page_of(company, url)
    assert name in page.text and "医院的电话" in page.text
    assert f"/needs/{scene.need.id}#brief" in page.links
    assert secret in company.get(f"/needs/{scene.need.id}").text
    assert name in company.get("/introductions?tab=open").text
    assert PHONE in page_of(hospital, url).text and PHONE in page_of(broker, url).text


def test_accepting_twice_changes_nothing(
    broker: TestClient, hospital: TestClient, scene: Scene, database: Database
) -> None:
    url = proposed(broker, scene)
    for _ in range(2):
        assert hospital.post(f"{url}/accept", data=ACCEPTED).status_code == 303
    with database.session() as session:
        assert len(session.exec(select(Signature)).all()) == 1


def test_declining_needs_a_reason_and_tells_the_other_side_no_more(
    broker: TestClient, hospital: TestClient, company: TestClient, scene: Scene, database: Database
) -> None:
    url = proposed(broker, scene)
    answer = company.post(f"{url}/decline", data={"decline-note": "经费另有安排。"})
    page = read(answer.text)
    assert answer.status_code == 422 and page.fields["decline-note"] == "经费另有安排。"
    assert page.error("decline-reason")
    answer = company.post(f"{url}/decline", data={"decline-reason": "other", "decline-recommended": "示例·同行"})
    page = read(answer.text)
    assert answer.status_code == 422 and page.error("decline-note")
    assert page.fields["decline-recommended"] == "示例·同行"
    data = {"decline-reason": "capacity", "decline-note": "经费另有安排。", "decline-recommended": "示例·同行公司"}
    assert company.post(f"{url}/decline", data=data).status_code == 303
    seen = page_of(hospital, url).text
    assert "人手、产能或经费不足" in seen and "经费另有安排" not in seen and "同行公司" not in seen
    text = line(page_of(broker, url))
    assert "经费另有安排。" in text and "可推荐的其他单位：示例·同行公司" in text
    [row] = stored(database)
    assert row.status is IntroductionStatus.DECLINED
    # The broker goes on from here with another organisation.
    follow = f"/needs/{scene.need.id}/suggestions?follows={row.id}"
    assert follow in page_of(broker, url).links and follow not in page_of(hospital, url).links


def test_another_party_is_proposed_after_a_decline(
    app: FastAPI,
    broker: TestClient,
    company: TestClient,
    make: Factory,
    scene: Scene,
    sign_in: SignIn,
    database: Database,
) -> None:
    other = make.capability(make.party(name="示例·第二家公司"), "另一种可调弯穿刺系统")
    url = proposed(broker, scene)
    company.post(f"{url}/decline", data={"decline-reason": "region"})
    wait_for_engine(app)
    page = page_of(broker, f"/needs/{scene.need.id}/suggestions?follows={url.rpartition('/')[2]}")
    [link] = [link for link in page.links if "/introductions/new" in link and other.id in link]
    second = sent(broker, link)
    row = next(r for r in stored(database) if second.endswith(r.id))
    assert url.endswith(row.follows_id or "?")
    assert url in page_of(broker, second).links
    # Beside the suggestions stands what became of the first, and the second is under way.
    pairs = f"/introductions/pairs?side=need&subject={scene.need.id}"
    shown = read(broker.get(pairs).text)
    assert url in shown.links and "地区不合适" in shown.text and second in shown.links
    assert "地区不合适" not in sign_in(make.hospital()).get(pairs).text
    form = page_of(broker, new_url(scene))
    assert url in form.links and "此前的引荐" in form.text


def test_a_case_that_one_does_not_broker_is_not_followed(
    broker: TestClient, make: Factory, scene: Scene, sign_in: SignIn, database: Database
) -> None:
    url = new_url(scene) + "&follows=" + new_id()
    assert page_of(broker, url).fields["follows"] == ""
    sent(broker, url, follows="'; x")
    assert stored(database)[0].follows_id is None


def test_withdrawing_needs_words_and_only_a_broker_withdraws(
    broker: TestClient, hospital: TestClient, scene: Scene, database: Database
) -> None:
    url = proposed(broker, scene)
    assert hospital.post(f"{url}/withdraw", data={"withdraw-note": "算了。"}).status_code == 403
    answer = broker.post(f"{url}/withdraw", data={"withdraw-note": " "})
    assert answer.status_code == 422 and read(answer.text).error("withdraw-note")
    long = "字" * 1001
    answer = broker.post(f"{url}/withdraw", data={"withdraw-note": long})
    assert answer.status_code == 422 and read(answer.text).fields["withdraw-note"] == long
    assert broker.post(f"{url}/withdraw", data={"withdraw-note": "需求有变化。"}).status_code == 303
    assert stored(database)[0].status is IntroductionStatus.WITHDRAWN
    assert "需求有变化。" in page_of(hospital, url).text
    assert broker.post(f"{url}/withdraw", data={"withdraw-note": "再来。"}).status_code == 409


def test_what_was_asked_for_may_be_turned_down(company: TestClient, broker: TestClient, scene: Scene) -> None:
    url = sent(company, new_url(scene), accepted="y", contact=PHONE)
    assert company.post(f"{url}/turn-down", data={"turn-down-note": "不合适。"}).status_code == 403
    assert broker.post(f"{url}/turn-down", data={"turn-down-note": "阶段不相配。"}).status_code == 303
    assert "阶段不相配。" in page_of(company, url).text


def test_steps_out_of_order_are_refused(broker: TestClient, hospital: TestClient, scene: Scene) -> None:
    url = proposed(broker, scene)
    assert hospital.post(f"{url}/agree", data={"agree-note": "试制样机。"}).status_code == 409
    assert hospital.post(f"{url}/meet", data={}).status_code == 409
    assert broker.post(f"{url}/turn-down", data={"turn-down-note": "晚了。"}).status_code == 409
    assert broker.post(f"{url}/accept", data=ACCEPTED).status_code == 403
    assert broker.post(f"{url}/decline", data={"decline-reason": "terms"}).status_code == 403


def test_meeting_and_what_was_agreed(
    broker: TestClient, hospital: TestClient, company: TestClient, scene: Scene, database: Database
) -> None:
    url = introduced(broker, hospital, company, scene)
    assert hospital.post(f"{url}/meet", data={"meet-note": ""}).status_code == 303
    answer = company.post(f"{url}/agree", data={"agree-note": ""})
    assert answer.status_code == 422 and read(answer.text).error("agree-note")
    assert company.post(f"{url}/agree", data={"agree-note": "先试制三支样机。"}).status_code == 303
    assert "先试制三支样机。" in line(page_of(hospital, url))
    [row] = stored(database)
    assert row.status is IntroductionStatus.AGREED and row.agreed_at
    page = page_of(company, url)
    assert [f for f in page.all("form") if "/agree" in f.attributes.get("action", "")] == []


def test_a_stranger_a_reader_and_another_district(
    broker: TestClient, scene: Scene, make: Factory, sign_in: SignIn, client: TestClient
) -> None:
    url = proposed(broker, scene)
    assert client.get(url).headers["location"].startswith("/sign-in")
    for party in (make.party(), make.broker(JIADING), make.somebody(is_admin=True)):
        other = sign_in(party)
        assert other.get(url).status_code == 404
        assert other.get(f"{url}/undertaking.pdf").status_code == 404
        for action in ("accept", "decline", "propose", "withdraw", "meet", "parties", "brokers", "hand-over"):
            assert other.post(f"{url}/{action}", data=ACCEPTED).status_code == 404, action
    reader = sign_in(make.join(scene.hospital, MemberRole.VIEWER))
    page = page_of(reader, url)
    assert [f for f in page.all("form") if url in f.attributes.get("action", "")] == []
    for action in ("accept", "decline", "withdraw"):
        assert reader.post(f"{url}/{action}", data=ACCEPTED).status_code == 403, action
    # A broker of another district cannot introduce the pair, nor can somebody who has no part in it.
    for party in (make.broker(JIADING), make.party()):
        assert sign_in(party).get(new_url(scene)).status_code == 403


def test_a_pair_that_does_not_fit_or_is_not_there(broker: TestClient, make: Factory, scene: Scene) -> None:
    own = make.capability(scene.hospital)
    assert broker.get(f"/introductions/new?need={scene.need.id}&capability={own.id}").status_code == 422
    for address in ("/introductions/new", f"/introductions/new?need={scene.need.id}&capability=x", "/introductions/x"):
        assert broker.get(address).status_code == 404
    assert broker.post("/introductions", data={}).status_code == 404
    assert broker.get("/introductions/pairs?side=x").status_code == 404


def test_the_undertaking_as_pdf_says_who_what_and_when(
    broker: TestClient, hospital: TestClient, company: TestClient, scene: Scene
) -> None:
    url = proposed(broker, scene)
    assert hospital.get(f"{url}/undertaking.pdf").status_code == 404
    name = "示例<b>&承诺人"
    assert hospital.post(f"{url}/accept", data={**ACCEPTED, "signed_name": name}).status_code == 303
    answer = hospital.get(f"{url}/undertaking.pdf")
    assert answer.headers["content-type"] == "application/pdf" and answer.headers["cache-control"] == "no-store"
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    flat = "".join(text.split())
    assert all("".join(clause.split()) in flat for clause in undertaking.PRESENT.zh)
    said = (scene.hospital.organisation.name, name, undertaking.PRESENT.version, undertaking.PRESENT.digest)
    assert all(part in flat for part in (*said, "北京时间"))
    # The other side's is open to it after both have accepted.
    assert company.get(f"{url}/undertaking.pdf").status_code == 404
    assert company.post(f"{url}/accept", data=ACCEPTED).status_code == 303
    found = PdfReader(BytesIO(company.get(f"{url}/undertaking.pdf").content))
    whole = "".join(page.extract_text() for page in found.pages)
    assert scene.hospital.organisation.name in whole and scene.company.organisation.name in whole


def test_the_list_says_what_waits_and_until_when(
    broker: TestClient, hospital: TestClient, company: TestClient, scene: Scene
) -> None:
    for client in (broker, hospital):
        assert "没有进行中的引荐" in client.get("/introductions").text
    url = proposed(broker, scene)
    page = page_of(hospital, "/introductions")
    assert url in page.links and "个工作日）" in page.text and "待我答复" in page.text
    assert "1项待处理" in page.all("nav")[0].text
    assert url not in page_of(broker, "/introductions?tab=waiting").links
    assert hospital.post(f"{url}/accept", data=ACCEPTED).status_code == 303
    assert url not in page_of(hospital, "/introductions?tab=waiting").links
    assert url in page_of(hospital, "/introductions?tab=open").links
    company.post(f"{url}/decline", data={"decline-reason": "terms"})
    assert url in page_of(hospital, "/introductions?tab=ended").links
    assert "合作条件不合适" in hospital.get("/introductions?tab=ended").text
    assert hospital.get("/introductions?tab=x&page=99").status_code == 200


def test_a_notification_leads_to_the_case_and_is_read_with_it(
    broker: TestClient, company: TestClient, scene: Scene
) -> None:
    url = proposed(broker, scene)
    page = page_of(company, "/notifications")
    assert url in page.links and scene.need.title in page.text
    unread = page.text.count("标为已读")
    company.get(url)
    assert page_of(company, "/notifications").text.count("标为已读") == unread - 1
    scene.do(lambda s: needs.act(s, scene.hospital.viewer, scene.need.id, "withdraw"))
    assert scene.need.title not in page_of(company, "/notifications").text
    # What the broker wrote about it stays in the line of the case.
    assert page_of(company, url).all("h1")[0].text == "需求已不再公开"


def test_the_download_of_ones_own_data_holds_what_one_did_and_signed(
    broker: TestClient, hospital: TestClient, scene: Scene
) -> None:
    url = proposed(broker, scene)
    hospital.post(f"{url}/accept", data=ACCEPTED)
    data = hospital.get("/account/data/download").json()
    assert [row["signed_name"] for row in data["undertakings"]] == ["示例承诺人"]
    assert [(row["what"], row["note"]) for row in data["introductions"]] == [("introduction:accept", "期待交流。")]
    words = broker.get("/account/data/download").json()["introductions"]
    assert [row["what"] for row in words] == ["introduction:propose"] and words[0]["note"]


def test_the_unasked_member_reads_nothing_of_the_consent(scene: Scene, sign_in: SignIn, broker: TestClient) -> None:
    """A party that only reads sees the case, and what it has to do is its writers'."""
    url = proposed(broker, scene)
    other: Party = scene.make.join(scene.company, MemberRole.VIEWER)
    assert "请答复是否接受引荐" not in page_of(sign_in(other), url).text
    assert CONSENT.signed_name not in page_of(broker, url).text


def test_panels_of_other_rooms_are_loaded_where_their_status_is_reached(
    app: FastAPI, broker: TestClient, hospital: TestClient, company: TestClient, scene: Scene
) -> None:
    app.state.case_panels = (Panel("ledger", "落地台账", "正在读取台账……", OPENED),)
    url = proposed(broker, scene)
    assert f"{url}/ledger" not in hospital.get(url).text
    for client in (hospital, company):
        assert client.post(f"{url}/accept", data=ACCEPTED).status_code == 303
    assert f'hx-get="{url}/ledger"' in hospital.get(url).text and f"{url}/ledger" in page_of(hospital, url).links


def test_two_brokers_press_the_button_at_the_same_moment(
    broker: TestClient, scene: Scene, make: Factory, sign_in: SignIn, database: Database
) -> None:
    clients = [broker, sign_in(make.join(scene.broker, MemberRole.EDITOR))]
    forms = [read(client.get(new_url(scene)).text).fields for client in clients]
    start = Barrier(len(clients))

    def press(number: int) -> int:
        start.wait(timeout=30)
        return clients[number].post("/introductions", data=forms[number]).status_code

    with ThreadPoolExecutor(len(clients)) as pool:
        assert list(pool.map(press, range(len(clients)))) == [303, 303]
    [row] = stored(database)
    assert row.status is IntroductionStatus.PROPOSED
