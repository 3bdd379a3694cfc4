"""The match desk: the cards of one need, comparing them, marks of conflict, what both sides did before."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import Session, col, select, update

from backend.accounts.models import User
from backend.db import Database, utc_now
from backend.introductions import service as introductions
from backend.introductions.models import CaseParty, Introduction
from backend.introductions.states import DeclineReason
from backend.organisations import service as organisations
from backend.organisations.models import MemberRole, Membership, Organisation
from backend.working_days import today, working_days_between
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.web.desk_office import CONSENT, POINTS, Office
from tests.web.pages import Page, read


@pytest.fixture
def office(app: FastAPI, make: Factory, database: Database, sign_in: SignIn) -> Office:
    return Office(app, make, database, sign_in)


def look(office: Office, need_id: str, query: str = "") -> Page:
    answer = office.client.get(f"/desk/needs/{need_id}{query}")
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def cards(page: Page) -> list[str]:
    return [e.text.strip() for e in page.all("h3", "match-org")]


def case(office: Office, need_id: str, capability_id: str) -> Introduction:
    return office.do(lambda s: introductions.propose(s, office.broker.viewer, need_id, capability_id, "值得一谈。"))


def test_brokers_of_the_region_alone_have_it(office: Office, make: Factory, sign_in: SignIn) -> None:
    need = office.strong_need()
    path = f"/desk/needs/{need.id}"
    assert office.client.get(path).status_code == 200
    assert sign_in(make.broker(JIADING)).get(path).status_code == 404
    assert sign_in(make.party()).get(path).status_code == 403
    assert office.client.get("/desk/needs/0123456789abcdef").status_code == 404
    waiting = office.submitted_need()
    assert office.client.get(f"/desk/needs/{waiting.id}").status_code == 409


def test_cards_stand_in_the_order_of_the_suggestions_with_a_way_to_introduce(office: Office, make: Factory) -> None:
    need = office.strong_need()
    capability = office.strong_capability(make.party(name="示例·甲公司"))
    office.strong_capability(make.party(name="示例·乙公司"), "可调弯穿刺鞘")
    office.match()
    page = look(office, need.id)
    suggestions = read(office.client.get(f"/needs/{need.id}/suggestions").text)
    assert cards(page) == cards(suggestions) and len(cards(page)) == 2
    start = f"/introductions/new?need={need.id}&capability={capability.id}"
    assert start in page.links and office.client.get(start).status_code == 200
    assert POINTS[0] in page.text and "要点 2/2 已覆盖" in page.text


def test_two_or_three_are_compared_requirement_by_requirement(office: Office, make: Factory) -> None:
    need = office.strong_need()
    ids = [office.strong_capability(make.party(), f"穿刺针 {number}").id for number in range(4)]
    office.match()
    one = look(office, need.id, f"?compare={ids[0]}")
    assert "compare" not in one and "请勾选两家或三家" in one.text
    two = look(office, need.id, f"?compare={ids[0]}&compare={ids[1]}")
    table = two.all("table", "compare-table")[0]
    assert all(point in table.text for point in POINTS)
    assert "穿刺针 0" in table.text and "穿刺针 1" in table.text and "穿刺针 2" not in table.text
    assert two.fields["compare"] == [i for i in _order(two) if i in ids[:2]], "what is compared stays ticked"
    many = look(office, need.id, "?" + "&".join(f"compare={i}" for i in ids))
    assert len(many.all("table", "compare-table")[0].text.split("匹配度：")) == 4


def _order(page: Page) -> list[str]:
    return [e.attributes["value"] for e in page.all("input") if e.attributes.get("name") == "compare"]


def test_filters_leave_out_and_say_so(office: Office, make: Factory) -> None:
    need = office.strong_need()
    office.strong_capability(make.party(name="示例·本区公司"))
    office.strong_capability(make.party(region=JIADING, name="示例·外区公司"), "外区穿刺针")
    office.match()
    assert len(cards(look(office, need.id))) == 2
    near = look(office, need.id, "?near=1")
    assert cards(near) == ["示例·本区公司"] and "筛选出 1 条，共 2 条" in near.text
    none = look(office, need.id, "?kind=capital")
    assert cards(none) == [] and "没有符合筛选条件的条目" in none.text
    assert cards(look(office, need.id, "?grade=nonsense&kind=nonsense")) == cards(look(office, need.id))


def test_a_case_shows_on_its_card(office: Office, make: Factory) -> None:
    need, capability = office.strong_need(), office.strong_capability()
    office.match()
    row = case(office, need.id, capability.id)
    page = look(office, need.id)
    assert f"/introductions/{row.id}" in page.links
    assert not [link for link in page.links if link.startswith("/introductions/new")], (
        "there is one open case of a pair"
    )
    assert cards(look(office, need.id, "?fresh=1")) == []
    office.do(lambda s: introductions.act(s, office.broker.viewer, row.id, "withdraw", "暂缓。"))
    assert "再次引荐" in look(office, need.id).text


def accept(office: Office, party: Party, row: Introduction) -> None:
    office.do(lambda s: introductions.answer(s, party.viewer, row.id, CONSENT))


def test_what_both_sides_did_before_is_told(office: Office, make: Factory) -> None:
    hospital, company = make.hospital(), make.party()
    first, second = (make.need(hospital, f"以前的需求 {n}") for n in range(2))
    capability = office.strong_capability(company)
    row = case(office, first.id, capability.id)
    then = utc_now()
    while working_days_between(today(then), today()) < 4:
        then -= timedelta(days=1)
    office.do(lambda s: s.exec(update(CaseParty).values(asked_at=then)))
    accept(office, company, row)
    accept(office, hospital, row)
    other = case(office, second.id, capability.id)
    office.do(lambda s: introductions.decline(s, company.viewer, other.id, DeclineReason.CAPACITY, "排期已满。"))
    need = office.strong_need()
    office.match()
    page = look(office, need.id)
    history = page.all("p", "match-history")[0].text
    assert "曾参与 2 次引荐" in history and "双方接受 1 次" in history and "目前人手、产能或经费不足 1" in history
    assert "答复用时中位数 2 个工作日" in history, "of four days and none"
    assert "排期已满" not in page.text
    elsewhere = make.broker(JIADING)
    near = make.need(make.hospital(region=JIADING), "房间隔穿刺针", problem="针尖抵住房间隔不移位。")
    answer = office.sign_in(elsewhere).get(f"/desk/needs/{near.id}")
    assert answer.status_code == 200 and "目前人手、产能或经费不足" not in answer.text, (
        "of cases elsewhere nothing is told"
    )


def test_conflicts_of_interest_are_marked(office: Office, make: Factory) -> None:
    need = office.strong_need()
    hospital_id = need.organisation_id
    shared, declined, mine = (make.party(name=f"示例·{n}公司") for n in ("同员", "前拒", "本人"))
    for number, party in enumerate((shared, declined, mine)):
        office.strong_capability(party, f"穿刺针 {number}")
    office.do(lambda s: organisations.add_member(s, shared.user.id, hospital_id, MemberRole.VIEWER))
    author = office.do(lambda s: _author(s, hospital_id))
    former = make.need(author, "以前的需求")
    old = make.capability(declined, "以前的能力")
    row = case(office, former.id, old.id)
    reason = DeclineReason.CONFLICT_OF_INTEREST
    office.do(lambda s: introductions.decline(s, declined.viewer, row.id, reason))
    office.do(lambda s: organisations.add_member(s, office.broker.user.id, mine.organisation.id, MemberRole.VIEWER))
    office.match()
    page = look(office, need.id)
    texts = {e.text.split("公司")[0].strip(): e.text for e in page.all("li", "match-card")}
    found = {name: text for text in texts.values() for name in ("同员", "前拒", "本人") if f"示例·{name}" in text}
    assert "双方有共同成员" in found["同员"]
    assert "因利益冲突未成" in found["前拒"]
    assert "您是其中一方的成员" in found["本人"]
    starts = [link for link in page.links if link.startswith("/introductions/new")]
    assert len(starts) == 2, "one's own organisation is introduced by another broker"
    assert cards(look(office, need.id, "?clear=1")) == []


def _author(session: Session, organisation_id: str) -> Party:
    query = select(User).join(Membership, col(Membership.user_id) == col(User.id))
    query = query.where(Membership.organisation_id == organisation_id)
    user = session.exec(query.where(Membership.role == MemberRole.EDITOR)).first()
    assert user
    organisation = session.get_one(Organisation, organisation_id)
    return Party(organisation, user, organisations.viewer_of(session, user))
