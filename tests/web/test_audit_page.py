"""The audit trail through its page and its file: filters, words, pages, and cells that no spreadsheet runs."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.admin import csv_file, trail
from backend.admin.wordings import EVENTS, MAILS, NAMESPACES
from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.config import FRONTEND_DIR
from backend.db import Database, new_id
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.web.need_steps import page_of
from tests.web.pages import Page, read

SEALED = ("摘要金丝雀", "详情金丝雀", "密件金丝雀")


@pytest.fixture
def operator(make: Factory) -> Party:
    return make.somebody(is_admin=True)


@pytest.fixture
def admin(operator: Party, sign_in: SignIn) -> TestClient:
    return sign_in(operator)


def add(database: Database, event: str, subject_kind: str = "user", **fields: Any) -> None:
    """An event of the trail."""
    with database.session(write=True) as session:
        session.add(AuditEvent(event=event, subject_kind=subject_kind, **{"subject_id": new_id(), **fields}))


def words(page: Page) -> list[str]:
    """The events of a page, as they are told."""
    return [e.text.strip() for e in page.all("strong") if e.parent and e.parent.tag == "td"]


def file_of(client: TestClient, query: str = "") -> list[dict[str, str]]:
    """The rows of the file."""
    answer = client.get(f"/admin/audit.csv{query}")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    text = answer.content.decode()
    assert text.startswith(csv_file.MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(csv_file.MARK))))


def test_every_event_has_words_and_a_group() -> None:
    assert set(EVENTS) == set(Event)
    assert {event.split(":")[0] for event in Event} == set(NAMESPACES)
    assert set(MAILS) == {path.name for path in (FRONTEND_DIR / "templates" / "email").iterdir()}


def test_events_are_told_in_words_newest_first(
    admin: TestClient, make: Factory, database: Database, operator: Party
) -> None:
    author, reader = make.hospital(), make.party(name="示例·读者")
    need = make.need(author, "可读的标题", summary=SEALED[0], problem=SEALED[1], contact=SEALED[2])
    detail = {
        "version": 3,
        "organisation": reader.organisation.id,
        "tier": "brief",
        "until": "2026-11-30T00:00:00+00:00",
        "digest": "0123456789abcdef",
    }
    add(database, "need:release:grant", "need", subject_id=need.id, actor_id=author.user.id, detail=detail)
    page = page_of(admin, "/admin/audit?namespace=need")
    assert words(page)[:2] == ["开放需求", "发布需求"]
    text = page["results"].text
    assert "第 3 版；单位：示例·读者；内容：详情；有效至 2026年11月30日 08:00" in text
    assert author.user.email in text and "可读的标题" in text and "0123456789abcdef" not in text
    assert not any(word in text for word in SEALED)
    assert f"/needs/{need.id}" in page.links


def test_a_title_that_the_viewer_may_not_read_is_not_shown(admin: TestClient, make: Factory) -> None:
    draft = make.need(make.hospital(), "草稿的标题", publish=False)
    for answer in (admin.get("/admin/audit"), admin.get("/admin/audit.csv")):
        assert "草稿的标题" not in answer.text and draft.id in answer.text


def test_filters_narrow_page_and_file_alike(
    admin: TestClient, make: Factory, database: Database, operator: Party
) -> None:
    hospital, other = make.hospital(name="示例·某医院"), make.party(name="示例·某企业")
    need, theirs = make.need(hospital), make.need(make.hospital())
    add(database, "account:edit", actor_id=other.user.id, at=datetime(2026, 3, 1, 15, 59, tzinfo=UTC))
    add(database, "account:edit", actor_id=other.user.id, at=datetime(2026, 3, 1, 16, 1, tzinfo=UTC))
    add(database, "need:brief:read", "need", subject_id=theirs.id, detail={"organisation": other.organisation.id})
    add(database, "organisation:verify", "organisation", subject_id=other.organisation.id)
    queries = {
        "?namespace=organisation": ["核验单位"],
        f"?actor={other.user.email}": ["修改姓名", "修改姓名"],
        f"?actor={other.user.id}&until=2026-03-01": ["修改姓名"],
        "?since=2026-03-02&until=2026-03-02": ["修改姓名"],
        "?organisation=某企业": ["核验单位", "阅读需求详情", "修改姓名", "修改姓名"],
        f"?organisation=某企业&subject=/needs/{theirs.id}": ["阅读需求详情"],
        f"?subject={need.id}": ["发布需求", "提交需求审核", "新建需求"],
        "?organisation=某医院": ["发布需求", "提交需求审核", "新建需求"],
        "?actor=nobody@test.example": [],
        "?organisation=没有这家": [],
    }
    for query, expected in queries.items():
        assert words(page_of(admin, f"/admin/audit{query}")) == expected, query
        assert [row["事件"] for row in file_of(admin, query)] == expected, query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=昨天", "since"),
        ("until=2026-02-30", "until"),
        ("since=2026-03-02&until=2026-03-01", "until"),
        ("subject=不是编号", "subject"),
        ("namespace=secrets", "namespace"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_beside_its_field(query: str, field: str, admin: TestClient) -> None:
    for url in ("/admin/audit", "/admin/audit.csv"):
        answer = admin.get(f"{url}?actor=某人&{query}")
        page = read(answer.text)
        assert answer.status_code == 422 and page.error(field)
        assert page.fields["actor"] == "某人"


def test_the_list_comes_in_pages_and_as_a_fragment(admin: TestClient, database: Database) -> None:
    with database.session(write=True) as session:
        for number in range(trail.PAGE_SIZE + 1):
            detail = {"count": number}
            session.add(AuditEvent(event="account:edit", subject_kind="user", subject_id="0" * 16, detail=detail))
    first = page_of(admin, "/admin/audit?namespace=account")
    assert len(words(first)) == trail.PAGE_SIZE and "/admin/audit?namespace=account&page=2" in first.links
    assert "/admin/audit.csv?namespace=account" in first.links
    second = read(admin.get("/admin/audit?namespace=account&page=2", headers={"HX-Request": "true"}).text)
    assert "main" not in second and words(second) == ["修改姓名"]
    assert "没有符合条件的记录" in page_of(admin, "/admin/audit?namespace=account&page=9").text


def test_the_file_holds_everything_in_batches_and_is_written_down(
    admin: TestClient, operator: Party, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "BATCH", 7)
    for _ in range(20):
        add(database, "account:edit")
    rows = file_of(admin, "?namespace=account")
    assert len(rows) == 20
    exported = file_of(admin, "?namespace=admin")
    assert [row["事件"] for row in exported] == ["导出审计记录", "导出审计记录"]
    assert {row["操作人邮箱"] for row in exported} == {operator.user.email}


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1", "\n@x"])
def test_no_cell_is_run_as_a_formula(cell: str) -> None:
    assert csv_file.safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "张三", "a@test.example", "1-2", "2026-03-01 10:00:00"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert csv_file.safe(cell) == cell


def test_a_name_that_is_a_formula_is_harmless_in_the_file(admin: TestClient, make: Factory, database: Database) -> None:
    party = make.somebody()
    with database.session(write=True) as session:
        user = session.merge(party.user)
        user.name = "=HYPERLINK(1)"
        session.add(user)
    add(database, "account:edit", actor_id=party.user.id)
    (row,) = file_of(admin, f"?actor={party.user.email}")
    assert row["操作人"] == "'=HYPERLINK(1)"
