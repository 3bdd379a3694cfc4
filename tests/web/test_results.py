"""Results and the report of a quarter by their pages and files: who sees which figures, and that all say the same."""

import io
from collections.abc import Sequence
from typing import Any

import docx
import openpyxl
import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.db import Database, utc_now
from backend.introductions import brokers, service
from backend.introductions.brokers import LegShare
from backend.introductions.models import Leg
from backend.introductions.states import DeclineReason
from backend.ledger import service as ledger
from backend.ledger.service import Move
from backend.ledger.states import StepKind
from backend.organisations.models import MemberRole
from backend.results.models import REMARK_LENGTH, ReportRemark
from backend.results.periods import quarter_of
from tests.conftest import SignIn
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.unit.test_introductions import Scene
from tests.web.pages import Page, read

NOW = quarter_of(utc_now())
REPORT = f"/results/report?quarter={NOW}"
WORDS = {"obstacles": "样机经费不足。\n=1+1", "plans": "组织一次专题对接会。", "version": "0"}


class World(Scene):
    """A case of two cities (60 : 40) that went as far as the first patient, and one that was declined."""

    def __init__(self, make: Factory, database: Database) -> None:
        super().__init__(make, database)
        row = self.introduced()
        self.second = make.reviewer(JIADING)
        self.do(lambda s: self._share(s, row.id))
        self.do(lambda s: service.act(s, self.broker.viewer, row.id, "meet"))
        self.do(lambda s: service.act(s, self.broker.viewer, row.id, "agree", "签署合作协议。"))
        steps = (("order", "finish"), ("prototype", "start"), ("first_use", "finish"), ("bench", "finish"))
        # A step that was taken up again is not done.
        for step, action in (*steps, ("bench", "reopen")):
            self.do(lambda s, step=step, action=action: self._step(s, row.id, StepKind(step), action))  # type: ignore[misc]
        other = make.capability(make.party(), "另一种穿刺针")
        declined = self.do(lambda s: service.propose(s, self.broker.viewer, self.need.id, other.id, ""))
        self.do(lambda s: service.decline(s, self.hospital.viewer, declined.id, DeclineReason.STAGE_TOO_EARLY))
        make.need(self.hospital, "止血材料在湿面上粘不住")

    def _share(self, session: Any, case: str) -> None:
        agency = self.second.organisation.id
        brokers.share_case(
            session, self.broker.viewer, case, agency, LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
        )
        brokers.agree(session, self.second.viewer, case, {self.broker.organisation.id: 60, agency: 40})

    def _step(self, session: Any, case: str, step: StepKind, action: str) -> None:
        seen = next(s.version for s in ledger.steps(session, [case])[case] if s.kind is step)
        said = Move("数据需要补充。" if action == "reopen" else "", evidence="病历首页编号示例一")
        ledger.move(session, self.broker.viewer, case, step, action, seen, said)


@pytest.fixture
def world(make: Factory, database: Database) -> World:
    return World(make, database)


def page_of(reader: TestClient, url: str) -> Page:
    answer = reader.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return read(answer.text)


def table_of(page: Page, words: str) -> dict[str, list[str]]:
    """Rows of the table that has a row of that name first, without units."""
    rows: dict[str, list[str]] = {}
    for row in page.all("tr"):
        cells = [e.text.strip().split(" ")[0] for e in page.elements if e.parent is row and e.tag == "td"]
        heads = [e.text.strip() for e in page.elements if e.parent is row and e.tag == "th"]
        if len(heads) == 1 and cells:
            rows.setdefault(heads[0], cells)
    assert words in rows
    return rows


