"""The pages of a capability. What it shares with a need is tested there in full; here stands what must work as well."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.capabilities.models import Capability, Stage
from backend.capabilities.states import CapabilityStatus
from backend.db import Database
from backend.organisations.models import MemberRole
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.web.pages import read
from tests.web.review_steps import broker_beside, publish_again, publish_from

Fields = dict[str, str | list[str]]


@pytest.fixture
def company(make: Factory) -> Party:
    """An enterprise."""
    return make.party()


@pytest.fixture
def author(company: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the enterprise."""
    return sign_in(company)


def filled(author: TestClient, **changes: str) -> Fields:
    """The form of a new capability as a browser sends it, filled in."""
    fields = read(author.get("/capabilities/new").text).fields
    return {**fields, "title": "可调弯射频穿刺系统", "summary": "弯度可在心脏内调节。", **changes}


def only(database: Database) -> Capability:
    """The one capability in the database."""
    with database.session() as session:
        return session.exec(select(Capability)).one()


def test_a_capability_is_published_from_its_form(author: TestClient, database: Database) -> None:
    url = publish_from(author, "/capabilities", filled(author, stage="clinical", certificate="第三类，注册申报中"))
    stored = only(database)
    assert (stored.status, stored.stage) == (CapabilityStatus.PUBLISHED, Stage.CLINICAL)
    assert stored.confirmed_at == stored.published_at is not None
    text = read(author.get(url).text).text
    assert "已发布" in text
    assert "临床评价或临床试验" in text


def test_a_draft_without_any_choice_is_published_from_its_page(author: TestClient, database: Database) -> None:
    """Specialty, device category and stage may stay open."""
    location = author.post("/capabilities", data=filled(author, action="save")).headers["location"]
    assert only(database).status is CapabilityStatus.DRAFT
    assert publish_again(author, location) == location
    assert only(database).status is CapabilityStatus.PUBLISHED


def test_the_life_of_a_capability(author: TestClient, company: Party, make: Factory, database: Database) -> None:
    capability = make.capability(company, publish=False)
    steps = [
        ("submit", CapabilityStatus.SUBMITTED),
        ("publish", CapabilityStatus.PUBLISHED),
        ("confirm", CapabilityStatus.PUBLISHED),
        ("withdraw", CapabilityStatus.WITHDRAWN),
        ("submit", CapabilityStatus.SUBMITTED),
        ("take-back", CapabilityStatus.DRAFT),
        ("submit", CapabilityStatus.SUBMITTED),
        ("publish", CapabilityStatus.PUBLISHED),
        ("withdraw", CapabilityStatus.WITHDRAWN),
        ("discard", CapabilityStatus.DISCARDED),
        ("restore", CapabilityStatus.DRAFT),
    ]
    broker = broker_beside(author)
    for action, status in steps:
        actor = broker if action == "publish" else author
        page = read(actor.get(f"/capabilities/{capability.id}").text)
        offered = [f.attributes["action"] for f in page.all("form")]
        # A confirmation is offered when it is due, and taken at any time.
        assert (f"/capabilities/{capability.id}/{action}" in offered) is (action != "confirm")
        assert actor.post(f"/capabilities/{capability.id}/{action}").status_code == 303
        assert only(database).status is status


def test_a_form_sent_twice_makes_one_capability(author: TestClient, database: Database) -> None:
    fields = filled(author, action="submit")
    answers = [author.post("/capabilities", data=fields) for _ in range(2)]
    assert [a.status_code for a in answers] == [303, 303]
    assert only(database).version == 1


def test_an_edit_in_two_windows_loses_nothing(
    author: TestClient, company: Party, make: Factory, database: Database
) -> None:
    url = f"/capabilities/{make.capability(company).id}/edit"
    fields = read(author.get(url).text).fields
    assert author.post(url, data={**fields, "principle": "第一个窗口"}).status_code == 303
    answer = author.post(url, data={**fields, "principle": "第二个窗口"})
    assert answer.status_code == 409
    assert read(answer.text).fields["principle"] == "第二个窗口"
    assert only(database).principle == "第一个窗口"


def test_publishing_without_a_summary_shows_the_form(
    author: TestClient, company: Party, make: Factory, database: Database
) -> None:
    capability = make.capability(company, publish=False, summary="")
    answer = author.post(f"/capabilities/{capability.id}/submit")
    assert answer.status_code == 422
    assert read(answer.text).error("summary").startswith("发布前请填写摘要")
    assert only(database).status is CapabilityStatus.DRAFT


@pytest.mark.parametrize("path", ["", "/edit", "/suggestions"])
def test_a_strangers_draft_is_not_found(path: str, sign_in: SignIn, company: Party, make: Factory) -> None:
    draft = make.capability(company, publish=False)
    assert sign_in(make.party()).get(f"/capabilities/{draft.id}{path}").status_code == 404


def test_a_member_who_only_reads_changes_nothing(make: Factory, sign_in: SignIn, database: Database) -> None:
    reader = make.party(role=MemberRole.VIEWER)
    capability = make.capability(make.join(reader, MemberRole.OWNER))
    client = sign_in(reader)
    assert client.get(f"/capabilities/{capability.id}").status_code == 200
    assert client.get(f"/capabilities/{capability.id}/edit").status_code == 403
    assert client.post(f"/capabilities/{capability.id}/withdraw").status_code == 403
    assert only(database).status is CapabilityStatus.PUBLISHED


def test_an_unknown_stage_is_refused_beside_its_field(author: TestClient) -> None:
    answer = author.post("/capabilities", data=filled(author, stage="finished", action="save"))
    assert answer.status_code == 422
    assert read(answer.text).error("stage") == "请从列表中选择一项。"


@pytest.mark.parametrize("name", ["summary", "composition", "principle", "indications", "certificate", "performance"])
def test_a_text_over_4000_characters_is_refused_beside_its_field(name: str, author: TestClient) -> None:
    answer = author.post("/capabilities", data=filled(author, **{name: "针" * 4001}))
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error(name) == "最多 4,000 个字，现有 4,001 个字，请删减。"
    assert page.fields[name] == "针" * 4001
