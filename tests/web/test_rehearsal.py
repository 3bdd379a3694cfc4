"""The rehearsal beside the form of a need: check-up, similar needs and dry run of what has not been saved."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.db import Database
from backend.disclosure.models import Audience
from backend.outbox import OutboxRow
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.fakes import SwitchedLoader
from tests.web.need_steps import Fields, filled, page_of, stored
from tests.web.pages import Page, read

HTMX = {"HX-Request": "true"}


@pytest.fixture
def hospital(make: Factory) -> Party:
    """The author's hospital."""
    return make.hospital(name="示例·江城医院")


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the hospital."""
    return sign_in(hospital)


def rehearse(client: TestClient, fields: Fields) -> Page:
    """The panel for a form as it stands."""
    answer = client.post("/needs/rehearsal", data=fields, headers=HTMX)
    assert answer.status_code == 200, answer.text
    assert "<html" not in answer.text
    return read(answer.text)


def test_an_empty_form_is_told_what_to_expect_and_not_scolded(author: TestClient) -> None:
    text = page_of(author, "/needs/new")["rehearsal"].text
    assert "写下标题和问题后" in text and "还可以补充" not in text
    assert "还可以补充" not in rehearse(author, filled(author, title="", summary="", problem="", requirements="")).text


def test_the_check_up_leads_to_the_fields(author: TestClient) -> None:
    panel = rehearse(author, filled(author))
    assert {"#frequency", "#acceptance_criteria", "#procedure"} & set(panel.links)
    fields = {
        element.attributes["id"] for element in page_of(author, "/needs/new").elements if "id" in element.attributes
    }
    assert {link[1:] for link in panel.links if link.startswith("#")} <= fields
    warned = rehearse(author, filled(author, problem="患者身份证 11010519491231002X，抵住房间隔后针尖上滑。"))
    assert "发布前请处理" in warned.text and "11010519491231002X" not in warned.text


def test_the_name_of_the_hospital_in_an_anonymous_summary(author: TestClient) -> None:
    summary = "江城医院的穿刺针容易上滑，希望改进。"
    assert "摘要中有单位名称" in rehearse(author, filled(author, summary=summary, anonymous="y")).text
    assert "摘要中有单位名称" not in rehearse(author, filled(author, summary=summary)).text


def test_the_dry_run_reaches_capabilities_and_leaves_no_trace(
    author: TestClient, make: Factory, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("病床围栏", "静脉留置针敷料", "骨科电钻", "牙科种植体", "喉镜叶片", "助听器", "血糖仪"):
        make.capability(make.party(), name, summary=f"{name}的生产与销售。")
    make.capability(make.party(), "房间隔穿刺针", summary="希望有能在心脏内调弯的针。抵住房间隔后不上滑，弯度可调。")
    hidden = make.capability(make.party(), "另一种房间隔穿刺针", publish=False)

    def traces() -> tuple[int, int, int]:
        with database.session() as session:
            found = [session.exec(select(table)).all() for table in (AuditEvent, OutboxRow)]
        return len(found[0]), len(found[1]), len(stored(database))

    before = traces()
    panel = rehearse(author, filled(author, problem="独此一句的秘密文字，抵住房间隔后针尖上滑。"))
    assert "能力库中有 1 项能力可能解决" in panel.text
    assert "房间隔穿刺针" in [link.text for link in panel.all("a")]
    assert hidden.title not in panel.text
    assert traces() == before
    assert "独此一句" not in caplog.text


def test_what_is_not_for_the_viewer_is_not_reached(author: TestClient, make: Factory) -> None:
    """Kinds that cannot answer are left out, and the brief of others neither counts nor is quoted."""
    make.capability(make.party(), "穿刺针", summary="一次性使用。", principle="独有的密语：抵住房间隔后不上滑。")
    panel = rehearse(author, filled(author, problem="独有的密语：抵住房间隔后针尖上滑。"))
    assert "独有的密语" not in panel.text


def test_similar_needs_are_shown_by_their_teasers_with_who_joined(
    author: TestClient, make: Factory, sign_in: SignIn
) -> None:
    title, summary = "房间隔穿刺针容易上滑", "房间隔穿刺针抵住房间隔后容易上滑，穿刺点移位。"
    other = make.hospital(name="示例·别家医院")
    posted = make.need(other, title, summary=summary, anonymous=True, problem="别家的详情密语。")
    draft = make.need(make.hospital(), title, summary=summary, publish=False)
    sign_in(make.hospital()).post(f"/needs/{posted.id}/support")
    fields = filled(author, problem=summary, requirements="", title=title, summary=summary)
    panel = rehearse(author, fields)
    assert "有 2 个科室或单位提出过类似需求" in panel.text
    assert f"/needs/{posted.id}" in panel.links and f"/needs/{draft.id}" not in panel.links
    assert "示例·别家医院" not in panel.text and "别家的详情密语" not in panel.text
    bed = {"title": "病房里的陪护床太硬", "summary": "陪护床睡不好。", "problem": "床太窄。"}
    assert "类似需求" not in rehearse(author, {**fields, **bed}).text


def test_a_need_is_not_similar_to_itself(author: TestClient, hospital: Party, make: Factory) -> None:
    need = make.need(hospital, audience=Audience.PUBLIC)
    assert "类似需求" not in rehearse(author, page_of(author, f"/needs/{need.id}/edit").fields).text


def test_without_a_script_the_form_comes_back_with_the_panel(author: TestClient, database: Database) -> None:
    fields = filled(author, title="", problem="针尖抵住房间隔后上滑，只写到一半", offers=["data"], action="rehearse")
    answer = author.post("/needs/rehearsal", data=fields)
    page = read(answer.text)
    assert answer.status_code == 200
    assert {k: v for k, v in page.fields.items() if k in fields} == {k: v for k, v in fields.items() if k != "action"}
    assert "还可以补充" in page["rehearsal"].text
    assert stored(database) == []
    button = [b for b in page.all("button") if b.attributes.get("value") == "rehearse"]
    assert {b.attributes["formaction"] for b in button} == {"/needs/rehearsal"}


def test_only_those_who_may_write(make: Factory, sign_in: SignIn, client: TestClient, author: TestClient) -> None:
    fields = filled(author)
    assert client.post("/needs/rehearsal", data=fields).headers["location"].startswith("/sign-in")
    assert sign_in(make.party(verified=False)).post("/needs/rehearsal", data=fields).status_code == 403
    need = make.need(make.hospital())
    assert author.post("/needs/rehearsal", data={**fields, "subject_id": need.id}).status_code == 404


@pytest.mark.parametrize("kind", ["nothing", "", "capital"])
def test_odd_values_do_no_harm(author: TestClient, kind: str) -> None:
    odd = filled(author, kind=kind, title="\ufffd" * 300, problem="针" * 9000, requirements="一\n" * 40)
    assert "试匹配" in rehearse(author, odd).text


@pytest.fixture
def no_model(loader: SwitchedLoader) -> None:
    """No encoder is at hand."""
    loader.available = False


def test_without_an_engine_the_check_up_goes_on(no_model: None, author: TestClient) -> None:
    text = rehearse(author, filled(author)).text
    assert "还可以补充" in text and "匹配引擎暂不可用" in text
