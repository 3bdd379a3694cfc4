"""The pages of a need, from the empty form to the restored draft."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.db import Database
from backend.needs.models import Requirement
from backend.needs.states import NeedStatus
from tests.conftest import SignIn
from tests.factories import PUTUO, Factory, Party
from tests.web.need_steps import TITLE, events, filled, page_of, stored
from tests.web.pages import read
from tests.web.review_steps import broker_beside


@pytest.fixture
def hospital(make: Factory) -> Party:
    """A hospital with a cardiology department."""
    return make.hospital()


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the hospital."""
    return sign_in(hospital)


def test_the_empty_form_knows_the_author(author: TestClient, hospital: Party) -> None:
    fields = read(author.get("/needs/new").text).fields
    assert fields["organisation_id"] == hospital.organisation.id
    assert fields["region"] == PUTUO
    assert fields["department_id"] == hospital.viewer.memberships[0].department_id
    assert fields["kind"] == "clinical"
    assert fields["audience"] == "members"


def test_a_draft_is_saved_with_all_that_was_typed(author: TestClient, database: Database, hospital: Party) -> None:
    answer = author.post("/needs", data=filled(author, offers=["data", "observation"], action="save"))
    assert answer.status_code == 303
    need = stored(database)[0]
    assert answer.headers["location"] == f"/needs/{need.id}"
    assert (need.title, need.status, need.organisation_id) == (TITLE, NeedStatus.DRAFT, hospital.organisation.id)
    assert need.author_id == hospital.user.id
    assert need.offers == ["data", "observation"]
    with database.session() as session:
        assert [r.text for r in session.exec(select(Requirement)).all()] == ["弯度可调"]
    page = page_of(author, f"/needs/{need.id}")
    assert "需求已保存为草稿" in page["flash"].text
    assert "需求已保存为草稿" not in page_of(author, f"/needs/{need.id}").text
    assert events(database) == ["need:create"]


def test_a_need_is_submitted_from_its_form_and_published_by_the_broker(
    author: TestClient, database: Database, make: Factory, sign_in: SignIn
) -> None:
    broker = sign_in(make.broker())
    answer = author.post("/needs", data=filled(author, action="submit"))
    assert answer.status_code == 303
    assert stored(database)[0].status is NeedStatus.SUBMITTED
    url = answer.headers["location"]
    page = page_of(author, url)
    assert "由所在地区的撮合员审核" in page["flash"].text
    assert page.title.startswith(TITLE)
    assert broker.post(f"{url}/publish").headers["location"] == url
    assert "需求已发布" in page_of(broker, url)["flash"].text
    assert stored(database)[0].status is NeedStatus.PUBLISHED
    assert events(database)[:3] == ["need:create", "need:submit", "need:publish"]


def test_my_needs_list_every_status_but_discarded(author: TestClient, hospital: Party, make: Factory) -> None:
    make.need(hospital, "已发布的一条")
    make.need(hospital, "还是草稿的一条", publish=False)
    discarded = make.need(hospital, "删除的一条", publish=False)
    author.post(f"/needs/{discarded.id}/discard")
    text = page_of(author, "/needs").text
    assert "已发布的一条" in text
    assert "还是草稿的一条" in text
    assert "删除的一条" not in text


def test_the_life_of_a_need(author: TestClient, database: Database, hospital: Party, make: Factory) -> None:
    """Every action is a form on the page of the need, and leads where the table says."""
    need = make.need(hospital, publish=False)
    steps = [
        ("submit", NeedStatus.SUBMITTED, "需求已提交"),
        ("take-back", NeedStatus.DRAFT, "需求已取回"),
        ("submit", NeedStatus.SUBMITTED, "需求已提交"),
        ("publish", NeedStatus.PUBLISHED, ""),
        ("withdraw", NeedStatus.WITHDRAWN, "需求已撤回"),
        ("submit", NeedStatus.SUBMITTED, "需求已提交"),
        ("publish", NeedStatus.PUBLISHED, ""),
        ("withdraw", NeedStatus.WITHDRAWN, "需求已撤回"),
        ("discard", NeedStatus.DISCARDED, "需求已删除"),
        ("restore", NeedStatus.DRAFT, "需求已恢复为草稿"),
    ]
    broker = broker_beside(author)
    for action, status, message in steps:
        actor = author if message else broker
        page = page_of(actor, f"/needs/{need.id}")
        assert f"/needs/{need.id}/{action}" in [form.attributes["action"] for form in page.all("form")]
        assert actor.post(f"/needs/{need.id}/{action}").status_code == 303
        assert stored(database)[0].status is status
        assert message in page_of(author, f"/needs/{need.id}")["flash"].text
    assert [event for event in events(database)[1:] if not event.endswith(":read")] == [
        f"need:{action}" for action, _status, _message in steps
    ]


