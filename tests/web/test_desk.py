"""The desk: what is on it and in which order, putting off and handing over, and who has one."""

from datetime import date, datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlmodel import Session, col, select, update
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.capabilities import service as capabilities
from backend.db import Database, new_id, utc_now
from backend.desk.models import DeskMark
from backend.disclosure import proposals
from backend.disclosure.models import Tier
from backend.introductions import cases
from backend.introductions import service as introductions
from backend.introductions.models import CaseBroker, Introduction
from backend.ledger import service as ledger
from backend.ledger.states import StepKind
from backend.meetings import docking, docking_sending, holding
from backend.meetings import service as meetings
from backend.meetings.calendar import Sender
from backend.meetings.docking import Frame
from backend.meetings.holding import Minutes
from backend.meetings.models import CaseMeeting
from backend.meetings.service import Plan as MeetingPlan
from backend.needs import policy as need_policy
from backend.needs.models import Need, NeedKind
from backend.needs.states import NeedStatus
from backend.notifications.models import Notice, Notification
from backend.organisations import service as organisations
from backend.organisations.models import MemberRole, Membership
from backend.templating import local_day, local_moment
from backend.working_days import add_working_days, today
from tests.conftest import SignIn
from tests.factories import JIADING, PASSWORD, Factory
from tests.web.desk_office import CONSENT, Office
from tests.web.pages import read
from tests.web.test_exports import rows_of


@pytest.fixture
def office(app: FastAPI, make: Factory, database: Database, sign_in: SignIn) -> Office:
    return Office(app, make, database, sign_in)


def in_working_days(count: int) -> str:
    return add_working_days(today(), count).isoformat()


def test_the_desk_is_for_brokers(office: Office, make: Factory, client: TestClient, sign_in: SignIn) -> None:
    assert client.get("/desk").headers["location"].startswith("/sign-in")
    assert sign_in(make.hospital()).get("/desk").status_code == 403
    assert "/desk" not in read(sign_in(make.party()).get("/").text).links
    assert "/desk" in office.page().links


def test_all_pages_of_a_broker_are_two_steps_away(office: Office, make: Factory, sign_in: SignIn) -> None:
    header = ("/desk", "/introductions", "/conversations", "/ledger", "/needs", "/search")
    tabs = ("/desk", "/desk/assignment", "/reviews", "/docking", "/responses", "/transfers", "/results")
    page = office.page()
    entries = [e.attributes["href"] for e in page.all("a", "nav-item")]
    assert entries == list(header), "so many fit a phone"
    for path in tabs:
        answer = office.client.get(path)
        found = read(answer.text)
        assert set(tabs) <= set(found.links), path
        current = [e.attributes["href"] for e in found.all("a", "nav-item") if "here" in e.attributes["class"]]
        assert (answer.status_code, current) == (200, ["/desk"]), path
    reader = sign_in(make.join(office.broker, MemberRole.VIEWER))
    assert not {"/desk/assignment", "/transfers"} & set(office.page(client=reader).links), "these are for who decides"
    for party in (make.hospital(), make.party()):
        found = read(sign_in(party).get("/responses").text)
        entries = [e.attributes["href"] for e in found.all("a", "nav-item")]
        assert entries == ["/search", "/needs", "/capabilities", "/introductions", "/conversations", "/ledger"]
        assert "/desk" not in found.links and {"/responses", "/docking", "/transfers"} <= set(found.links)


def test_signing_in_leads_a_broker_to_the_desk(office: Office, make: Factory, client: TestClient) -> None:
    company = make.party()

    def lands(next_url: str) -> str:
        data = {"email": company.user.email, "password": PASSWORD, "next": next_url}
        return str(client.post("/sign-in", data=data).headers["location"])

    assert lands("/") == "/"
    agency = office.broker.organisation.id
    office.do(lambda s: organisations.add_member(s, company.user.id, agency, MemberRole.EDITOR))
    assert lands("/") == "/desk"
    assert lands("/needs") == "/needs"


def test_an_empty_desk_says_so(office: Office) -> None:
    page = office.page()
    assert "没有待办事项" in page.text
    assert page.all("li", "desk-item") == []


