"""Imports from the file to the page that says what came of it, and back; who may do which."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import Session, col, func, select
from starlette.testclient import TestClient

from backend.again import repeated
from backend.audit.models import AuditEvent
from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityStatus
from backend.db import Database, new_id
from backend.decisions.models import Decision
from backend.disclosure.models import Release, StatusChange, SubjectVersion
from backend.introductions.models import CaseEvent, CaseParty, Introduction
from backend.introductions.states import IntroductionStatus
from backend.matching.models import SearchDocument
from backend.needs import service as needs
from backend.needs.models import Need, Requirement
from backend.needs.states import NeedStatus
from backend.notifications.models import Notice, Notification
from backend.organisations.models import MemberRole, Organisation, OrganisationKind
from backend.organisations.states import OrganisationStatus
from backend.transfers import history, service, work
from backend.transfers.models import Import, ImportRow, RowAction, RowOutcome
from backend.transfers.states import ImportAction, ImportStatus
from tests import sheets
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.web.pages import read

PATIENCE = 60
CONFIRM = ImportAction.CONFIRM


def send(client: TestClient, content: bytes, name: str = "需求汇总.xlsx", **fields: str) -> Any:
    """Upload a file as the form does; returns the answer."""
    return client.post("/transfers", data={"import_id": new_id(), **fields}, files={"file": (name, content)})


def preview(client: TestClient, party: Party, content: bytes) -> str:
    """Upload a file; returns the address of its preview."""
    answer = send(client, content, organisation_id=party.organisation.id)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def finish(database: Database, address: str) -> Import:
    """Wait until an import is no longer at work; returns it as it is then."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with database.session() as session:
            found = session.get(Import, address.rpartition("/")[2])
            assert found
            if found.status not in (ImportStatus.WAITING, ImportStatus.UNDOING):
                return found
        time.sleep(0.05)
    raise AssertionError("the import did not come to its end")


def take_in(client: TestClient, database: Database, party: Party, content: bytes) -> str:
    """Upload and confirm a file; returns the address of the import."""
    address = preview(client, party, content)
    assert client.post(f"{address}/confirm").status_code == 303
    assert finish(database, address).status is ImportStatus.DONE
    return address


def all_of(session: Session, model: Any) -> Any:
    """All rows of a table."""
    return session.exec(select(model)).all()


def count(database: Database, model: Any) -> int:
    """How many rows a table has."""
    with database.session() as session:
        return session.exec(select(func.count()).select_from(model)).one()


def by_title(session: Session, model: Any, title: str) -> Any:
    """The text of that title."""
    return session.exec(select(model).where(model.title == title)).one()


def outcomes(database: Database, address: str) -> dict[tuple[str, str], tuple[str, str]]:
    """What became of each row: outcome and note by kind and title."""
    with database.session() as session:
        rows = session.exec(select(ImportRow).where(ImportRow.import_id == address.rpartition("/")[2])).all()
        return {(row.kind.value, row.title): (str(row.outcome), row.note) for row in rows}