def test_a_broker_sees_the_figures_of_the_region_by_shares(world: World, sign_in: SignIn) -> None:
    rows = table_of(page_of(sign_in(world.broker), "/results"), "发布需求")
    # Needs behind it, number, by shares.
    assert rows["发布需求"] == ["2", "2", "2"]
    assert rows["匹配建议"] == ["0", "0", "0"]
    assert rows["发起引荐"] == ["1", "2", "1.6"]
    assert rows["双方接受"] == rows["会面对接"] == rows["达成合作"] == rows["首次入院"] == ["1", "1", "0.6"]
    assert rows["完成落地步骤"] == ["1", "2", "1.2"]
    assert rows["普陀区"] == ["2", "0", "1.6", "0.6", "0.6", "0.6", "1.2", "0.6"]
    assert "嘉定区" not in rows
    assert rows["需求发布至首次引荐"] == ["1", "0"] and rows["双方接受至达成合作"] == ["1", "0"]
    assert rows["对方所处阶段过早"] == ["1", "1", "0"]
    there = table_of(page_of(sign_in(world.second), "/results"), "发布需求")
    assert there["发布需求"] == ["0", "0", "0"] and there["达成合作"] == ["1", "1", "0.4"]


def test_filters_narrow_the_figures(world: World, sign_in: SignIn) -> None:
    reader = sign_in(world.broker)
    before = table_of(page_of(reader, f"/results?quarter={NOW.previous}"), "发布需求")
    assert before["发布需求"] == ["0", "0", "0"] and before[NOW.label][0] == "2"
    followed = table_of(page_of(reader, f"/results?quarter={NOW}&basis=need"), "发布需求")
    assert followed["发布需求"] == ["2", "2", "2", "100%"] and followed["达成合作"] == ["1", "1", "0.6", "50%"]
    assert table_of(page_of(reader, "/results?specialty=04"), "发布需求")["发布需求"] == ["0", "0", "0"]
    fragment = reader.get("/results?quarter=nonsense&specialty=x", headers={"HX-Request": "true"})
    assert fragment.status_code == 200 and "<html" not in fragment.text
    assert 'href="/results/export.xlsx?region=310107"' in fragment.text


def test_only_brokers_and_administrators_see_figures(
    world: World, sign_in: SignIn, client: TestClient, make: Factory
) -> None:
    urls = ("/results", "/results/export.xlsx", "/results/report", "/results/report.docx", "/results/report.xlsx")
    for url in urls:
        assert client.get(url).headers["location"].startswith("/sign-in"), url
        for reader in (world.hospital, world.company):
            assert sign_in(reader).get(url).status_code == 403, url
        # Of another region, none.
        assert sign_in(world.broker).get(f"{url}?region={JIADING}").status_code == 403, url
        assert sign_in(world.broker).get(f"{url}?region=999999").status_code == 404, url
    admin = make.somebody(is_admin=True)
    assert "/results" in page_of(sign_in(admin), "/").links
    assert "/results" not in page_of(sign_in(world.company), "/").links
    for text in ("2026Q5", "x", str(NOW.next)):
        assert sign_in(world.broker).get(f"/results/report?quarter={text}").status_code == 404


def test_an_administrator_is_told_no_small_numbers(world: World, sign_in: SignIn, make: Factory) -> None:
    reader = sign_in(make.somebody(is_admin=True))
    for url in ("/results", f"/results?region={PUTUO}"):
        page = page_of(reader, url)
        rows = table_of(page, "发布需求")
        assert "小于 3 的数字" in page.text
        assert rows["发布需求"] == ["不足", "不足", "不足"] and rows["双方接受"] == ["不足"] * 3
        assert rows["普陀区"][0] == "不显示" == rows["对方所处阶段过早"][0]
        # By the bar nobody can tell either.
        assert {e.attributes["width"] for e in page.all("rect")} == {"0.0", "100.0"}
    for name in ("第四医院", "第五医院"):
        make.need(make.hospital(), f"{name}需要的器械")
    rows = table_of(page_of(reader, "/results"), "发布需求")
    assert rows["发布需求"] == ["4", "4", "4"]
    book = openpyxl.load_workbook(io.BytesIO(reader.get("/results/export.xlsx").content))
    assert [cell.value for cell in book["漏斗"][4]][:5] == ["发起引荐", "件", "不足 3", "不足 3", "不足 3"]
    report = page_of(reader, REPORT)
    assert "发布需求 4 项" in report.text and "发起引荐 不足 3 件" in report.text
    assert "婉拒 不足 3 件" in report.text and "达成合作增加" not in report.text