def test_what_waits_for_a_broker_is_on_the_desk(office: Office, make: Factory) -> None:
    need, capability = office.submitted_need(), office.submitted_capability()
    office.submitted_need("外区的需求", JIADING)
    waiting = make.party(name="示例·待核验公司", verified=False).organisation
    assert set(office.titles()) == {"待审核的需求", "待审核的能力", "示例·待核验公司"}
    assert office.titles("?kind=review-need") == ["待审核的需求"]
    links = office.page().links
    for path in (f"/needs/{need.id}", f"/capabilities/{capability.id}", f"/organisations/{waiting.id}"):
        assert path in links, "each thing leads to where it is done"
    assert {"/desk?kind=verify", "/desk?kind=review-need", "/desk?kind=review-capability"} <= set(links)
    assert office.titles("?kind=nonsense&view=nonsense&page=x") == office.titles()


def test_what_is_done_is_gone(office: Office) -> None:
    need = office.submitted_need()
    assert office.client.post(f"/needs/{need.id}/publish").status_code == 303
    assert office.titles("?kind=review-need") == []


def test_late_answers_come_first(office: Office) -> None:
    office.submitted_need()
    office.case(days=0, title="刚刚引荐")
    office.case(days=8, title="早已超时")
    assert office.titles() == ["早已超时", "待审核的需求"], "who was asked today is not called upon"
    page = office.page()
    assert [h.text for h in page.all("h2", "desk-urgency")] == ["已逾期", "三个工作日内到期"]
    assert "其中 1 项已逾期" in page.text
    assert "等待" in page.all("span", "desk-detail")[0].text


def test_a_request_for_an_introduction_is_on_the_desk(office: Office, make: Factory) -> None:
    hospital, company = make.hospital(name="示例·提问医院"), make.party(name="示例·应答公司")
    need, capability = make.need(hospital), make.capability(company)
    row = office.do(lambda s: introductions.ask(s, company.viewer, need.id, capability.id, "愿意合作。", CONSENT))
    page = office.page("?kind=asked")
    assert f"/introductions/{row.id}" in page.links
    assert "示例·应答公司请求引荐" in page.text
    assert office.titles("?kind=answer") == []


def test_a_member_of_a_party_has_its_case_not_on_the_desk(office: Office, make: Factory, database: Database) -> None:
    row = office.case(days=8)
    hospital_id = office.do(lambda s: cases.load(s, row.id).need.organisation_id)
    both = make.join(office.broker, MemberRole.EDITOR)
    office.do(lambda s: organisations.add_member(s, both.user.id, hospital_id, MemberRole.EDITOR))
    assert office.titles("?kind=answer", office.sign_in(both)) == []


def test_a_strong_match_is_on_the_desk_until_somebody_is_introduced(office: Office, make: Factory) -> None:
    need = office.strong_need()
    capability = office.strong_capability(make.party(name="示例·调弯公司"))
    office.match()
    page = office.page("?kind=match")
    assert office.titles("?kind=match") == ["房间隔穿刺针"]
    assert f"/desk/needs/{need.id}" in page.links and "示例·调弯公司" in page.text
    row = office.do(lambda s: introductions.propose(s, office.broker.viewer, need.id, capability.id, "值得一谈。"))
    assert office.titles("?kind=match") == []
    office.do(lambda s: introductions.act(s, office.broker.viewer, row.id, "withdraw", "双方均无意向。"))
    assert office.titles("?kind=match") == [], "whom a case has ended with is not brought up again"


def test_a_strong_match_of_another_region_is_not_on_the_desk(office: Office, make: Factory) -> None:
    """It was found by full texts, which its brokers alone may read."""
    office.strong_need()
    office.strong_capability()
    office.match()
    assert office.titles("?kind=match", office.sign_in(make.broker(JIADING))) == []


def test_a_need_that_nobody_can_meet_is_on_the_desk(office: Office, make: Factory) -> None:
    office.strong_need()
    office.strong_capability()
    lonely = make.need(make.hospital(), "鱼听不见", problem="鱼缸里的鱼听不见音乐。")
    office.match()
    assert office.titles("?kind=gap") == ["鱼听不见"]
    assert f"/desk/needs/{lonely.id}" in office.page("?kind=gap").links


