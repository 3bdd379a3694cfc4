"""Calls for responses through the pages, as every role takes them, without a script."""

import re

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.db import Database
from backend.introductions import undertaking
from backend.mailer import Mail
from backend.organisations.models import MemberRole, Organisation
from backend.organisations.states import OrganisationStatus
from backend.responses.models import CallResponse, ResponseCall
from backend.responses.states import CallStatus, ResponseStatus, ReviewStatus
from backend.working_days import add_working_days, today
from tests.conftest import SignIn
from tests.factories import JIADING, Factory
from tests.response_steps import ANSWER, Scene
from tests.web.need_steps import page_of
from tests.web.pages import read
from tests.web.test_exports import rows_of

UNTIL = add_working_days(today(), 10).isoformat()
SOLUTION = "用可调弯的鞘管"


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


def form_of(client: TestClient, url: str, **changes: str) -> dict[str, str | list[str]]:
    return {**page_of(client, url).fields, **changes}


def test_the_whole_way_from_opening_to_the_outcome(scene: Scene, sign_in: SignIn, database: Database) -> None:
    author, company, rival, expert, broker = (
        sign_in(p) for p in (scene.hospital, scene.company, scene.rival, scene.expert, scene.broker)
    )
    need = f"/needs/{scene.need.id}"
    assert f"{need}/responses/new" in page_of(author, f"{need}/responses").links
    fields = form_of(author, f"{need}/responses/new", until=UNTIL)
    assert fields["name_0"] == "技术可行性" and fields["weight_0"] == "30"
    opened = author.post(f"{need}/responses", data=fields)
    assert opened.status_code == 303
    call = opened.headers["location"]
    # Sent twice it is one call.
    assert author.post(f"{need}/responses", data=fields).headers["location"] == call

    block = company.get(f"{need}/responses", headers={"HX-Request": "true"})
    assert call in read(block.text).links and "<html" not in block.text
    answer_url = next(link for link in page_of(company, call).links if "/respond" in link)
    draft = company.post(f"{call}/respond", data=form_of(company, answer_url, solution=SOLUTION, action="save"))
    response = draft.headers["location"]
    assert "草稿还没有提交" in page_of(company, response).text
    handed = {**ANSWER, "solution": SOLUTION, "action": "submit"}
    assert company.post(f"{call}/respond", data=form_of(company, answer_url, **handed)).headers["location"] == response
    other_url = next(link for link in page_of(rival, call).links if "/respond" in link)
    handed_too = {**ANSWER, "solution": "改用激光穿刺", "action": "submit"}
    other = rival.post(f"{call}/respond", data=form_of(rival, other_url, **handed_too)).headers["location"]

    # Before the date: the number for author and broker, nothing for anybody else.
    for overseer in (author, broker):
        page = page_of(overseer, call)
        assert "已收到 2 份应征" in page.text and "截止前任何人都看不到应征内容" in page.text
        assert scene.company.organisation.name not in page.text
        assert overseer.get(response).status_code == 404 and overseer.get(f"{call}/results").status_code == 404
    assert "已收到" not in page_of(rival, call).text
    assert rival.get(response).status_code == 404 and rival.get(f"{response}/review").status_code == 404

    scene.let_close(stored_call(database))
    assert company.post(f"{call}/respond", data=form_of_closed(handed)).status_code == 409
    page = page_of(author, call)
    assert {response, other} <= set(page.links)
    assert SOLUTION in page_of(author, response).text
    assert rival.get(response).status_code == 404

    invited = author.post(f"{call}/reviewers", data={"user_id": "", "email": scene.expert.user.email})
    assert invited.status_code == 303
    invitation = page_of(expert, f"{call}/review")
    assert scene.company.organisation.name in invitation.text and "针尖上滑的详情。" not in invitation.text
    assert expert.get(response).status_code == 404
    refused = expert.post(f"{call}/review/accept", data={})
    assert refused.status_code == 422 and "请先确认没有利益冲突" in read(refused.text).text
    assert expert.post(f"{call}/review/accept", data={"agree": "y"}).status_code == 303
    assert "针尖上滑的详情。" in page_of(expert, f"{call}/review").text
    assert expert.post(f"{call}/review/submit").status_code == 422
    for url, points in ((response, "5"), (other, "3")):
        fields = form_of(expert, f"{url}/review")
        given = {name: points if name.startswith("points_") else "写了依据" for name in fields}
        assert expert.post(f"{url}/review", data=given).status_code == 303
        assert form_of(expert, f"{url}/review") == given
    sheet = f"/exports{call}.csv"
    assert expert.get(f"{call}/results").status_code == expert.get(sheet).status_code == 403
    assert expert.post(f"{call}/review/submit").headers["location"] == f"{call}/results"
    table = page_of(author, f"{call}/results")
    assert table.text.index(scene.company.organisation.name) < table.text.index(scene.rival.organisation.name)
    assert "5.00" in table.text and "3.00" in table.text and scene.expert.user.name in table.text
    assert sheet in table.links
    lines = rows_of(author.get(sheet).content)
    assert [(line["应征单位"], float(line["总分"])) for line in lines] == [
        (scene.company.organisation.name, 5),
        (scene.rival.organisation.name, 3),
    ]
    assert all(line["解决方案"] for line in lines) and company.get(sheet).status_code == rival.get(sheet).status_code
    assert company.get(sheet).status_code in (403, 404) and overseer.get(f"/exports{call}.pdf").status_code == 404

    fields = form_of(author, f"{call}/decision")
    response_id = response.removeprefix("/responses/")
    choice = {**fields, f"picked_{response_id}": "y", "summary": "以证据为先。"}
    lacking = author.post(f"{call}/decision", data=choice)
    assert lacking.status_code == 422
    page = read(lacking.text)
    assert "请填写承诺人姓名" in page.error("signed_name") and page.fields["summary"] == "以证据为先。"
    assert page.fields[f"picked_{response_id}"] == ["y"]
    consent = {"agree": "y", "signed_name": "示例签署人", "contact": "021-0000 0000"}
    for _twice in range(2):
        assert author.post(f"{call}/decision", data={**choice, **consent}).headers["location"] == call
    mine, theirs = page_of(company, response), page_of(rival, other)
    assert "方案入选" in mine.text and any(link.startswith("/introductions/") for link in mine.links)
    assert "本次未选用贵单位的方案" in theirs.text and "以证据为先。" in page_of(rival, call).text
    assert not any(link.startswith("/introductions/") for link in theirs.links)
    with database.session() as session:
        mails = [str(m.context) for m in session.exec(select(Mail)).all()]
        assert mails and not any(word in m for m in mails for word in (scene.need.title, SOLUTION, "示例·"))
    assert "征集结果已公布" in page_of(rival, "/notifications").text


