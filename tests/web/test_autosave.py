"""Forms that save themselves: a draft takes the text, a published text keeps its own, and nothing is overwritten."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.capabilities.models import Capability
from backend.db import Database
from backend.disclosure.drafts import DraftCopy
from backend.needs.states import NeedStatus
from backend.organisations.models import MemberRole
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.web.need_steps import TITLE, Fields, events, filled, page_of, stored
from tests.web.pages import read
from tests.web.review_steps import publish_from

HTMX = {"HX-Request": "true"}


@pytest.fixture
def hospital(make: Factory) -> Party:
    """A hospital with a cardiology department."""
    return make.hospital()


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the hospital."""
    return sign_in(hospital)


def autosave(client: TestClient, fields: Fields, status: int = 200) -> str:
    """Save a form of a need as its page does; returns the answer."""
    answer = client.post(f"/needs/{fields['subject_id']}/autosave", data=fields, headers=HTMX)
    assert answer.status_code == status, answer.text
    return answer.text


def copies(database: Database) -> list[DraftCopy]:
    """What forms have left."""
    with database.session() as session:
        return list(session.exec(select(DraftCopy)).all())


def test_a_title_is_enough_for_a_draft_that_can_be_found_again(author: TestClient, database: Database) -> None:
    fields = filled(author, summary="", problem="", requirements="")
    answer = author.post(f"/needs/{fields['subject_id']}/autosave", data=fields, headers=HTMX)
    assert "已自动保存" in answer.text
    need = stored(database)[0]
    assert answer.headers["hx-replace-url"] == f"/needs/{need.id}/edit"
    assert (need.id, need.title, need.status) == (fields["subject_id"], TITLE, NeedStatus.DRAFT)
    assert page_of(author, f"/needs/{need.id}/edit").fields["title"] == TITLE


def test_without_a_title_nothing_is_stored(author: TestClient, database: Database) -> None:
    assert "填写标题后会自动保存" in autosave(author, filled(author, title="  "))
    assert stored(database) == []


def test_what_cannot_be_stored_is_named_and_left(author: TestClient, database: Database) -> None:
    text = autosave(author, filled(author, title="长" * 81), status=422)
    assert "标题" in text and "81" in text
    assert stored(database) == []


def test_many_savings_leave_one_event_and_no_kept_version(author: TestClient, database: Database) -> None:
    fields = filled(author)
    autosave(author, fields)
    for word in ("甲", "乙", "丙"):
        page = read(autosave(author, {**fields, "problem": f"上滑，{word}。"}))
        fields["version"] = page["version"].attributes["value"]
    assert stored(database)[0].problem == "上滑，丙。"
    assert events(database) == ["need:create"]
    again = page_of(author, f"/needs/{fields['subject_id']}/edit").fields
    for word in ("又一次打开。", "接着写。"):
        page = read(autosave(author, {**again, "problem": word}))
        again["version"] = page["version"].attributes["value"]
    assert events(database) == ["need:create", "need:autosave"]


def test_saving_the_same_text_again_changes_nothing(author: TestClient, database: Database) -> None:
    fields = filled(author)
    autosave(author, fields)
    autosave(author, fields)
    assert (stored(database)[0].version, events(database)) == (1, ["need:create"])


def test_a_form_whose_last_answer_was_lost_is_no_conflict(author: TestClient, database: Database) -> None:
    """The form still knows no version, and its own saving is not an edit by others."""
    fields = filled(author)
    autosave(author, fields)
    autosave(author, {**fields, "problem": "第二次保存。"})
    autosave(author, {**fields, "problem": "第三次保存。"})
    answer = author.post("/needs", data={**fields, "problem": "最后按下提交。", "action": "submit"})
    assert answer.status_code == 303
    need = stored(database)[0]
    assert (need.problem, need.status) == ("最后按下提交。", NeedStatus.SUBMITTED)
    assert copies(database) == []


def test_saving_the_draft_oneself_still_says_that_it_is_a_draft(author: TestClient) -> None:
    fields = filled(author, action="save")
    autosave(author, fields)
    answer = author.post("/needs", data=fields)
    assert "需求已保存为草稿" in page_of(author, answer.headers["location"])["flash"].text


def test_an_edit_elsewhere_is_not_overwritten(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital, publish=False)
    first = page_of(author, f"/needs/{need.id}/edit").fields
    second = page_of(author, f"/needs/{need.id}/edit").fields
    autosave(author, {**first, "problem": "第一个窗口。"})
    answer = author.post(f"/needs/{need.id}/autosave", data={**second, "problem": "第二个窗口。"}, headers=HTMX)
    assert (answer.status_code, answer.headers["hx-retarget"]) == (409, "#autosave")
    assert "已在另一个窗口或由同事修改" in answer.text
    assert stored(database)[0].problem == "第一个窗口。"
    # The second window is told so as well when it saves, and loses nothing.
    sent = author.post(f"/needs/{need.id}/edit", data={**second, "problem": "第二个窗口。", "action": "save"})
    assert sent.status_code == 409 and "第二个窗口。" in sent.text


