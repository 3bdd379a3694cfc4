"""Review: what a broker finds waiting, publishes, returns or rejects, and what the author learns of it."""

from datetime import timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityStatus
from backend.db import Database, utc_now
from backend.mailer import Mail
from backend.needs.models import Need
from backend.needs.states import NeedStatus
from backend.organisations.models import MemberRole, OrganisationKind
from tests.conftest import SignIn
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.web.need_steps import filled, page_of, stored
from tests.web.pages import read

PROBLEM, CONTACT, ADVICE = "详情里的一句话。", "密件里的电话", "请补充发生频度和验收标准。"


@pytest.fixture
def hospital(make: Factory) -> Party:
    """A hospital with a cardiology department."""
    return make.hospital()


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the hospital."""
    return sign_in(hospital)


@pytest.fixture
def broker(make: Factory, sign_in: SignIn) -> TestClient:
    """A signed-in broker of the hospital's district."""
    return sign_in(make.reviewer(PUTUO))


def submitted(author: TestClient, make: Factory, hospital: Party, summary: str = "一句摘要。") -> str:
    """The address of a need that waits for its review."""
    need = make.need(hospital, publish=False, problem=PROBLEM, contact=CONTACT, summary=summary)
    assert author.post(f"/needs/{need.id}/submit").status_code == 303
    return f"/needs/{need.id}"


def test_what_waits_is_listed_oldest_first_with_its_age(
    make: Factory, hospital: Party, broker: TestClient, author: TestClient, database: Database, sign_in: SignIn
) -> None:
    new, old = (submitted(author, make, hospital, summary=f"摘要{n}") for n in range(2))
    company = make.party()
    capability = make.capability(company, "待审核的能力", publish=False)
    sign_in(company).post(f"/capabilities/{capability.id}/submit")
    make.need(make.hospital(region=JIADING), "别区的需求", publish=False)
    with database.session(write=True) as session:
        for url, days in ((new, 1), (old, 5)):
            need = session.get(Need, url.rsplit("/", 1)[1])
            assert need
            need.submitted_at = utc_now() - timedelta(days=days, hours=1)
            session.add(need)
    page = page_of(broker, "/reviews")
    waiting = [link for link in page.links if link.startswith(("/needs/", "/capabilities/"))]
    assert waiting == [old, new, f"/capabilities/{capability.id}"]
    assert "5 天" in page["main"].text and "不足 1 天" in page["main"].text
    assert hospital.organisation.name in page["main"].text
    assert "/reviews" in page_of(broker, "/desk").links


def test_only_brokers_have_a_list_of_reviews(
    author: TestClient, client: TestClient, make: Factory, hospital: Party, sign_in: SignIn
) -> None:
    url = submitted(author, make, hospital)
    assert author.get("/reviews").status_code == 403
    assert client.get("/reviews").status_code == 303
    assert url not in page_of(sign_in(make.broker(JIADING)), "/reviews").links


def test_a_submitted_text_is_for_its_organisation_and_the_broker_of_the_region(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, sign_in: SignIn, client: TestClient
) -> None:
    url = submitted(author, make, hospital)
    text = page_of(broker, url).text
    assert PROBLEM in text and CONTACT not in text and "待审核" in text
    assert "必填内容齐全" in text and "尚未填写：" in text
    assert "等待所在地区的撮合员审核" in page_of(author, url).text
    for stranger in (sign_in(make.broker(JIADING)), sign_in(make.party()), client):
        assert stranger.get(url).status_code == 404
        assert stranger.get(f"{url}/versions").status_code in (303, 404)
        assert stranger.get(f"{url}/releases").status_code in (303, 404)
    for reader in (author, broker):
        assert url not in page_of(reader, "/search?side=need").links
        assert reader.get(f"{url}/suggestions").status_code == 404