def form_of_closed(handed: dict[str, str]) -> dict[str, str]:
    """A form that was opened before the date and is sent after it."""
    return {**handed, "organisation_id": "0123456789abcdef", "version": "1"}


def stored_call(database: Database) -> ResponseCall:
    with database.session() as session:
        return session.exec(select(ResponseCall)).one()


def test_what_is_missing_is_said_beside_the_field_and_nothing_typed_is_lost(scene: Scene, sign_in: SignIn) -> None:
    author, company = sign_in(scene.hospital), sign_in(scene.company)
    url = f"/needs/{scene.need.id}/responses"
    fields = form_of(author, f"{url}/new", until="2020-01-01", terms="须有体系。", weight_1="很多", name_2="成熟度")
    page = read(author.post(url, data=fields).text)
    assert "整数" in page.error("weight_1") and "已经写过" in page.error("name_2")
    assert page.fields["terms"] == "须有体系。" and page.fields["weight_1"] == "很多"
    assert "截止日期须在" in read(author.post(url, data={**fields, "weight_1": "5", "name_2": "别的"}).text).error(
        "until"
    )
    assert "年-月-日" in read(author.post(url, data={**fields, "until": "明天"}).text).error("until")
    call = scene.begin()
    path = f"/calls/{call.id}"
    form = next(link for link in page_of(company, path).links if "/respond" in link)
    answer = company.post(f"{path}/respond", data=form_of(company, form, solution=SOLUTION, action="submit"))
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.fields["solution"] == SOLUTION and "依据" in page.error("evidence") and "阶段" in page.error("stage")
    late = author.post(f"{path}/date", data={"until": today().isoformat(), "note": "提前"})
    assert late.status_code == 422 and "截止日期须在" in read(late.text).error("until")
    assert read(late.text)["note"].text.strip() == "提前"
    withdrawn = author.post(f"{path}/act/withdraw", data={"note": " "})
    assert withdrawn.status_code == 422 and read(withdrawn.text).error("note-withdraw")