def test_an_edit_changes_the_text_and_counts_a_version(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital, requirements=("弯度可调", "不上滑"))
    page = page_of(author, f"/needs/{need.id}/edit")
    assert page.fields["requirements"] == "弯度可调\n不上滑"
    answer = author.post(f"/needs/{need.id}/edit", data={**page.fields, "title": "改过的标题", "action": "save"})
    assert answer.status_code == 303
    assert "修改已保存" in page_of(author, f"/needs/{need.id}")["flash"].text
    changed = stored(database)[0]
    assert (changed.title, changed.version, changed.status) == ("改过的标题", 2, NeedStatus.PUBLISHED)
    assert events(database)[-1] == "need:edit"


def test_saving_without_a_change_makes_no_version(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    assert author.post(f"/needs/{need.id}/edit", data=fields).status_code == 303
    assert stored(database)[0].version == 1


def test_a_new_requirement_alone_is_a_new_version(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    author.post(f"/needs/{need.id}/edit", data={**fields, "requirements": "弯度可调"})
    assert stored(database)[0].version == 2
    assert "弯度可调" in page_of(author, f"/needs/{need.id}").text


def test_a_form_sent_twice_makes_one_need(author: TestClient, database: Database) -> None:
    fields = filled(author, action="submit")
    first, second = author.post("/needs", data=fields), author.post("/needs", data=fields)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    assert len(stored(database)) == 1


def test_an_edit_in_two_windows_loses_nothing(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    """The second window gets 409 with its own text; saving once more is a decision and replaces the first."""
    need = make.need(hospital)
    url = f"/needs/{need.id}/edit"
    first, second = page_of(author, url).fields, page_of(author, url).fields
    assert author.post(url, data={**first, "summary": "第一个窗口写的"}).status_code == 303
    answer = author.post(url, data={**second, "summary": "第二个窗口写的"})
    assert answer.status_code == 409
    page = read(answer.text)
    assert "已在另一个窗口或由同事修改" in page["conflict"].text
    assert page.fields["summary"] == "第二个窗口写的"
    assert stored(database)[0].summary == "第一个窗口写的"
    assert author.post(url, data=page.fields).status_code == 303
    assert stored(database)[0].summary == "第二个窗口写的"


def test_a_first_form_sent_again_does_not_undo_a_later_edit(author: TestClient, database: Database) -> None:
    """The back button leads to the form of the new need, which knows nothing of the edit made since."""
    fields = filled(author)
    location = author.post("/needs", data=fields).headers["location"]
    edited = {**page_of(author, f"{location}/edit").fields, "summary": "后来补充的内容"}
    author.post(f"{location}/edit", data=edited)
    answer = author.post("/needs", data={**fields, "title": "改了标题"})
    assert answer.status_code == 409
    assert read(answer.text).fields["title"] == "改了标题"
    assert stored(database)[0].summary == "后来补充的内容"


def test_publishing_an_incomplete_draft_shows_the_form_and_what_is_missing(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital, publish=False, summary="", problem="")
    answer = author.post(f"/needs/{need.id}/submit")
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error("summary").startswith("发布前请填写摘要")
    assert page.error("problem") == "发布前请写明遇到的问题与后果。"
    assert "有 2 处需要修改" in page["error-summary"].text
    assert stored(database)[0].status is NeedStatus.DRAFT


def test_an_open_need_cannot_be_emptied(author: TestClient, database: Database, hospital: Party, make: Factory) -> None:
    need = make.need(hospital)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    answer = author.post(f"/needs/{need.id}/edit", data={**fields, "problem": " "})
    assert answer.status_code == 422
    assert stored(database)[0].problem != ""


def test_an_action_that_the_status_does_not_allow_is_refused(
    author: TestClient, hospital: Party, make: Factory, database: Database
) -> None:
    need = make.need(hospital)
    for action in ("submit", "take-back", "discard", "restore"):
        answer = author.post(f"/needs/{need.id}/{action}")
        assert answer.status_code == 409
        assert "当前状态下不能进行这项操作" in answer.text
    for action in ("match", "close"):
        assert author.post(f"/needs/{need.id}/{action}", data={"note": "理由"}).status_code == 403
    for action in ("expire", "nothing"):
        assert author.post(f"/needs/{need.id}/{action}").status_code == 404
    assert stored(database)[0].status is NeedStatus.PUBLISHED


def test_a_discarded_need_cannot_be_edited(author: TestClient, hospital: Party, make: Factory) -> None:
    need = make.need(hospital, publish=False)
    author.post(f"/needs/{need.id}/discard")
    assert author.get(f"/needs/{need.id}/edit").status_code == 409


def test_a_broker_finds_the_needs_of_the_district(make: Factory, sign_in: SignIn, hospital: Party) -> None:
    make.need(hospital, "本区的需求")
    make.need(make.hospital(region="310114"), "别区的需求")
    make.need(hospital, "本区的草稿", publish=False)
    text = page_of(sign_in(make.broker()), "/needs").text
    assert "本区的需求" in text
    assert "别区的需求" not in text
    assert "本区的草稿" not in text