def test_a_stale_capability_is_named_by_its_organisation_alone(office: Office, make: Factory) -> None:
    company = make.party(name="示例·一年未确认公司")
    capability = make.capability(company, "不再外显的标题")
    office.do(lambda s: capabilities.act(s, None, capability.id, "expire"))
    page = office.page("?kind=stale")
    assert office.titles("?kind=stale") == ["示例·一年未确认公司"]
    assert "1 项能力满一年未确认" in page.text and "不再外显的标题" not in page.text
    assert f"/organisations/{company.organisation.id}" in page.links


def test_a_proposal_without_an_answer_is_on_the_desk(office: Office, make: Factory) -> None:
    hospital, company = make.hospital(), make.party(name="示例·想看详情公司")
    need = make.need(hospital, "有开放建议的需求")
    facts = need_policy.subject_of(need)
    proposal = office.do(
        lambda s: proposals.propose(
            s, office.broker.viewer, s.get_one(Need, need.id), facts, Tier.BRIEF, company.organisation.id, "值得看看。"
        )
    )
    page = office.page("?kind=proposal")
    assert f"/needs/{need.id}/releases" in page.links and "向示例·想看详情公司开放" in page.text
    office.do(lambda s: proposals.decide(s, hospital.viewer, facts, proposal.id, accept=False, expires_at=None))
    assert office.titles("?kind=proposal") == []


def test_putting_off_takes_it_from_the_desk_until_that_day(office: Office, make: Factory, sign_in: SignIn) -> None:
    need = office.submitted_need()
    colleague = sign_in(make.join(office.broker, MemberRole.EDITOR))
    path = f"/desk/items/review-need/{need.id}"
    assert path + "#defer" in office.page().links
    form = read(office.client.get(path).text)
    assert form.fields["until"] == in_working_days(1)
    data = {"until": in_working_days(3), "reason": "等待补充材料"}
    assert office.client.post(f"{path}/defer", data=data).headers["location"] == "/desk"
    assert "已延期" in read(office.client.get("/desk").text)["flash"].text
    assert office.titles() == [] == office.titles(client=colleague), "it is put off for the agency"
    later = office.page("?view=deferred", colleague)
    assert "等待补充材料" in later.text and local_day(date.fromisoformat(in_working_days(3))) in later.text
    assert office.titles(client=sign_in(make.broker())) == ["待审核的需求"], "another agency has a desk of its own"
    office.do(lambda s: s.exec(update(DeskMark).values(until=today())))
    assert office.titles() == ["待审核的需求"], "the day has come"
    office.client.post(f"{path}/take-back")
    with office.database.session() as session:
        assert session.exec(select(DeskMark)).all() == []
        said = session.exec(select(AuditEvent.event).where(AuditEvent.subject_kind == "desk_mark")).all()
    assert said == ["desk:defer", "desk:take-back"]


@pytest.mark.parametrize(
    ("until", "reason", "wrong", "message"),
    [
        ("", "等待补充", "until", "请选择日期"),
        ("明天", "等待补充", "until", "请选择日期"),
        ("2020-01-01", "等待补充", "until", "明天起三个月内"),
        ("2098-01-01", "等待补充", "until", "明天起三个月内"),
        (in_working_days(2), "", "reason", "请写明延期原因"),
        (in_working_days(2), "长" * 301, "reason", "最多 300 个字"),
    ],
)
def test_a_wrong_day_or_no_reason_is_said_beside_the_field(
    office: Office, until: str, reason: str, wrong: str, message: str
) -> None:
    need = office.submitted_need()
    data = {"until": until, "reason": reason}
    answer = office.client.post(f"/desk/items/review-need/{need.id}/defer", data=data)
    assert answer.status_code == 422
    page = read(answer.text)
    assert message in page.error(wrong)
    assert page.fields["reason"] == reason
    assert office.titles() == ["待审核的需求"]