def test_a_returned_text_tells_its_author_what_to_improve_and_comes_back(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, database: Database
) -> None:
    url = submitted(author, make, hospital)
    answer = broker.post(f"{url}/return", data={"note": ADVICE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/reviews")
    assert "需求已退回" in page_of(broker, "/reviews")["flash"].text
    assert stored(database)[0].status is NeedStatus.RETURNED
    assert broker.get(url).status_code == 404
    page = page_of(author, url)
    assert page.all("div", "review-note")[0].text.count(ADVICE) == 1
    # The next step is to improve it, not to send it again as it is.
    primary = [e.attributes.get("href") for e in page.elements if "btn-primary" in e.attributes.get("class", "")]
    assert primary == [f"{url}/edit"]
    fields = page_of(author, f"{url}/edit").fields
    edited = author.post(f"{url}/edit", data={**fields, "frequency": "每年约两百台", "action": "submit"})
    assert edited.status_code == 303
    assert stored(database)[0].status is NeedStatus.SUBMITTED
    page = page_of(author, url)
    assert page.all("div", "review-note") == []
    assert ADVICE in page["handling"].parent.text  # type: ignore[union-attr]
    assert broker.post(f"{url}/publish").status_code == 303


@pytest.mark.parametrize("action", ["return", "reject"])
@pytest.mark.parametrize(("note", "kept"), [("", ""), (" \n ", ""), ("长" * 1001, "长" * 1001)])
def test_a_missing_or_endless_reason_is_refused_beside_its_field(
    action: str,
    note: str,
    kept: str,
    author: TestClient,
    broker: TestClient,
    make: Factory,
    hospital: Party,
    database: Database,
) -> None:
    url = submitted(author, make, hospital)
    answer = broker.post(f"{url}/{action}", data={"note": note})
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error(f"note-{action}") == "请写明理由，不超过 1,000 字。"
    assert page[f"note-{action}"].text.strip() == kept
    assert stored(database)[0].status is NeedStatus.SUBMITTED


def test_a_rejected_text_is_closed_and_may_become_a_draft_again(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, database: Database
) -> None:
    url = submitted(author, make, hospital)
    assert broker.post(f"{url}/reject", data={"note": "与平台无关。"}).headers["location"] == "/reviews"
    assert stored(database)[0].status is NeedStatus.CLOSED
    assert "与平台无关。" in page_of(author, url).all("div", "review-note")[0].text
    assert author.get(f"{url}/edit").status_code == 409
    assert author.post(f"{url}/restore").status_code == 303
    assert stored(database)[0].status is NeedStatus.DRAFT


def test_two_brokers_decide_once(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, sign_in: SignIn, database: Database
) -> None:
    other = sign_in(make.broker())
    url = submitted(author, make, hospital)
    assert broker.post(f"{url}/publish").status_code == 303
    assert broker.post(f"{url}/publish").status_code == 409
    assert other.post(f"{url}/return", data={"note": ADVICE}).status_code == 409
    assert stored(database)[0].status is NeedStatus.PUBLISHED


def test_an_administrator_learns_that_a_text_waits_where_no_broker_is(
    author: TestClient, make: Factory, hospital: Party, database: Database, sign_in: SignIn
) -> None:
    admin = make.somebody(is_admin=True)
    url = submitted(author, make, hospital)
    assert "所在地区暂无负责审核的撮合员" in page_of(author, url).text
    client = sign_in(admin)
    page = page_of(client, "/notifications")
    assert "所在地区没有撮合员" in page["main"].text
    assert "房间隔" not in page["main"].text
    assert client.get(url).status_code == 404
    assert client.post(f"{url}/publish").status_code == 404
    with database.session() as session:
        mails = session.exec(select(Mail).where(Mail.recipient == admin.user.email)).all()
    assert [mail.context.get("title", "") for mail in mails if mail.context] in ([""], [])
    assert len(mails) == 1


def test_a_broker_does_not_review_the_own_text_but_the_only_one_publishes_directly(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    agency = make.broker()
    client = sign_in(agency)
    answer = client.post("/needs", data=filled(client, kind="scenario", action="submit"))
    assert answer.status_code == 303
    assert stored(database)[0].status is NeedStatus.PUBLISHED
    assert "需求已发布" in page_of(client, answer.headers["location"])["flash"].text

    colleague = sign_in(make.join(agency, MemberRole.EDITOR))
    url = client.post("/needs", data=filled(client, kind="scenario", action="submit")).headers["location"]
    assert url in page_of(client, "/reviews").links
    refused = client.post(f"{url}/publish")
    assert refused.status_code == 403
    assert "需由另一位撮合员审核" in refused.text
    assert f"{url}/publish" not in [form.attributes["action"] for form in page_of(client, url).all("form")]
    assert colleague.post(f"{url}/publish").status_code == 303


def test_a_broker_who_only_reads_reviews_nothing(
    author: TestClient, make: Factory, hospital: Party, sign_in: SignIn, database: Database
) -> None:
    make.broker()
    reader = sign_in(make.party(OrganisationKind.AGENCY, jurisdiction=PUTUO, role=MemberRole.VIEWER))
    url = submitted(author, make, hospital)
    assert url in page_of(reader, "/reviews").links
    assert f"{url}/publish" not in [form.attributes["action"] for form in page_of(reader, url).all("form")]
    assert reader.post(f"{url}/publish").status_code == 403
    assert stored(database)[0].status is NeedStatus.SUBMITTED


def test_a_form_sent_twice_is_submitted_once_and_a_late_edit_is_not_lost(
    author: TestClient, make: Factory, hospital: Party, database: Database, broker: TestClient
) -> None:
    need = make.need(hospital, publish=False)
    url = f"/needs/{need.id}/edit"
    fields = {**page_of(author, url).fields, "summary": "改过的摘要", "action": "submit"}
    assert [author.post(url, data=fields).status_code for _ in range(2)] == [303, 303]
    late = author.post(url, data={**fields, "summary": "同事另写的摘要"})
    assert late.status_code == 409
    page = read(late.text)
    assert "可能已提交审核" in page["conflict"].text
    assert page.fields["summary"] == "同事另写的摘要"
    assert stored(database)[0].summary == "改过的摘要"


def test_closing_and_solving_want_a_word(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, database: Database
) -> None:
    need = make.need(hospital)
    url = f"/needs/{need.id}"
    assert author.post(f"{url}/fulfil").status_code == 422
    assert broker.post(f"{url}/match").status_code == 303
    assert stored(database)[0].status is NeedStatus.MATCHED
    assert author.post(f"{url}/fulfil", data={"note": "采用了示例单位的产品。"}).status_code == 303
    assert stored(database)[0].status is NeedStatus.FULFILLED
    assert author.post(f"{url}/reopen").status_code == 303
    assert broker.post(f"{url}/close", data={"note": "重复发布。"}).headers["location"] == "/reviews"
    assert stored(database)[0].status is NeedStatus.CLOSED


def test_a_capability_goes_the_same_way(make: Factory, sign_in: SignIn, broker: TestClient, database: Database) -> None:
    company = make.party()
    client, capability = sign_in(company), make.capability(company, publish=False)
    url = f"/capabilities/{capability.id}"
    client.post(f"{url}/submit")
    assert broker.get(url).status_code == 200
    assert broker.post(f"{url}/return").status_code == 422
    assert broker.post(f"{url}/return", data={"note": ADVICE}).headers["location"] == "/reviews"
    assert ADVICE in page_of(client, url).text
    client.post(f"{url}/submit")
    assert broker.post(f"{url}/publish").status_code == 303
    with database.session() as session:
        assert session.exec(select(Capability)).one().status is CapabilityStatus.PUBLISHED


def test_an_anonymous_author_is_named_to_the_broker_alone(
    make: Factory, sign_in: SignIn, broker: TestClient, database: Database
) -> None:
    """In the list, on the page, in mails and notifications: those of the released organisation included."""
    hospital, reader = make.hospital(name="示例·不愿具名医院"), make.party()
    need = make.need(hospital, anonymous=True, publish=False)
    author, url = sign_in(hospital), f"/needs/{need.id}"
    author.post(f"{url}/submit")
    assert "示例·不愿具名医院" in page_of(broker, "/reviews")["main"].text
    broker.post(f"{url}/publish")
    author.post(f"{url}/releases", data={"organisation_id": reader.organisation.id, "tier": "annex", "days": "90"})
    client = sign_in(reader)
    for address in (url, "/released", "/notifications"):
        text = client.get(address).text
        assert need.title in text
        assert "不愿具名" not in text and hospital.organisation.id not in text
    with database.session() as session:
        contexts = [str(mail.context) for mail in session.exec(select(Mail)).all()]
    assert not any("不愿具名" in context for context in contexts)