def test_an_office_takes_in_organisations_needs_capabilities_and_past_introductions(
    make: Factory, sign_in: SignIn, database: Database, app: FastAPI
) -> None:
    broker = make.broker()
    here = sign_in(broker)
    address = preview(here, broker, sheets.whole())
    page = here.get(address).text
    assert "确认导入 7 行" in page and "新增 7 行" in page
    assert count(database, Need) == count(database, Introduction) == 0, "nothing is written before it is confirmed"
    mails = count(database, Notification)
    assert here.post(f"{address}/confirm").status_code == 303
    assert finish(database, address).status is ImportStatus.DONE
    with database.session() as session:
        hospital = session.exec(select(Organisation).where(Organisation.name == "示例·仁济医院")).one()
        assert hospital.is_verified and hospital.kind is OrganisationKind.HOSPITAL
        need = by_title(session, Need, "穿刺针不能弯曲")
        assert (need.status, need.region, need.specialty) == (NeedStatus.PUBLISHED, "310107", "03.04")
        assert need.organisation_id == hospital.id and need.department_id
        # Noon in China.
        assert need.published_at.isoformat() == "2026-03-01T04:00:00+00:00"
        assert session.exec(select(Requirement).where(Requirement.need_id == need.id)).all()
        version = session.exec(select(SubjectVersion).where(SubjectVersion.subject_id == need.id)).one()
        assert version.shown and version.fields["problem"].startswith("针尖上滑")
        steps = session.exec(select(StatusChange).where(StatusChange.subject_id == need.id)).all()
        assert [(s.action, s.actor_id) for s in steps] == [("publish", broker.user.id)]
        trail = session.exec(select(AuditEvent.event).where(AuditEvent.subject_id == hospital.id)).all()
        assert {"organisation:create", "organisation:verify"} <= set(trail)
        cases = {case.status: case for case in all_of(session, Introduction)}
        assert set(cases) == {IntroductionStatus.AGREED, IntroductionStatus.DECLINED}
        assert cases[IntroductionStatus.AGREED].capability_id == by_title(session, Capability, "可调弯穿刺系统").id
        assert str(cases[IntroductionStatus.DECLINED].reason) == "not_our_field"
        assert {str(d.kind) for d in all_of(session, Decision)} == {"proposed", "agreed", "declined"}
        assert len(all_of(session, CaseParty)) == 4
        notes = [e for e in all_of(session, CaseEvent) if e.note]
        assert notes and all(e.note_for_brokers for e in notes)
        assert not all_of(session, Release)
        assert all(row.cells == {} for row in all_of(session, ImportRow)), "no text is kept beside where it belongs"
    assert count(database, Notification) == mails, "nobody is told"
    app.state.engine.follow()
    assert count(database, SearchDocument) > 0
    assert "可调弯穿刺系统" in here.get("/search?q=可调弯穿刺系统").text
    done = here.get(address).text
    assert "已写入 7 行" in done and "撤销这次导入" in done


def test_the_same_file_once_more_changes_nothing(make: Factory, sign_in: SignIn, database: Database) -> None:
    broker = make.broker()
    here = sign_in(broker)
    take_in(here, database, broker, sheets.whole())
    again = here.get(preview(here, broker, sheets.whole())).text
    assert "新增 0 行，修改 0 行；略过 7 行" in again
    assert "确认导入" not in again


def test_a_form_sent_twice_and_a_double_confirm_make_one(make: Factory, sign_in: SignIn, database: Database) -> None:
    broker = make.broker()
    here = sign_in(broker)
    fields = {"import_id": new_id(), "organisation_id": broker.organisation.id}
    answers = [here.post("/transfers", data=fields, files={"file": ("x.xlsx", sheets.whole())}) for _n in range(2)]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    address = answers[0].headers["location"]
    assert [here.post(f"{address}/confirm").status_code for _n in range(2)] == [303, 303]
    assert finish(database, address).status is ImportStatus.DONE
    assert here.post(f"{address}/confirm").status_code == 303
    assert count(database, Need) == 2 and count(database, Import) == 1