def test_what_comes_up_anew_is_on_the_desk_whatever_was_said_before(office: Office) -> None:
    need = office.submitted_need()
    data = {"until": in_working_days(3), "reason": "等待补充材料"}
    office.client.post(f"/desk/items/review-need/{need.id}/defer", data=data)
    later = utc_now() + timedelta(seconds=5)
    office.do(lambda s: s.exec(update(Need).where(Need.id == need.id).values(submitted_at=later)))  # type: ignore[arg-type]
    assert office.titles() == ["待审核的需求"]


def test_handing_over_moves_it_to_a_colleague_who_is_told(office: Office, make: Factory, sign_in: SignIn) -> None:
    need = office.submitted_need()
    other, third = make.join(office.broker, MemberRole.EDITOR), make.join(office.broker, MemberRole.EDITOR)
    reader, stranger = make.join(office.broker, MemberRole.VIEWER), make.broker()
    path = f"/desk/items/review-need/{need.id}"
    choices = {o.attributes["value"] for o in read(office.client.get(path).text).all("option")}
    assert choices == {"", other.user.id, third.user.id}
    for wrong in ("", stranger.user.id, reader.user.id, office.broker.user.id):
        answer = office.client.post(f"{path}/hand-over", data={"user_id": wrong, "note": "请跟进"})
        assert answer.status_code == 422 and read(answer.text).fields["note"] == "请跟进", wrong
        assert read(answer.text).error("user_id")
    for _twice in range(2):
        data = {"user_id": other.user.id, "note": "请跟进"}
        assert office.client.post(f"{path}/hand-over", data=data).headers["location"] == "/desk"
    assert office.titles() == [] == office.titles(client=sign_in(third))
    handed = office.page("?view=handed", sign_in(third))
    assert "请跟进" in handed.text
    here = sign_in(other)
    assert office.titles(client=here) == ["待审核的需求"]
    with office.database.session() as session:
        told = session.exec(select(Notification).where(Notification.notice == Notice.DESK_HANDED)).all()
    assert [n.user_id for n in told] == [other.user.id], "two clicks tell once"
    notifications = read(here.get("/notifications").text)
    assert "审核需求" in notifications.text and path in notifications.links
    office.do(lambda s: _leave(s, other.user.id))
    assert office.titles() == ["待审核的需求"], "what a colleague had who has left is everybody's again"


def _leave(session: Session, user_id: str) -> None:
    for row in session.exec(select(Membership).where(Membership.user_id == user_id)).all():
        session.delete(row)


def test_a_case_lies_with_its_broker_and_goes_along(office: Office, make: Factory, sign_in: SignIn) -> None:
    row = office.case(days=8)
    other = make.join(office.broker, MemberRole.EDITOR)
    here = sign_in(other)
    assert office.titles(client=here) == [] and office.titles("?view=handed", here) == ["引荐中的需求"]
    data = {"user_id": other.user.id, "note": ""}
    office.client.post(f"/desk/items/answer/{row.id}/hand-over", data=data)
    assert office.titles(client=here) == ["引荐中的需求"] and office.titles() == []
    with office.database.session() as session:
        assert session.exec(select(CaseBroker.user_id)).all() == [other.user.id]


def test_whoever_only_reads_for_the_agency_changes_nothing(office: Office, make: Factory, sign_in: SignIn) -> None:
    need = office.submitted_need()
    reader = sign_in(make.join(office.broker, MemberRole.VIEWER))
    assert office.titles(client=reader) == ["待审核的需求"]
    assert "延期" not in [a.text for a in office.page(client=reader).all("a")]
    path = f"/desk/items/review-need/{need.id}"
    assert reader.get(path).status_code == 200
    data = {"until": in_working_days(3), "reason": "等待", "user_id": office.broker.user.id}
    for action in ("defer", "hand-over", "take-back"):
        assert reader.post(f"{path}/{action}", data=data).status_code == 403
    elsewhere = sign_in(make.broker(JIADING))
    for address in (path, f"/desk/items/nonsense/{need.id}", "/desk/items/verify/0123456789abcdef"):
        assert elsewhere.get(address).status_code == 404