def test_the_workbook_holds_the_figures_of_the_page(world: World, sign_in: SignIn, database: Database) -> None:
    answer = sign_in(world.broker).get("/results/export.xlsx")
    assert "filename*=UTF-8''" in answer.headers["content-disposition"]
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["说明", "漏斗", "按地区", "按诊疗科目", "按季度", "办理用时", "结束原因"]
    rows = list(book["漏斗"].iter_rows(values_only=True))
    assert rows[3][:5] == ("发起引荐", "件", 2, 1.6, 1)
    assert list(book["按地区"].iter_rows(values_only=True))[1] == ("普陀区", 2, 0, 1.6, 0.6, 0.6, 0.6, 1.2, 0.6)
    assert list(book["结束原因"].iter_rows(values_only=True))[1] == ("对方所处阶段过早", 1, 1, 0)
    with database.session() as session:
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.event == "results:export")).all()
    assert (event.actor_id, event.subject_id, event.detail["kind"]) == (world.broker.user.id, PUTUO, "results.xlsx")


def tables_of_page(page: Page) -> dict[str, list[list[str]]]:
    found = {}
    for table in page.all("table"):
        caption = next(e.text for e in page.elements if e.parent is table and e.tag == "caption")
        rows = [e for e in page.elements if e.tag == "tr" and e.parent and e.parent.parent is table]
        found[caption] = [[e.text.strip() for e in page.elements if e.parent is row] for row in rows]
    return found


def tables_of_word(content: bytes) -> dict[str, list[list[str]]]:
    document = docx.Document(io.BytesIO(content))
    captions = [p.text for p in document.paragraphs if p.text.startswith("表 ")]
    tables = [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]
    return dict(zip(captions, tables, strict=True))


