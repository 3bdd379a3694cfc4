"""Lists as files: as far as their viewer may read them, with their filters, and ready to be imported again."""

import csv
import io

import openpyxl
import pytest
from fastapi import FastAPI
from sqlmodel import col, select

from backend.audit.models import AuditEvent
from backend.capabilities.models import CapabilityKind
from backend.db import Database
from backend.introductions import service as introductions
from backend.transfers.reading import read
from backend.transfers.tables import take
from tests.conftest import SignIn
from tests.factories import JIADING, Factory
from tests.web.test_imports import preview


def rows_of(content: bytes) -> list[dict[str, str]]:
    """The rows of a csv file."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_ones_own_list_holds_all_tiers_and_is_imported_again_without_a_change(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    doctor = make.hospital()
    make.need(
        doctor, "=本单位的需求", problem="第一行\n第二行", contact="示例联系人", specialty="03.11", anonymous=True
    )
    make.need(doctor, "草稿", publish=False, requirements=("弯度不小于 30 度",))
    here = sign_in(doctor)
    answer = here.get("/exports/needs.xlsx")
    assert "attachment" in answer.headers["content-disposition"] and answer.headers["cache-control"] == "no-store"
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "inlineStr", "n", "d"}
    rows = {row["需求名称"]: row for row in rows_of(here.get("/exports/needs.csv").content)}
    assert set(rows) == {"'=本单位的需求", "草稿"}
    own = rows["'=本单位的需求"]
    assert (own["遇到的问题与后果"], own["联系方式"], own["状态"]) == ("第一行\n第二行", "示例联系人", "已发布")
    assert rows["草稿"]["需求要点"] == "弯度不小于 30 度"
    assert len(take(read(answer.content)).rows) == 2
    for ending in ("xlsx", "csv"):
        page = here.get(preview(here, doctor, here.get(f"/exports/needs.{ending}").content)).text
        assert "新增 0 行，修改 0 行；略过 2 行" in page
    with database.session() as session:
        taken = session.exec(select(AuditEvent).where(col(AuditEvent.event) == "list:export")).all()
        assert {(event.actor_id, event.detail["what"], event.detail["rows"]) for event in taken} == {
            (doctor.user.id, "needs", 2)
        }


def test_what_others_wrote_shows_no_more_than_its_card(make: Factory, sign_in: SignIn) -> None:
    author, broker, company = make.hospital(), make.broker(), make.party()
    make.need(author, "公开的需求", problem="秘密的问题", contact="秘密的联系人")
    make.need(author, "匿名的需求", problem="秘密的问题", anonymous=True)
    make.need(author, "没有发布的需求", publish=False)
    for reader, path in ((broker, "needs"), (company, "search"), (broker, "search")):
        text = sign_in(reader).get(f"/exports/{path}.csv?side=need").content.decode("utf-8-sig")
        assert "公开的需求" in text and "匿名的需求" in text
        assert "秘密" not in text and "没有发布" not in text
    rows = {row["需求名称"]: row for row in rows_of(sign_in(company).get("/exports/search.csv?side=need").content)}
    assert rows["匿名的需求"]["单位名称"] == "匿名发布"
    assert rows["公开的需求"]["单位名称"] == author.organisation.name


def test_a_search_is_exported_as_it_is_filtered(make: Factory, sign_in: SignIn, app: FastAPI) -> None:
    company = make.party()
    make.capability(company, "可调弯穿刺系统")
    make.capability(company, "骨科导航服务", kind=CapabilityKind.SERVICE)
    make.capability(make.party(region=JIADING), "嘉定的导管")
    here = sign_in(company)
    app.state.engine.follow()

    def found(query: str) -> set[str]:
        return {row["能力名称"] for row in rows_of(here.get(f"/exports/search.csv?{query}").content)}

    assert found("side=capability") == {"可调弯穿刺系统", "骨科导航服务", "嘉定的导管"}
    assert found("side=capability&kind=service") == {"骨科导航服务"}
    assert found("side=capability&region=310114") == {"嘉定的导管"}
    assert "可调弯穿刺系统" in found("side=capability&q=可调弯穿刺")
    page = here.get("/search?side=capability&kind=service").text
    assert "/exports/search.xlsx?side=capability&amp;kind=service" in page


def test_organisations_show_contacts_to_those_who_may_read_them(make: Factory, sign_in: SignIn) -> None:
    broker, member = make.broker(), make.hospital()
    far = make.party(region=JIADING)
    seen = rows_of(sign_in(broker).get("/exports/organisations.csv").content)
    assert {row["单位名称"] for row in seen} == {broker.organisation.name, member.organisation.name}
    own = rows_of(sign_in(far).get("/exports/organisations.csv").content)
    assert [row["单位名称"] for row in own] == [far.organisation.name]


def test_introductions_name_the_other_side_when_both_know(make: Factory, sign_in: SignIn, database: Database) -> None:
    hospital, company, broker = make.hospital(), make.party(), make.broker()
    need = make.need(hospital, "匿名的需求", anonymous=True)
    capability = make.capability(company, "公开的能力")
    with database.session(write=True) as session:
        introductions.propose(session, broker.viewer, need.id, capability.id, "")
    (row,) = rows_of(sign_in(company).get("/exports/introductions.csv").content)
    assert (row["需求单位"], row["对接单位"]) == ("匿名发布", company.organisation.name)
    assert row["结果"] == "等待双方答复"
    (row,) = rows_of(sign_in(broker).get("/exports/introductions.csv?tab=open").content)
    assert row["需求单位"] == hospital.organisation.name
    assert rows_of(sign_in(broker).get("/exports/introductions.csv?tab=ended").content) == []
    assert rows_of(sign_in(make.party()).get("/exports/introductions.csv").content) == []


@pytest.mark.parametrize("path", ["/exports/needs.pdf", "/exports/users.csv"])
def test_what_is_no_list_is_not_there(make: Factory, sign_in: SignIn, path: str) -> None:
    assert sign_in(make.hospital()).get(path).status_code == 404


def test_visitors_and_the_unverified_take_nothing_out(make: Factory, sign_in: SignIn) -> None:
    make.need(make.hospital(), "公开的需求")
    waiting = sign_in(make.party(verified=False))
    assert waiting.get("/exports/search.csv?side=need").status_code == 403
    assert rows_of(waiting.get("/exports/needs.csv").content) == []