def meeting_of(office: Office, row: Introduction, starts_at: datetime) -> CaseMeeting:
    """A meeting of a case that is fixed for a moment, which may have passed meanwhile."""
    plan, sender = MeetingPlan(60, place="示例会议室"), Sender("desk@yiqiao.example", "http://testserver")
    later, viewer, id_ = utc_now().replace(microsecond=0) + timedelta(days=1), office.broker.viewer, new_id()
    office.do(lambda s: meetings.propose(s, viewer, row.id, id_, [later], plan))
    time = office.do(lambda s: meetings.times(s, id_)[0].id)
    meeting = office.do(lambda s: meetings.fix(s, viewer, sender, row.id, id_, time))
    office.do(lambda s: s.exec(update(CaseMeeting).where(col(CaseMeeting.id) == id_).values(starts_at=starts_at)))
    return meeting


def test_meetings_of_the_week_are_on_the_desk_and_then_their_minutes(office: Office, make: Factory) -> None:
    case = office.introduced(title="要开会的需求")
    soon, far = utc_now() + timedelta(days=2), utc_now() + timedelta(days=12)
    meeting = meeting_of(office, case, soon)
    meeting_of(office, office.introduced(title="很久以后开会的需求"), far)
    path = f"/introductions/{case.id}/meetings/{meeting.id}"
    page = office.page("?kind=meeting")
    assert office.titles("?kind=meeting") == ["要开会的需求"], "what is later than a week is not on it yet"
    assert path in page.links and "示例会议室" in page.text and "/desk?kind=meeting" in office.page().links
    assert local_moment(soon) in page.text, "a meeting is at a moment, not before a day"
    for _same in range(2):
        data = {"until": in_working_days(2), "reason": "先与科室确认"}
        assert office.client.post(f"/desk/items/meeting/{meeting.id}/defer", data=data).status_code == 303
    assert office.titles("?kind=meeting") == []
    over = utc_now() - timedelta(hours=1, minutes=1)
    office.do(lambda s: s.exec(update(CaseMeeting).where(col(CaseMeeting.id) == meeting.id).values(starts_at=over)))
    office.do(lambda s: s.exec(update(DeskMark).values(at=utc_now() - timedelta(hours=2))))
    assert "会议已结束，待记录纪要" in office.page("?kind=meeting").text, "that it is over is new"
    said = Minutes({}, "看了样机。", "两周内送样。")
    office.do(lambda s: holding.hold(s, office.broker.viewer, case.id, meeting.id, said))
    assert office.titles("?kind=meeting") == []


def test_meetings_of_another_desk_are_not_on_it(office: Office, make: Factory, sign_in: SignIn) -> None:
    case = office.introduced()
    meeting = meeting_of(office, case, utc_now() + timedelta(days=2))
    elsewhere = sign_in(make.reviewer(JIADING))
    assert office.titles("?kind=meeting", elsewhere) == []
    assert elsewhere.get(f"/desk/items/meeting/{meeting.id}").status_code == 404


def test_a_docking_event_of_the_week_is_on_the_desk_of_its_agency(
    office: Office, make: Factory, sign_in: SignIn
) -> None:
    event_id, starts_at = new_id(), utc_now() + timedelta(days=3)
    frame = Frame("示例专场对接会", "示例会议中心", starts_at, 3, 20, 2)
    office.do(lambda s: docking.save(s, office.broker.viewer, event_id, frame, is_new=True))
    page = office.page("?kind=meeting")
    assert office.titles("?kind=meeting") == ["示例专场对接会"]
    assert f"/docking/{event_id}" in page.links and "日程尚未发出" in page.text
    colleague = make.join(office.broker, MemberRole.EDITOR)
    data = {"user_id": colleague.user.id, "note": "请到场主持"}
    assert office.client.post(f"/desk/items/meeting/{event_id}/hand-over", data=data).status_code == 303
    assert office.titles("?kind=meeting") == []
    assert office.titles("?kind=meeting", sign_in(colleague)) == ["示例专场对接会"]
    assert office.titles("?kind=meeting", sign_in(make.broker())) == [], "another agency has events of its own"
    sender = Sender("desk@yiqiao.example", "http://testserver")
    office.do(lambda s: docking_sending.cancel(s, office.broker.viewer, sender, event_id))
    assert office.titles("?kind=meeting", sign_in(colleague)) == []