def tables_of_workbook(content: bytes) -> dict[str, list[list[str]]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    found = {}
    for sheet in book.worksheets[1:]:
        rows = [[str(value) for value in row if value is not None] for row in sheet.iter_rows(values_only=True)]
        found[rows[0][0]] = rows[1:]
    return found


def lines_of_page(page: Page) -> list[str]:
    article = page["report"]
    return [e.text for e in page.elements if e.tag == "p" and e.parent and e.parent.parent is article]


def test_page_word_and_workbook_say_the_same(world: World, sign_in: SignIn) -> None:
    reader = sign_in(world.broker)
    assert reader.post(REPORT, data=WORDS).status_code == 303
    page = page_of(reader, REPORT)
    word = reader.get(f"/results/report.docx?quarter={NOW}").content
    workbook = reader.get(f"/results/report.xlsx?quarter={NOW}").content
    tables = tables_of_page(page)
    assert tables == tables_of_word(word) == tables_of_workbook(workbook)
    assert [caption.split("　")[0] for caption in tables] == ["表 1", "表 2", "表 3", "表 4", "表 5"]
    stages = {row[0]: row[1:] for row in tables["表 1　各环节数量"]}
    assert stages["发起引荐"] == ["件", "2", "1.6", "0", "2"] and stages["首次入院"] == ["件", "1", "0.6", "0", "1"]
    lines = lines_of_page(page)
    document: Any = docx.Document(io.BytesIO(word))
    in_word = [p.text for p in document.paragraphs]
    in_book = [row[0] for row in openpyxl.load_workbook(io.BytesIO(workbook))["报告正文"].iter_rows(values_only=True)]
    for texts in (in_word, in_book):
        assert [text for text in texts if text in lines] == lines
    for heading in ("一、总体情况", "二、对接成效", "三、存在问题", "四、下一步安排"):
        assert heading in page.text and heading in in_word and heading in in_book
    assert document.paragraphs[0].text == "普陀区医工对接工作情况报告" == in_book[0]
    text = "".join(lines)
    assert "发起引荐 2 件（按各地商定的分成折算 1.6 件，下同）" in text and "首次入院 1 件（折算 0.6 件）" in text
    assert "本季度未成而终的引荐 1 件，其中一方婉拒 1 件。" in text and "对方所处阶段过早（1 件）" in text
    assert "期末已发布、尚未引荐的需求 1 项。" in text and "发布需求增加 2 项" in text
    assert {"样机经费不足。", "=1+1", "组织一次专题对接会。"} <= set(lines)
    assert world.broker.organisation.name in in_word


def test_words_are_kept_for_each_quarter_and_region(world: World, sign_in: SignIn, database: Database) -> None:
    reader = sign_in(world.broker)
    assert "（由填报单位补充）" in page_of(reader, REPORT).text
    for _turn in range(2):
        assert reader.post(REPORT, data=WORDS).headers["location"] == f"{REPORT}&region={PUTUO}"
    with database.session() as session:
        (row,) = session.exec(select(ReportRemark)).all()
        events = session.exec(select(AuditEvent).where(AuditEvent.event == "results:report:edit")).all()
    assert (row.quarter, row.region, row.version, row.problems) == (str(NOW), PUTUO, 1, WORDS["obstacles"])
    assert len(events) == 1
    page = page_of(reader, REPORT)
    assert page.fields["obstacles"] == WORDS["obstacles"] and page.fields["version"] == "1"
    assert "样机经费不足" not in page_of(reader, f"/results/report?quarter={NOW.previous}").text
    assert "样机经费不足" not in page_of(sign_in(world.second), REPORT).text


def test_what_a_colleague_has_saved_is_not_overwritten_unseen(world: World, sign_in: SignIn, make: Factory) -> None:
    reader, colleague = sign_in(world.broker), sign_in(make.join(world.broker, MemberRole.EDITOR))
    colleague.post(REPORT, data=WORDS)
    mine = {"obstacles": "我写的问题。", "plans": "我写的安排。", "version": "0"}
    answer = reader.post(REPORT, data=mine)
    page = read(answer.text)
    assert answer.status_code == 409 and "同事刚刚修改" in page.text
    assert page.fields["obstacles"] == "我写的问题。" and "样机经费不足。" in lines_of_page(page)
    assert reader.post(REPORT, data=mine | {"version": str(page.fields["version"])}).status_code == 303
    assert "我写的问题。" in lines_of_page(page_of(colleague, REPORT))


def test_bad_words_and_readers(world: World, sign_in: SignIn, make: Factory, database: Database) -> None:
    reader = sign_in(world.broker)
    answer = reader.post(REPORT, data=WORDS | {"obstacles": "长" * (REMARK_LENGTH + 1)})
    page = read(answer.text)
    assert answer.status_code == 422 and "最多 2,000 个字" in page.error("obstacles")
    assert page.fields["plans"] == WORDS["plans"]
    assert reader.post(REPORT, data=WORDS | {"version": "x"}).status_code == 409
    only_reads = sign_in(make.join(world.broker, MemberRole.VIEWER))
    assert "obstacles" not in page_of(only_reads, REPORT)
    refused: Sequence[tuple[TestClient, str]] = (
        (only_reads, REPORT),
        (sign_in(world.company), REPORT),
        (reader, f"{REPORT}&region={JIADING}"),
    )
    for who, url in refused:
        assert who.post(url, data=WORDS).status_code == 403
    with database.session() as session:
        assert session.exec(select(ReportRemark)).all() == []


def test_the_administrator_writes_the_report_of_the_platform(
    sign_in: SignIn, make: Factory, client: TestClient
) -> None:
    admin: Party = make.somebody(is_admin=True)
    reader = sign_in(admin)
    assert reader.post(REPORT, data=WORDS).status_code == 303
    page = page_of(reader, REPORT)
    assert "全平台医工对接工作情况报告" in page.text and "样机经费不足。" in lines_of_page(page)