def test_a_colleague_who_saved_meanwhile_is_not_overwritten(scene: Scene, sign_in: SignIn) -> None:
    call = scene.begin()
    company = sign_in(scene.company)
    url = f"/calls/{call.id}/respond"
    scene.answer(scene.company, call, submit=False)
    old = form_of(company, url, solution="我写的")
    scene.answer(scene.company, call, submit=False, solution="同事写的")
    answer = company.post(url, data={**old, "action": "save"})
    assert answer.status_code == 409
    page = read(answer.text)
    assert page.fields["solution"] == "我写的" and "同事在您填写期间修改过" in page.text
    assert company.post(url, data={**page.fields, "action": "save"}).status_code == 303


def test_an_anonymous_author_stays_hidden_from_responders_and_reviewers(
    make: Factory, database: Database, sign_in: SignIn
) -> None:
    scene = Scene(make, database, anonymous=True)
    call, mine, _other = scene.closed()
    scene.invite(call)
    expert, company, broker = (sign_in(p) for p in (scene.expert, scene.company, scene.broker))
    scene.score_all(call, scene.expert, {mine.id: 4, _other.id: 2})
    name = scene.hospital.organisation.name
    seen = [expert.get(f"/calls/{call.id}{more}").text for more in ("", "/review", "/results")]
    seen += [client.get("/responses").text for client in (expert, company)]
    seen += [company.get(f"/calls/{call.id}").text, company.get(f"/responses/{mine.id}").text]
    seen += [expert.get(f"/responses/{mine.id}").text, company.get(f"/needs/{scene.need.id}/responses").text]
    assert not any(name in text for text in seen)
    assert name in broker.get(f"/calls/{call.id}").text


def test_a_broker_proposes_through_the_page_and_the_author_answers(scene: Scene, sign_in: SignIn) -> None:
    broker, author, company = (sign_in(p) for p in (scene.broker, scene.hospital, scene.company))
    url = f"/needs/{scene.need.id}/responses"
    assert "建议开放征集" in page_of(broker, url).text
    call = broker.post(url, data=form_of(broker, f"{url}/new", until=UNTIL, note="可以征集。")).headers["location"]
    assert company.get(call).status_code == 404 and "可以征集。" in page_of(author, call).text
    assert broker.post(f"{call}/act/open").status_code == 403
    assert company.post(f"{call}/act/open").status_code == 404
    assert author.post(f"{call}/act/open").status_code == 303
    assert "以“" in page_of(company, call).text


def test_everybody_else_is_refused(scene: Scene, sign_in: SignIn, client: TestClient) -> None:
    call, mine, _other = scene.closed()
    review = scene.invite(call)
    path, response = f"/calls/{call.id}", f"/responses/{mine.id}"
    elsewhere = scene.make.reviewer(JIADING)
    reader = scene.make.join(scene.hospital, MemberRole.VIEWER)
    gets = (f"{path}/results", f"{path}/decision", f"{path}/review", f"{path}/edit", f"{path}/respond", response)
    posts = (
        *(f"{path}/{more}" for more in ("edit", "date", "act/withdraw", "reviewers", "decision", "respond")),
        *(f"{path}/review/{more}" for more in ("accept", "refuse", "submit")),
        *(f"{path}/reviewers/{review.id}/remove", f"{response}/withdraw", f"{response}/review"),
    )
    for party in (scene.stranger, scene.rival, elsewhere):
        there = sign_in(party)
        for url in gets:
            assert there.get(url).status_code in (403, 404, 409), url
            assert SOLUTION not in there.get(url).text
        for url in posts:
            assert there.post(url, data={"note": "x", "until": UNTIL, "reason": "conflict"}).status_code in (
                403,
                404,
                409,
                422,
            ), url
    # Those who only read of the author's side read, and decide nothing.
    there = sign_in(reader)
    assert there.get(f"{path}/results").status_code == 200 and there.get(f"{path}/decision").status_code == 403
    assert there.post(f"{path}/act/withdraw", data={"note": "x"}).status_code == 403
    assert there.post(f"{path}/reviewers", data={"email": "x@test.example"}).status_code == 403
    for url in (path, "/responses", *gets):
        assert client.get(url).headers["location"].startswith("/sign-in")
    with scene.database.session() as session:
        assert session.get_one(ResponseCall, call.id).status is CallStatus.CLOSED
        assert session.get_one(CallResponse, mine.id).status is ResponseStatus.SUBMITTED