def test_a_ledger_that_stalls_is_on_the_desk_until_somebody_moves_it(
    office: Office, make: Factory, sign_in: SignIn
) -> None:
    case = office.introduced(title="停滞的合作")
    office.do(lambda s: introductions.act(s, office.broker.viewer, case.id, "agree", "共同试制样机。"))
    assert office.titles("?kind=ledger") == []
    long_ago = utc_now() - timedelta(days=42)
    moved = update(Introduction).where(col(Introduction.id) == case.id)
    office.do(lambda s: s.exec(moved.values(created_at=long_ago, agreed_at=long_ago)))
    page = office.page("?kind=ledger")
    assert office.titles("?kind=ledger") == ["停滞的合作"]
    assert f"/introductions/{case.id}/ledger" in page.links and "停在“接单”，42 天没有进展" in page.text
    colleague = make.join(office.broker, MemberRole.EDITOR)
    data = {"user_id": colleague.user.id, "note": ""}
    assert office.client.post(f"/desk/items/ledger/{case.id}/hand-over", data=data).status_code == 303
    assert office.titles("?kind=ledger", sign_in(colleague)) == ["停滞的合作"]
    place = office.do(lambda s: s.exec(select(CaseBroker.user_id)).one())
    assert place == colleague.user.id, "the case goes along"
    kind, version = StepKind.ORDER, 0
    office.do(lambda s: ledger.move(s, colleague.viewer, case.id, kind, "start", version))
    assert office.titles("?kind=ledger", sign_in(colleague)) == []


def fill(office: Office, make: Factory, count: int) -> None:
    """So many needs that wait for their review, as an import brings them."""
    hospital = make.hospital()

    def work(session: Session) -> None:
        for number in range(count):
            then = utc_now() - timedelta(hours=6 * number)
            need = Need(
                organisation_id=hospital.organisation.id,
                kind=NeedKind.CLINICAL,
                title=f"需求 {number:03d}",
                region=hospital.organisation.region,
                status=NeedStatus.SUBMITTED,
                submitted_at=then,
            )
            session.add(need)

    office.do(work)


def test_five_hundred_things_are_paged_and_asked_for_at_once(office: Office, make: Factory) -> None:
    """The number of questions to the database does not grow with the number of things."""

    def asked() -> int:
        statements: list[str] = []

        def count(_c: object, _cursor: object, statement: str, *_more: object) -> None:
            statements.append(statement)

        event.listen(office.database.engine, "before_cursor_execute", count)
        office.page()
        event.remove(office.database.engine, "before_cursor_execute", count)
        return len([s for s in statements if s.startswith("SELECT")])

    fill(office, make, 3)
    few = asked()
    fill(office, make, 500)
    assert asked() <= few + 2, "other threads may ask too"
    page = office.page()
    assert len(page.all("li", "desk-item")) == 40
    assert "共 503 项" in page.text and "第 1 页，共 13 页" in page.text
    assert office.titles()[0] == "需求 499", "what is late longest comes first"
    assert len(office.titles("?page=13")) == 23
    assert office.titles("?page=99") == office.titles("?page=13")


def test_the_fragment_of_a_filter_is_the_list_alone(office: Office) -> None:
    office.submitted_need()
    answer = office.client.get("/desk?kind=review-need", headers={"HX-Request": "true"})
    assert "<html" not in answer.text and "待审核的需求" in answer.text


def test_the_desk_is_exported_as_it_is_filtered(office: Office, make: Factory, sign_in: SignIn) -> None:
    case = office.introduced(title="要开会的需求")
    meeting_of(office, case, utc_now() + timedelta(days=2))
    assert "/desk/export.xlsx?kind=meeting" in office.page("?kind=meeting").links
    (row,) = rows_of(office.client.get("/desk/export.csv?kind=meeting").content)
    assert (row["事项"], row["标题"]) == ("近期会议", "要开会的需求") and f"/introductions/{case.id}/" in row["链接"]
    everything = rows_of(office.client.get("/desk/export.csv").content)
    assert {row["标题"] for row in everything} >= set(office.titles())
    assert rows_of(office.client.get("/desk/export.csv?view=deferred").content) == []
    assert office.client.get("/desk/export.pdf").status_code == 404
    assert sign_in(make.party()).get("/desk/export.csv").status_code == 403
