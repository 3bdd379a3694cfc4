"""Pages of the landing ledger, as each role uses them, with and without scripts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from backend.db import Database, utc_now
from backend.introductions.models import Introduction
from backend.ledger import service
from backend.ledger.models import LedgerStep
from backend.ledger.states import StepKind, StepStatus
from backend.meetings import holding
from backend.meetings.holding import Minutes
from backend.meetings.models import CaseMeeting
from backend.meetings.states import MeetingStatus
from backend.needs.models import Need
from backend.needs.states import NeedStatus
from backend.organisations.models import MemberRole
from backend.working_days import today
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.unit.test_ledger import Landing
from tests.web.need_steps import page_of
from tests.web.pages import read
from tests.web.test_exports import rows_of


@pytest.fixture
def scene(make: Factory, database: Database) -> Landing:
    return Landing(make, database)


@pytest.fixture
def row(scene: Landing) -> Introduction:
    return scene.agreed()


@pytest.fixture
def url(row: Introduction) -> str:
    return f"/introductions/{row.id}/ledger"


@pytest.fixture
def hospital(scene: Landing, sign_in: SignIn) -> TestClient:
    return sign_in(scene.hospital)


@pytest.fixture
def company(scene: Landing, sign_in: SignIn) -> TestClient:
    return sign_in(scene.company)


@pytest.fixture
def broker(scene: Landing, sign_in: SignIn) -> TestClient:
    return sign_in(scene.broker)


def stored(scene: Landing) -> list[LedgerStep]:
    return scene.do(lambda s: list(s.exec(select(LedgerStep)).all()))


def test_the_ledger_of_a_case_as_a_page_and_as_a_fragment(company: TestClient, broker: TestClient, url: str) -> None:
    page = page_of(company, url)
    assert len(page.all("li", "ledger-step")) == 15 and "0/15 步已完成或跳过" in page.text
    assert page.all("li", "ledger-current")[0].attributes["aria-current"] == "step"
    assert f"{url}/animal" in page.links and f"{url.removesuffix('ledger')}story" in page.links
    fragment = read(company.get(url, headers={"HX-Request": "true"}).text)
    assert not fragment.all("html") and len(fragment.all("li", "ledger-step")) == 15
    assert url in page_of(broker, "/ledger").links


def test_the_page_of_the_case_holds_its_ledger_and_tells_its_moves(
    company: TestClient, url: str, scene: Landing, sign_in: SignIn
) -> None:
    case = url.removesuffix("/ledger")
    assert any(e.attributes.get("hx-get") == url for e in page_of(company, case).all("div", "loading"))
    data = {"finish-version": "0", "finish-evidence": "样机两台"}
    assert company.post(f"{url}/prototype/finish", data=data).status_code == 303
    text = page_of(sign_in(scene.hospital), case).text
    assert "完成台账步骤" in text and "样机" in text


def test_a_case_that_is_not_agreed_has_no_place_for_a_ledger(scene: Landing, sign_in: SignIn) -> None:
    row = scene.introduced()
    page = page_of(sign_in(scene.hospital), f"/introductions/{row.id}")
    assert not [e for e in page.all("div", "loading") if e.attributes.get("hx-get", "").endswith("/ledger")]


def test_a_step_is_planned_started_and_finished(
    company: TestClient, hospital: TestClient, url: str, scene: Landing
) -> None:
    page = page_of(company, f"{url}/animal")
    owners = [o.text.strip() for o in page.all("option") if o.parent is page["plan-owner_organisation_id"]]
    assert owners == [
        "未指定",
        scene.hospital.organisation.name,
        scene.company.organisation.name,
        scene.broker.organisation.name,
    ]
    assert "plan-leg" not in page
    data = {
        "plan-version": "0",
        "plan-owner_organisation_id": scene.company.organisation.id,
        "plan-owner_name": "示例负责人",
        "plan-due_on": "2099年1月5日",
    }
    for _ in range(2):
        assert company.post(f"{url}/animal", data=data).headers["location"] == f"{url}/animal"
    assert "责任单位和计划完成日期已保存。" in page_of(company, f"{url}/animal").text
    text = page_of(hospital, url).text
    assert "计划2099年1月5日完成" in text and "示例负责人" in text
    for _ in range(2):
        assert company.post(f"{url}/animal/start", data={"start-version": "1"}).status_code == 303
    today_ = today().isoformat()
    finish = {"finish-version": "2", "finish-done_on": today_, "finish-evidence": "报告编号示例一"}
    assert company.post(f"{url}/animal/finish", data=finish).status_code == 303
    page = page_of(hospital, f"{url}/animal")
    assert "报告编号示例一" in page.text and f"{today().year}年{today().month}月{today().day}日完成" in page.text
    assert [(s.kind, s.status, s.version) for s in stored(scene)] == [(StepKind.ANIMAL, StepStatus.DONE, 3)]


@pytest.mark.parametrize(
    ("action", "data", "field", "words"),
    [
        ("finish", {"finish-done_on": "2099-01-01", "finish-evidence": "首例"}, "finish-done_on", "不能晚于今天"),
        ("finish", {"finish-done_on": "昨天", "finish-evidence": "首例"}, "finish-done_on", "请填写日期"),
        ("finish", {"finish-done_on": "", "finish-evidence": ""}, "finish-evidence", "请写明完成依据"),
        ("finish", {"finish-evidence_link": "https://elsewhere.example/x"}, "finish-evidence_link", "本平台内的链接"),
        ("block", {"block-note": " "}, "block-note", "请写明受阻原因"),
        ("block", {"block-note": "缺场地", "block-blocker_kind": "clinical"}, "block-blocker_kind", "请从列表中选择"),
        ("skip", {"skip-note": ""}, "skip-note", "请写明跳过理由"),
        ("skip", {"skip-note": "字" * 801}, "skip-note", "最多 800 个字"),
    ],
)
def test_what_is_missing_is_told_beside_its_field_and_nothing_typed_is_lost(
    action: str, data: dict[str, str], field: str, words: str, hospital: TestClient, url: str, scene: Landing
) -> None:
    answer = hospital.post(f"{url}/first_use/{action}", data={f"{action}-version": "0", **data})
    page = read(answer.text)
    assert answer.status_code == 422 and words in page.error(field)
    for name, value in data.items():
        assert str(page.fields[name]).strip() in (value.strip(), "")
        assert value.strip() in (str(page.fields[name]).strip(), "clinical")
    assert stored(scene) == []


def test_a_bad_plan_comes_back_as_it_was_sent(company: TestClient, url: str, make: Factory, scene: Landing) -> None:
    for data, field in (
        ({"plan-due_on": "年底"}, "plan-due_on"),
        ({"plan-owner_organisation_id": make.party().organisation.id}, "plan-owner_organisation_id"),
        ({"plan-owner_name": "字" * 61}, "plan-owner_name"),
    ):
        answer = company.post(f"{url}/pilot", data={"plan-version": "0", "plan-owner_name": "某人", **data})
        page = read(answer.text)
        assert answer.status_code == 422 and page.error(field)
        assert page.fields["plan-owner_name"] in ("某人", "字" * 61)
    assert stored(scene) == []


def test_a_step_that_somebody_else_has_moved_is_told_and_can_be_sent_again(
    company: TestClient, hospital: TestClient, url: str
) -> None:
    assert hospital.post(f"{url}/order/start", data={"start-version": "0"}).status_code == 303
    data = {"block-version": "0", "block-note": "等待样件。", "block-blocker_kind": "service"}
    answer = company.post(f"{url}/order/block", data=data)
    page = read(answer.text)
    assert answer.status_code == 409 and "这一步骤已由他人更新" in page.text
    assert page.fields["block-note"] == "等待样件。" and page.fields["block-version"] == "1"
    assert company.post(f"{url}/order/block", data={**data, "block-version": "1"}).status_code == 303
    # By now it cannot be finished; what was typed is there all the same.
    answer = hospital.post(f"{url}/order/finish", data={"finish-version": "1", "finish-evidence": "已接单"})
    assert answer.status_code == 409 and read(answer.text).fields["finish-evidence"] == "已接单"
    assert hospital.post(f"{url}/order/finish", data={"finish-version": "2"}).status_code == 409


def test_a_blocker_becomes_a_need_that_is_found_by_others(
    company: TestClient, broker: TestClient, url: str, scene: Landing
) -> None:
    data = {"block-version": "0", "block-note": "找不到实验场地。", "block-blocker_kind": "space"}
    company.post(f"{url}/animal/block", data=data)
    page = page_of(company, f"{url}/animal")
    assert "起草载体空间需求" in page.text and "找不到实验场地。" in page.text
    assert "起草载体空间需求" not in page_of(broker, f"{url}/animal").text
    assert broker.post(f"{url}/animal/need").status_code == 403
    answer = company.post(f"{url}/animal/need")
    edit = answer.headers["location"]
    assert company.post(f"{url}/animal/need").headers["location"] == edit
    form = page_of(company, edit)
    assert form.fields["kind"] == "space" and form.fields["problem"] == "找不到实验场地。"
    fields = {**form.fields, "summary": "需要符合要求的动物实验场地。", "action": "submit"}
    assert company.post(edit, data=fields).status_code == 303
    need_id = edit.split("/")[2]
    assert broker.post(f"/needs/{need_id}/publish").status_code == 303
    need = scene.do(lambda s: s.get_one(Need, need_id))
    assert need.status is NeedStatus.PUBLISHED
    page = page_of(broker, url)
    assert f"/needs/{need_id}" in page.links and "已发布" in page.text
    company.post(f"/needs/{need_id}/fulfil", data={"note": "已找到。"})
    assert "所缺条件已解决" in page_of(company, f"{url}/animal").text


def test_the_need_of_a_blocker_runs_through_the_same_matching(
    company: TestClient, url: str, scene: Landing, make: Factory, sign_in: SignIn
) -> None:
    from backend.capabilities.models import CapabilityKind

    park = make.party(name="示例·实验园区")
    make.capability(park, "动物实验场地", kind=CapabilityKind.SPACE, summary="提供动物实验场地和载体空间。")
    data = {"block-version": "0", "block-note": "找不到实验场地。", "block-blocker_kind": "space"}
    company.post(f"{url}/animal/block", data=data)
    edit = company.post(f"{url}/animal/need").headers["location"]
    fields = {**page_of(company, edit).fields, "summary": "需要动物实验场地和载体空间。", "action": "submit"}
    company.post(edit, data=fields)
    need_id = edit.split("/")[2]
    sign_in(scene.broker).post(f"/needs/{need_id}/publish")
    assert "动物实验场地" in page_of(company, f"/needs/{need_id}/suggestions").text


def test_the_first_use_offers_to_mark_the_need_as_solved(
    hospital: TestClient, company: TestClient, url: str, scene: Landing
) -> None:
    data = {"finish-version": "0", "finish-done_on": today().isoformat(), "finish-evidence": "首例患者"}
    assert company.post(f"{url}/first_use/finish", data=data).status_code == 403
    assert hospital.post(f"{url}/first_use/finish", data=data).status_code == 303
    assert "标记需求已解决" not in page_of(company, url).text
    page = page_of(hospital, url)
    assert "标记需求已解决" in page.text
    note = page.fields["note"]
    assert hospital.post(f"/needs/{scene.need.id}/fulfil", data={"note": note}).status_code == 303
    assert "标记需求已解决" not in page_of(hospital, url).text
    assert scene.need.title in page_of(company, f"{url.removesuffix('ledger')}story").text


def test_the_board_moves_steps_without_a_script(broker: TestClient, url: str, scene: Landing) -> None:
    filtered = f"/ledger?region={scene.need.region}"
    page = page_of(broker, filtered)
    card = next(e for e in page.all("form") if e.attributes.get("action") == f"{url}/order/start")
    assert "开始" in card.text and page.fields["back"] == filtered
    answer = broker.post(f"{url}/order/start", data={"start-version": "0", "back": filtered})
    assert answer.headers["location"] == filtered
    page = page_of(broker, filtered)
    assert page["phase-beginning"].text.split() == ["启动", "1"]
    assert broker.post(f"{url}/order/finish", data={"finish-version": "1", "back": "https://x.example"}).headers[
        "location"
    ] == (f"{url}/order")
    assert "没有符合条件的台账" in page_of(broker, f"/ledger?region={JIADING}").text
    assert "没有符合条件的台账" in page_of(broker, "/ledger?stalled=1").text


def test_an_empty_board_says_how_a_ledger_comes_about(make: Factory, sign_in: SignIn) -> None:
    assert "引荐双方达成合作意向后，台账自动建立" in page_of(sign_in(make.party()), "/ledger").text


def test_the_story_is_one_page_of_what_each_side_did(company: TestClient, hospital: TestClient, url: str) -> None:
    company.post(f"{url}/prototype/finish", data={"finish-version": "0", "finish-evidence": "样机两台"})
    hospital.post(f"{url}/payment/skip", data={"skip-version": "0", "skip-note": "不单独收费"})
    page = page_of(hospital, f"{url.removesuffix('ledger')}story")
    for words in ("达成合作意向", "完成台账步骤“样机”", "样机两台", "不单独收费", "2/15 步已完成或跳过"):
        assert words in page.text


def test_the_story_tells_of_meetings(scene: Landing, row: Introduction, url: str, company: TestClient) -> None:
    meeting = CaseMeeting(
        introduction_id=row.id,
        status=MeetingStatus.FIXED,
        starts_at=utc_now() - timedelta(hours=2),
        place="示例医院",
        organisation_id=scene.hospital.organisation.id,
    )
    scene.do(lambda s: s.add(meeting))
    came = {scene.company.organisation.id: "示例工程师", scene.hospital.organisation.id: ""}
    said = Minutes(came, "看了样机。", "两周内送样。")
    scene.do(lambda s: holding.hold(s, scene.hospital.viewer, row.id, meeting.id, said))
    page = page_of(company, f"{url.removesuffix('ledger')}story")
    names = scene.hospital.organisation.name, scene.company.organisation.name
    for words in ("召开会议", f"到会：{names[0]}、{names[1]}（示例工程师）", "两周内送样。", "首次会议"):
        assert words in page.text
    assert f"/introductions/{row.id}/meetings/{meeting.id}" in page.links and "看了样机" not in page.text


def test_two_cities_each_see_their_leg(scene: Landing, row: Introduction, url: str, sign_in: SignIn) -> None:
    second = scene.divided(row)
    page = page_of(sign_in(second), url)
    assert len(page.all("li", "ledger-step")) == 5 and "贵部门负责的生产段" in page.text
    assert sign_in(second).get(f"{url}/animal").status_code == 404
    assert sign_in(second).post(f"{url}/animal/start", data={"start-version": "0"}).status_code == 404
    lead = sign_in(scene.broker)
    page = page_of(lead, f"{url}/animal")
    assert "plan-leg" in page
    data = {"plan-version": "0", "plan-leg": "production"}
    # Whoever gives the step away sees it no more.
    assert lead.post(f"{url}/animal", data=data).status_code == 303
    assert page_of(sign_in(second), f"{url}/animal").text
    assert len(page_of(sign_in(scene.company), url).all("li", "ledger-step")) == 15


Who = Callable[[Landing], Party | None]
OUTSIDERS: dict[str, Who] = {
    "visitor": lambda scene: None,
    "stranger": lambda scene: scene.make.party(),
    "broker elsewhere": lambda scene: scene.make.broker(JIADING),
    "admin": lambda scene: scene.make.somebody(is_admin=True),
    "without organisation": lambda scene: scene.make.somebody(),
}


@pytest.mark.parametrize("role", OUTSIDERS)
def test_outsiders_learn_nothing(role: str, scene: Landing, url: str, client: TestClient, sign_in: SignIn) -> None:
    party = OUTSIDERS[role](scene)
    browser = client if party is None else sign_in(party)
    expected = 303 if party is None else 404
    for path in (url, f"{url}/animal", f"{url.removesuffix('ledger')}story"):
        answer = browser.get(path)
        assert answer.status_code == expected and scene.need.title not in answer.text
    for path in (f"{url}/animal", f"{url}/animal/start", f"{url}/animal/need"):
        assert browser.post(path, data={"start-version": "0"}).status_code == expected
    answer = browser.get("/ledger")
    assert scene.need.title not in answer.text
    assert stored(scene) == []


def test_who_only_reads_sees_no_forms(scene: Landing, url: str, sign_in: SignIn) -> None:
    reader = sign_in(scene.make.join(scene.hospital, MemberRole.VIEWER))
    page = page_of(reader, f"{url}/animal")
    assert "moves" not in page and "plan" not in page
    assert reader.post(f"{url}/animal/start", data={"start-version": "0"}).status_code == 403
    assert not page_of(reader, "/ledger").all("button", "btn-sm")


@pytest.mark.parametrize("path", ["/nothing", "/animal/nothing", "/nothing/start", "/nothing/need"])
def test_unknown_steps_and_actions_are_not_found(path: str, company: TestClient, url: str) -> None:
    assert company.post(f"{url}{path}").status_code == 404


def test_two_at_once_move_a_step_once(scene: Landing, row: Introduction) -> None:
    seen = 0

    def start(session: Session) -> int:
        return service.move(session, scene.company.viewer, row.id, StepKind.ORDER, "start", seen).version

    assert [scene.do(start), scene.do(start)] == [1, 1]


def test_the_board_is_exported_as_it_is_filtered(
    scene: Landing, row: Introduction, url: str, company: TestClient, make: Factory, sign_in: SignIn
) -> None:
    page = read(company.get("/ledger").text)
    assert "/exports/ledger.xlsx" in page.links
    (line,) = rows_of(company.get("/exports/ledger.csv").content)
    assert line["链接"].endswith(url) and line["目前步骤"] == "接单" and line["全部步骤"] == "15"
    assert line["对接单位"] == scene.company.organisation.name
    assert rows_of(company.get("/exports/ledger.csv?stalled=1").content) == []
    assert rows_of(sign_in(make.party()).get("/exports/ledger.csv").content) == []