def test_a_published_text_stays_and_its_author_may_go_on_later(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital)
    before = events(database)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    answer = autosave(author, {**fields, "problem": "写到一半的修改。", "offers": ["data"]})
    assert "修改已暂存" in answer and 'id="version"' not in answer
    assert (stored(database)[0].problem, stored(database)[0].version) == (need.problem, 1)
    assert events(database) == before

    page = page_of(author, f"/needs/{need.id}/edit")
    assert "有未保存的修改" in page["copy-note"].text
    assert page.fields["problem"] == need.problem
    assert f"/needs/{need.id}/edit?copy=1" in page.links
    taken = page_of(author, f"/needs/{need.id}/edit?copy=1")
    assert taken.fields["problem"] == "写到一半的修改。" and taken.fields["offers"] == ["data"]
    assert author.post(f"/needs/{need.id}/edit", data={**taken.fields, "action": "save"}).status_code == 303
    assert stored(database)[0].problem == "写到一半的修改。"
    assert "copy-note" not in page_of(author, f"/needs/{need.id}/edit")


def test_a_copy_is_given_up_by_a_button(author: TestClient, database: Database, hospital: Party, make: Factory) -> None:
    need = make.need(hospital)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    autosave(author, {**fields, "problem": "不要了。"})
    assert author.post(f"/needs/{need.id}/copy/discard").headers["location"] == f"/needs/{need.id}/edit"
    assert copies(database) == []
    assert page_of(author, f"/needs/{need.id}/edit").fields["problem"] == need.problem


def test_what_is_discarded_leaves_no_copy(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital)
    autosave(author, {**page_of(author, f"/needs/{need.id}/edit").fields, "problem": "写到一半。"})
    author.post(f"/needs/{need.id}/withdraw")
    assert len(copies(database)) == 1
    author.post(f"/needs/{need.id}/discard")
    assert copies(database) == []


def test_a_copy_that_waits_is_not_lost_to_another_form(
    author: TestClient, database: Database, hospital: Party, make: Factory
) -> None:
    need = make.need(hospital)
    first = page_of(author, f"/needs/{need.id}/edit").fields
    second = page_of(author, f"/needs/{need.id}/edit").fields
    autosave(author, {**first, "problem": "先写的。"})
    assert "另有一份未保存的修改" in autosave(author, {**second, "problem": "后写的。"}, status=409)
    assert copies(database)[0].data is not None
    assert "先写的。" in str(copies(database)[0].data)


def test_a_copy_is_its_writers_alone(
    author: TestClient, hospital: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    need = make.need(hospital)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    autosave(author, {**fields, "problem": "只有我看到。"})
    colleague = sign_in(make.join(hospital, MemberRole.EDITOR))
    for url in (f"/needs/{need.id}/edit", f"/needs/{need.id}/edit?copy=1"):
        text = colleague.get(url).text
        assert "只有我看到。" not in text and "copy-note" not in text


def test_strangers_and_readers_save_nothing(
    author: TestClient, hospital: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    need = make.need(hospital, publish=False)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    sent = {**fields, "problem": "不该存下。"}
    stranger, reader = sign_in(make.hospital()), sign_in(make.join(hospital, MemberRole.VIEWER))
    autosave(stranger, sent, status=404)
    autosave(reader, sent, status=403)
    assert (
        sign_in(make.party(verified=False))
        .post("/needs/0123456789abcdef/autosave", data={**fields, "subject_id": "0123456789abcdef"})
        .status_code
        == 403
    )
    autosave(author, {**fields, "subject_id": "0" * 16, "organisation_id": "f" * 16}, status=422)
    assert author.post(f"/needs/{'1' * 16}/autosave", data=fields).status_code == 404
    assert [n.problem for n in stored(database)] == [need.problem] and copies(database) == []


def test_a_visitor_whose_session_has_ended_is_sent_to_sign_in(client: TestClient) -> None:
    answer = client.post("/needs/0123456789abcdef/autosave", data={"title": "x"}, headers=HTMX)
    assert (answer.status_code, answer.headers["hx-redirect"].split("?")[0]) == (401, "/sign-in")


def test_capabilities_save_themselves_too(make: Factory, sign_in: SignIn, database: Database) -> None:
    company = sign_in(make.party())
    fields = read(company.get("/capabilities/new").text).fields
    fields |= {"title": "可调弯穿刺针", "principle": "拉线调弯。"}
    url = f"/capabilities/{fields['subject_id']}"
    answer = company.post(f"{url}/autosave", data=fields, headers=HTMX)
    assert "已自动保存" in answer.text and answer.headers["hx-replace-url"] == f"{url}/edit"
    company.post(f"{url}/autosave", data={**fields, "principle": "改过的原理。"}, headers=HTMX)
    publish_from(company, "/capabilities", {**fields, "principle": "改过的原理。", "summary": "针的弯度可调。"})
    with database.session() as session:
        capability = session.exec(select(Capability)).one()
        kinds = list(session.exec(select(AuditEvent.event).where(AuditEvent.subject_kind == "capability")).all())
    assert (capability.principle, capability.status) == ("改过的原理。", "published")
    assert kinds == ["capability:create", "capability:edit", "capability:submit", "capability:publish"]
    edit = read(company.get(f"{url}/edit").text).fields
    assert "修改已暂存" in company.post(f"{url}/autosave", data={**edit, "principle": "新"}, headers=HTMX).text
    assert read(company.get(f"{url}/edit?copy=1").text).fields["principle"] == "新"
    assert company.post(f"{url}/copy/discard").status_code == 303