def test_actions_of_the_system_have_no_address(scene: Scene, sign_in: SignIn) -> None:
    call = scene.begin()
    author = sign_in(scene.hospital)
    for action in ("close", "expire", "decide", "change", "reschedule", "nothing"):
        assert author.post(f"/calls/{call.id}/act/{action}", data={"note": "x"}).status_code == 404


def test_reviewers_are_asked_by_list_or_address_with_reasons_beside_the_field(scene: Scene, sign_in: SignIn) -> None:
    call, _mine, _other = scene.closed()
    author, path = sign_in(scene.hospital), f"/calls/{call.id}/reviewers"
    colleague = scene.make.join(scene.hospital, MemberRole.VIEWER)
    unknown = author.post(path, data={"user_id": "", "email": "nobody@test.example"})
    assert unknown.status_code == 422 and "没有使用这个邮箱的账号" in read(unknown.text).error("email")
    assert read(unknown.text).fields["email"] == "nobody@test.example"
    rival = author.post(path, data={"user_id": "", "email": scene.rival.user.email})
    assert "利益冲突" in read(rival.text).error("email")
    assert author.post(path, data={"user_id": "", "email": ""}).status_code == 422
    assert author.post(path, data={"user_id": scene.stranger.user.id, "email": ""}).status_code == 422
    assert author.post(path, data={"user_id": colleague.user.id, "email": ""}).status_code == 303
    there = sign_in(colleague)
    url = f"/calls/{call.id}/review/refuse"
    assert read(there.post(url, data={"reason": "other"}).text).error("note")
    assert there.post(url, data={"reason": "not_my_field"}).status_code == 303
    assert "不是我的专业" in page_of(author, f"/calls/{call.id}").text


def test_the_lists_show_what_concerns_their_reader(scene: Scene, sign_in: SignIn) -> None:
    call = scene.begin()
    title = scene.need.title
    assert "正在征集的需求" in page_of(sign_in(scene.stranger), "/responses").text
    scene.answer(scene.company, call)
    page = page_of(sign_in(scene.company), "/responses")
    assert "本单位的应征" in page.text and "正在征集的需求" not in page.text
    assert "本单位的征集" in page_of(sign_in(scene.hospital), "/responses").text
    assert "本辖区和本单位的征集" in page_of(sign_in(scene.broker), "/responses").text
    scene.let_close(call)
    scene.invite(call)
    page = page_of(sign_in(scene.expert), "/responses")
    assert title in page.text and f"/calls/{call.id}/review" in page.links
    assert "目前没有征集" in page_of(sign_in(scene.make.somebody()), "/responses").text


def test_the_decision_that_cannot_introduce_changes_nothing(scene: Scene, sign_in: SignIn) -> None:
    call, mine, other = scene.closed()

    with scene.database.session(write=True) as session:
        row = session.get_one(Organisation, scene.rival.organisation.id)
        row.status = OrganisationStatus.REFUSED
        session.add(row)
    author, url = sign_in(scene.hospital), f"/calls/{call.id}/decision"
    consent = {"agree": "y", "signed_name": "示例签署人", "contact": "电话", "summary": "理由"}
    picks = {f"picked_{mine.id}": "y", f"picked_{other.id}": "y"}
    answer = author.post(url, data=form_of(author, url, **consent, **picks))
    assert answer.status_code == 422 and "不能相互引荐" in read(answer.text).text
    assert scene.stored(mine).status is ResponseStatus.SUBMITTED and scene.stored(mine).introduction_id is None
    assert scene.call(call).status is CallStatus.CLOSED


def test_the_undertaking_stands_on_the_form(scene: Scene, sign_in: SignIn) -> None:
    call, _mine, _other = scene.closed()
    text = page_of(sign_in(scene.hospital), f"/calls/{call.id}/decision").text
    assert all(clause in text for clause in undertaking.PRESENT.zh)


def test_a_review_after_the_decision_is_over(scene: Scene, sign_in: SignIn) -> None:
    call, _mine, _other = scene.closed()
    review = scene.invite(call)
    scene.decide(call, set())
    expert = sign_in(scene.expert)
    assert expert.get(f"/calls/{call.id}/review").status_code == 409
    assert expert.post(f"/calls/{call.id}/review/accept", data={"agree": "y"}).status_code == 409
    assert review.status is ReviewStatus.INVITED
    assert re.search("以成熟度为先", page_of(expert, f"/calls/{call.id}").text)