def test_only_filled_cells_change_a_text_and_undoing_brings_the_former_words_back(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    broker = make.broker()
    here = sign_in(broker)
    take_in(here, database, broker, sheets.whole())
    changed = [
        ("单位名称", "需求名称", "问题描述", "摘要"),
        ("示例·仁济医院", "穿刺针不能弯曲", "改过的问题。", ""),
    ]
    address = take_in(here, database, broker, sheets.workbook({"需求": changed}))
    with database.session() as session:
        need = by_title(session, Need, "穿刺针不能弯曲")
        assert (need.problem, need.version) == ("改过的问题。", 2)
        assert need.summary == "房间隔穿刺时针尖容易上滑。"
    assert "确认撤销" in here.get(f"{address}?undo=1").text
    assert here.post(f"{address}/undo").status_code == 303
    assert finish(database, address).status is ImportStatus.UNDONE
    with database.session() as session:
        need = by_title(session, Need, "穿刺针不能弯曲")
        assert need.problem.startswith("针尖上滑") and need.version == 3 and need.status is NeedStatus.PUBLISHED


def test_undoing_takes_away_what_nobody_has_touched_and_says_what_it_leaves(
    make: Factory, sign_in: SignIn, database: Database, app: FastAPI
) -> None:
    broker = make.broker()
    here = sign_in(broker)
    address = take_in(here, database, broker, sheets.whole())
    with database.session(write=True) as session:
        # A broker has worked with one of the needs since.
        touched = by_title(session, Need, "术中定位反复透视")
        needs.act(session, broker.viewer, touched.id, "match")
    assert here.post(f"{address}/undo").status_code == 303
    assert finish(database, address).status is ImportStatus.UNDONE
    found = outcomes(database, address)
    assert found["need", "术中定位反复透视"][0] == "kept" and "有人修改过" in found["need", "术中定位反复透视"][1]
    assert (
        found["organisation", "示例·仁济医院"][0] == "kept"
        and found["organisation", "示例·微创器械有限公司"][0] == "undone"
    )
    page = here.get(f"{address}?action=kept").text
    assert "术中定位反复透视" in page and "可调弯穿刺系统" not in page
    with database.session() as session:
        assert by_title(session, Need, "穿刺针不能弯曲").status is NeedStatus.DISCARDED
        assert by_title(session, Capability, "可调弯穿刺系统").status is CapabilityStatus.DISCARDED
        assert not all_of(session, Introduction) and not all_of(session, Decision)
        gone = session.exec(select(Organisation).where(Organisation.name == "示例·微创器械有限公司")).one()
        assert gone.status is OrganisationStatus.REFUSED
    app.state.engine.follow()
    assert "可调弯穿刺系统" not in here.get("/search?q=可调弯").text.partition('id="results"')[2]
    # What was undone can be brought in once more.
    address = take_in(here, database, broker, sheets.whole())
    with database.session() as session:
        open_now = session.exec(select(Capability).where(Capability.status == CapabilityStatus.PUBLISHED)).all()
        assert [c.title for c in open_now] == ["可调弯穿刺系统"]


def test_a_sheet_with_a_thousand_errors_says_each_in_its_row_and_column(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    broker = make.broker()
    here = sign_in(broker)
    rows = [
        sheets.NEEDS[0],
        *((f"示例·第{n}医院", "", f"第 {n} 项", "杂项", "", "月球", "", "问题", "去年") for n in range(1000)),
    ]
    address = preview(here, broker, sheets.workbook({"需求": [*rows, sheets.NEEDS[1]]}))
    page = here.get(address).text
    assert "新增 2 行" in page and "有误 1000 行，不会导入" in page and "第 2 行" in page
    assert page.count("需求类型：“杂项”不在可选范围内") == 50
    assert "所在地区：没有“月球”这个地区" in page and "提出日期：“去年”不是日期" in page
    assert "第 20 页" in here.get(f"{address}?action=error&page=20").text
    wrong = here.get(f"{address}/problems.xlsx")
    assert wrong.headers["content-disposition"].startswith("attachment")
    assert here.post(f"{address}/confirm").status_code == 303
    finish(database, address)
    assert count(database, Need) == 1, "what is right is taken in"
    assert count(database, Organisation) == 2, "no organisation is made of a row that is wrong"
    # The file of wrong rows is one that can be corrected and sent again.
    second = here.get(preview(here, broker, wrong.content)).text
    assert "有误 1000 行" in second


def test_whoever_is_there_looks_after_their_own(make: Factory, sign_in: SignIn, database: Database) -> None:
    """An organisation with members gets drafts; what it has written itself is not changed, and nobody learns of it."""
    hospital = make.hospital(name="示例·仁济医院")
    make.need(hospital, "穿刺针不能弯曲", publish=False, problem="自己写的问题。")
    published = make.need(hospital, "术中定位反复透视", problem="自己写的问题。")
    broker = make.broker()
    here = sign_in(broker)
    address = preview(here, broker, sheets.workbook({"需求": sheets.NEEDS}))
    page = here.get(address).text
    assert "由其自行维护，未改动" in page and "存为其草稿" in page
    assert here.post(f"{address}/confirm").status_code == 303
    assert finish(database, address).status is ImportStatus.DONE
    with database.session() as session:
        kept = session.get(Need, published.id)
        assert kept and kept.problem == "自己写的问题。"
        drafts = session.exec(select(Need).where(Need.title == "穿刺针不能弯曲")).all()
        assert [need.status for need in drafts] == [NeedStatus.DRAFT, NeedStatus.DRAFT]


def test_members_are_told_once_of_the_drafts_that_an_office_has_brought_in(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    hospital, stranger = make.hospital(name="示例·仁济医院"), make.party()
    reader = make.join(hospital, MemberRole.VIEWER)
    broker = make.broker()
    here, doctor = sign_in(broker), sign_in(hospital)
    address = take_in(here, database, broker, sheets.workbook({"需求": sheets.NEEDS}))

    def told() -> list[Notification]:
        query = select(Notification).where(Notification.notice == Notice.DRAFTS_IMPORTED)
        with database.session() as session:
            return list(session.exec(query).all())

    [one] = told()
    assert (one.user_id, one.subject_id) == (hospital.user.id, address.rpartition("/")[2])
    listed = read(doctor.get("/notifications").text)
    assert f"{address}/drafts" in listed.links and "项草稿" in listed.text
    page = read(doctor.get(f"{address}/drafts").text)
    with database.session() as session:
        ids = session.exec(select(Need.id).where(Need.organisation_id == hospital.organisation.id)).all()
    assert ids and {f"/needs/{id_}" for id_ in ids} <= set(page.links)
    assert broker.organisation.name in page.text and told()[0].read_at is not None
    # Members who only read see their drafts as well; the office has a page of its own, and others have none.
    assert sign_in(reader).get(f"{address}/drafts").status_code == 200
    for other in (here, sign_in(stranger)):
        assert other.get(f"{address}/drafts").status_code == 404
    assert doctor.get(address).status_code == 404
    assert here.post(f"{address}/undo").status_code == 303
    assert finish(database, address).status is ImportStatus.UNDONE
    assert doctor.get(f"{address}/drafts").status_code == 404
    assert f"{address}/drafts" not in read(doctor.get("/notifications").text).links
    assert len(told()) == 1


def test_a_member_takes_in_drafts_of_their_own_organisation_alone(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    doctor = make.hospital(name="示例·仁济医院")
    here = sign_in(doctor)
    rows = [[cell for n, cell in enumerate(row) if n != 1] for row in sheets.NEEDS]
    other = ["示例·别家医院", *rows[1][1:]]
    address = preview(here, doctor, sheets.workbook({"需求": [*rows, other], "单位": sheets.ORGANISATIONS}))
    page = here.get(address).text
    assert "只能导入本单位" in page and "有误 1 行" in page
    assert "单位和引荐记录由主管部门导入" in here.get(f"{address}?action=skip").text
    assert here.post(f"{address}/confirm").status_code == 303
    finish(database, address)
    with database.session() as session:
        found = all_of(session, Need)
        assert {(n.status, n.organisation_id) for n in found} == {(NeedStatus.DRAFT, doctor.organisation.id)}
        assert len(found) == 2 and len(all_of(session, Organisation)) == 1


def test_what_lies_outside_of_the_region_is_refused(make: Factory, sign_in: SignIn, database: Database) -> None:
    make.party(OrganisationKind.HOSPITAL, region=JIADING, name="示例·嘉定医院")
    broker = make.broker()
    here = sign_in(broker)
    rows = [sheets.NEEDS[0], ("示例·嘉定医院", "", "外区需求", "临床", "", "", "摘要", "问题", "")]
    away = [sheets.ORGANISATIONS[0], ("示例·远方医院", "", "医院", "苏州", "", "", "")]
    agency = [sheets.ORGANISATIONS[0], ("示例·某区委", "", "政府部门", "普陀", "", "", "")]
    for content, words in (
        ({"需求": rows}, "这家单位登记在嘉定区，不在本辖区"),
        ({"单位": away}, "只能导入本辖区（普陀区）的单位"),
        ({"单位": agency}, "政府部门由平台管理员登记和核验"),
    ):
        page = here.get(preview(here, broker, sheets.workbook(content))).text
        assert words in page and "确认导入" not in page


def test_an_import_is_seen_by_those_of_the_same_office_alone(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    broker, other, hospital = make.broker(), make.broker(JIADING), make.hospital()
    address = preview(sign_in(broker), broker, sheets.whole())
    for stranger in (other, hospital):
        client = sign_in(stranger)
        assert client.get(address).status_code == 404
        assert client.get(f"{address}/problems.xlsx").status_code == 404
        for action in ("confirm", "discard", "undo"):
            assert client.post(f"{address}/{action}").status_code == 404
        taken = client.post(
            "/transfers",
            data={"import_id": address.rpartition("/")[2], "organisation_id": stranger.organisation.id},
            files={"file": ("x.xlsx", sheets.whole())},
        )
        assert taken.status_code == 404
    outsider = make.somebody()
    assert sign_in(outsider).get("/transfers").status_code == 403
    assert send(sign_in(outsider), sheets.whole()).status_code == 403
    foreign = send(sign_in(hospital), sheets.whole(), organisation_id=broker.organisation.id)
    assert foreign.status_code == 422 and count(database, Import) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sheets.bomb(50_000_000), "文件解开后过大"),
        (b"PK\x03\x04 broken", "无法读取"),
        (sheets.workbook({"通讯录": [["姓名", "电话"], ["示例", "1"]]}), "没有认出表头"),
        (b"x" * 20_000_001, "超过 20 MB"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_beside_its_field(
    make: Factory, sign_in: SignIn, database: Database, content: bytes, words: str
) -> None:
    broker = make.broker()
    answer = send(sign_in(broker), content, organisation_id=broker.organisation.id)
    assert answer.status_code == 422 and words in answer.text and 'id="file-error"' in answer.text
    assert count(database, Import) == 0


def test_a_file_of_50_mb_does_not_come_in_at_all(make: Factory, sign_in: SignIn, database: Database) -> None:
    broker = make.broker()
    answer = send(sign_in(broker), b"\0" * 50_000_000, organisation_id=broker.organisation.id)
    assert answer.status_code == 413 and count(database, Import) == 0


def test_no_file_is_said_beside_the_field(make: Factory, sign_in: SignIn) -> None:
    broker = make.broker()
    answer = sign_in(broker).post("/transfers", data={"import_id": new_id(), "organisation_id": broker.organisation.id})
    assert answer.status_code == 422 and "请选择一个文件" in answer.text


def test_discarding_leaves_nothing(make: Factory, sign_in: SignIn, database: Database) -> None:
    broker = make.broker()
    here = sign_in(broker)
    address = preview(here, broker, sheets.whole())
    assert here.post(f"{address}/discard").headers["location"] == "/transfers"
    assert count(database, ImportRow) == 0
    assert here.post(f"{address}/confirm").status_code == 409
    assert here.post(f"{address}/look-again").status_code == 404


class Confirmed:
    """An import that waits, without a site that would work it off."""

    def __init__(self, make: Factory, database: Database, content: bytes) -> None:
        from backend.transfers.reading import read
        from backend.transfers.tables import take

        self.broker, self.database = make.broker(), database
        with database.session(write=True) as session:
            viewer, home = self.broker.viewer, self.broker.organisation.id
            self.id = service.begin(session, viewer, new_id(), home, "x.xlsx", take(read(content))).id
        with database.session(write=True) as session:
            service.act(session, self.broker.viewer, self.id, ImportAction.CONFIRM)

    def status(self) -> Import:
        """The import as it is now."""
        with self.database.session() as session:
            found = session.get(Import, self.id)
            assert found
            return found


def test_a_run_that_dies_leaves_nothing_half_done_and_the_next_one_goes_on(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Confirmed(make, database, sheets.whole())

    def die(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        # Killed in the midst of writing: organisations and needs have been, cases not yet.
        patched.setattr(history, "write_cases", die)
        with pytest.raises(KeyboardInterrupt):
            work.run(database, lambda: None)
    assert count(database, Need) == count(database, Capability) == 0
    assert waiting.status().status is ImportStatus.WAITING
    assert work.run(database, lambda: None) == 0, "whoever was at it may still live"
    monkeypatch.setattr(work, "SILENCE", work.SILENCE * 0)
    assert work.run(database, lambda: None) == 1
    assert waiting.status().status is ImportStatus.DONE and count(database, Introduction) == 2


def test_a_failure_is_told_and_blocks_nobody(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Confirmed(make, database, sheets.whole())

    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(history, "write_cases", fail)
    assert work.run(database, lambda: None) == 0
    found = waiting.status()
    assert found.status is ImportStatus.PREVIEW and found.has_failed
    assert count(database, Need) == 0


def test_what_has_changed_since_the_preview_is_looked_at_again(make: Factory, database: Database) -> None:
    waiting = Confirmed(make, database, sheets.whole())
    # The hospital has registered itself meanwhile, and has members.
    make.hospital(name="示例·仁济医院")
    work.run(database, lambda: None)
    found = waiting.status()
    assert found.status is ImportStatus.PREVIEW and found.changed_meanwhile
    assert count(database, Need) == 0
    with database.session() as session:
        rows = session.exec(select(ImportRow).where(ImportRow.title == "示例·仁济医院")).all()
        assert [row.action for row in rows] == [RowAction.SKIP]


def test_two_imports_at_the_same_time_make_one_organisation(make: Factory, database: Database) -> None:
    """Both know the hospital as new; whoever comes second is shown what has changed and takes in the rest."""
    first = Confirmed(make, database, sheets.workbook({"需求": sheets.NEEDS[:2]}))
    second = Confirmed(make, database, sheets.workbook({"需求": [sheets.NEEDS[0], sheets.NEEDS[2]]}))
    begin = Barrier(2)

    def run() -> int:
        begin.wait()
        # As the task runs: once more where PostgreSQL lets one of two give way.
        return repeated(lambda: work.run(database, lambda: None))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _n: run(), range(2)))
    # A run that found the database busy leaves what it had for the next one.
    work.run(database, lambda: None)
    found = sorted([first.status(), second.status()], key=lambda batch: batch.status is ImportStatus.PREVIEW)
    assert [batch.status for batch in found] == [ImportStatus.DONE, ImportStatus.PREVIEW]
    assert found[1].changed_meanwhile and count(database, Need) == 1
    with database.session(write=True) as session:
        service.act(session, (first if found[1].id == first.id else second).broker.viewer, found[1].id, CONFIRM)
    assert work.run(database, lambda: None) == 1
    assert count(database, Need) == 2
    with database.session() as session:
        hospitals = session.exec(select(Organisation).where(Organisation.name == "示例·仁济医院")).all()
        assert len(hospitals) == 1


def test_5000_rows_become_visible_at_once(make: Factory, database: Database, engine: Any) -> None:
    waiting = Confirmed(make, database, sheets.workbook({"需求": sheets.many(5000)}))
    work.run(database, lambda: None)
    assert waiting.status().status is ImportStatus.DONE
    assert count(database, Need) == 5000
    engine.follow()
    with database.session() as session:
        found = session.exec(select(func.count(func.distinct(col(SearchDocument.subject_id))))).one()
        assert found == 5000
        done = select(func.count()).select_from(ImportRow).where(ImportRow.outcome == RowOutcome.DONE)
        # A hundred hospitals were made of the names.
        assert session.exec(done).one() == 5100


def test_old_previews_are_forgotten(make: Factory, sign_in: SignIn, database: Database) -> None:
    from datetime import timedelta

    broker = make.broker()
    address = preview(sign_in(broker), broker, sheets.whole())
    service.forget(database)
    assert count(database, Import) == 1
    with database.session(write=True) as session:
        found = session.get(Import, address.rpartition("/")[2])
        assert found
        found.created_at -= timedelta(days=service.KEPT_DAYS, hours=1)
        session.add(found)
    service.forget(database)
    assert count(database, Import) == count(database, ImportRow) == 0
