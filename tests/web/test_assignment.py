"""The assignment of the week: what is proposed under the caps, what they cost, and introducing what was ticked."""

from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from sqlmodel import select

from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.db import Database
from backend.decisions.models import Decision, DecisionKind
from backend.desk import assignment
from backend.introductions.models import CaseBroker, Introduction
from backend.introductions.states import IntroductionStatus
from backend.organisations.models import MemberRole
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.web.desk_office import WORDS, Office
from tests.web.pages import Page, read

PATH = "/desk/assignment"


@pytest.fixture
def office(app: FastAPI, make: Factory, database: Database, sign_in: SignIn) -> Office:
    return Office(app, make, database, sign_in)


def look(office: Office, query: str = "") -> Page:
    answer = office.client.get(PATH + query)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def ticked(page: Page) -> list[str]:
    return [e.attributes["value"] for e in page.all("input") if e.attributes.get("name") == "pair"]


@pytest.fixture
def crowd(office: Office, make: Factory) -> tuple[Party, Party, list[str]]:
    """Four needs that one company answers best of all, and another one a little less."""
    big, small = make.party(name="示例·大公司"), make.party(name="示例·小公司")
    need_ids = [office.strong_need(f"房间隔穿刺针 {number}").id for number in range(4)]
    office.strong_capability(big, "房间隔穿刺针")
    office.strong_capability(small, "可调弯的穿刺针")
    office.match()
    return big, small, need_ids


def test_only_brokers_who_act_have_it(office: Office, make: Factory, sign_in: SignIn) -> None:
    reader = sign_in(make.join(office.broker, MemberRole.VIEWER))
    for client in (reader, sign_in(make.party())):
        for path in (PATH, f"{PATH}/done"):
            assert client.get(path).status_code == 403
        assert client.post(PATH, data={"pair": "0" * 16 + ":" + "0" * 16, "message": "x"}).status_code == 403
    page = look(office)
    assert "本周没有可以建议的引荐" in page.text and ticked(page) == []


def test_what_is_proposed_is_noted_as_shown(office: Office, crowd: tuple[Party, Party, list[str]]) -> None:
    pairs = {tuple(value.split(":")) for value in ticked(look(office))}
    with office.database.session() as session:
        rows = session.exec(select(Decision).where(Decision.kind == DecisionKind.SHOWN)).all()
    assert {(row.need_id, row.capability_id) for row in rows} == pairs and len(pairs) == 4
    assert all(row.ranker and row.position and row.side == "broker" for row in rows)


def test_the_cap_spreads_and_its_cost_is_shown(office: Office, crowd: tuple[Party, Party, list[str]]) -> None:
    with office.database.session() as session:
        free = assignment.plan(session, office.broker.viewer, cap=20)
        capped = assignment.plan(session, office.broker.viewer, cap=2)
    assert len(free.rows) == len(capped.rows) == 4
    got = [row.capability.organisation_name for row in free.rows]
    assert got == [got[0]] * 4 and free.most == (got[0], 4), "without a cap one gets everything"
    assert sorted(str(row.capability.organisation_name) for row in capped.rows) == [
        *["示例·大公司"] * 2,
        *["示例·小公司"] * 2,
    ]
    assert capped.expected == pytest.approx(sum(row.pair.probability for row in capped.rows))
    assert capped.uncapped == pytest.approx(free.expected) and capped.cost == pytest.approx(
        free.expected - capped.expected
    )
    assert capped.cost > 0 and sum(row.is_second for row in capped.rows) == 2
    page = look(office, "?cap=2")
    assert len(ticked(page)) == 4 and "改荐" in page.text
    assert f"{capped.expected:.1f}" in page["main"].text
    assert page["cap"].attributes["value"] == "2"
    assert look(office, "?cap=x&per_need=-1")["cap"].attributes["value"] == "3"


def test_what_the_cap_leaves_out_is_named(office: Office, crowd: tuple[Party, Party, list[str]]) -> None:
    page = look(office, "?cap=1")
    assert len(ticked(page)) == 2 and "因上限本周暂不引荐的需求" in page.text


def test_ticked_pairs_are_introduced_in_one_go(office: Office, crowd: tuple[Party, Party, list[str]]) -> None:
    page = look(office, "?cap=2")
    chosen = ticked(page)[:3]
    assert "发出后只能逐项撤回" in page.text
    data: dict[str, str | list[str]] = {"pair": chosen, "message": "请双方一谈。", "cap": "2", "per_need": "1"}
    for _twice in range(2):
        answer = office.client.post(PATH, data=data)
        assert answer.status_code == 303
    location = answer.headers["location"]
    assert parse_qs(urlsplit(location).query)["pair"] == chosen
    with office.database.session() as session:
        rows = session.exec(select(Introduction)).all()
        assert {f"{r.need_id}:{r.capability_id}" for r in rows} == set(chosen) and len(rows) == 3
        for row in rows:
            assert row.status is IntroductionStatus.PROPOSED and row.message == "请双方一谈。"
            assert row.ranker and row.position and row.grade == "strong" and row.probability
        assert {b.user_id for b in session.exec(select(CaseBroker)).all()} == {office.broker.user.id}
        decided = session.exec(select(Decision).where(Decision.kind == DecisionKind.PROPOSED)).all()
        assert len(decided) == 3 and all(d.ranker and d.position for d in decided)
    page = read(office.client.get(location).text)
    assert "所选 3 项中，3 项已在引荐中" in page.text
    assert {f"/introductions/{row.id}" for row in rows} <= set(page.links)
    left = ticked(look(office, "?cap=2"))
    assert len(left) == 1 and not set(left) & set(chosen), "who has a case is not proposed once more"


def test_what_was_proposed_this_week_counts_against_the_cap(
    office: Office, crowd: tuple[Party, Party, list[str]]
) -> None:
    chosen = ticked(look(office, "?cap=2"))
    office.client.post(PATH, data={"pair": chosen, "message": "请双方一谈。"})
    office.strong_need("房间隔穿刺针 4")
    office.match()
    assert ticked(look(office, "?cap=2")) == []
    assert len(ticked(look(office, "?cap=3"))) == 1


def test_one_that_cannot_be_made_keeps_none_of_the_others(
    office: Office, make: Factory, crowd: tuple[Party, Party, list[str]]
) -> None:
    _big, small, _needs = crowd
    chosen = ticked(look(office, "?cap=2"))
    with office.database.session(write=True) as session:
        row = session.exec(select(Capability).where(Capability.organisation_id == small.organisation.id)).one()
        capabilities.act(session, small.viewer, row.id, "withdraw")
    elsewhere = make.need(make.hospital(region=JIADING))
    there = make.capability(make.party(region=JIADING))
    sent = [*chosen, f"{elsewhere.id}:{there.id}", "0" * 16 + ":" + "0" * 16, "nonsense"]
    answer = office.client.post(PATH, data={"pair": sent, "message": "请双方一谈。"})
    page = read(office.client.get(answer.headers["location"]).text)
    assert "所选 6 项中，2 项已在引荐中" in page.text
    assert "须均在公开状态" in page.text and "没有进行这项操作的权限" in page.text and "没有找到" in page.text
    with office.database.session() as session:
        assert len(session.exec(select(Introduction)).all()) == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"message": "请双方一谈。"}, "请至少勾选一项引荐"),
        ({"pair": "nonsense", "message": "请双方一谈。"}, "请至少勾选一项引荐"),
        ({"pair": "PAIR", "message": ""}, "请填写引荐说明"),
        ({"pair": "PAIR", "message": "长" * 1001}, "最多 1,000 个字"),
        ({"pair": [f"{n:016x}:{n:016x}" for n in range(51)], "message": "请双方一谈。"}, "一次最多引荐 50 项"),
    ],
)
def test_what_is_missing_is_said_and_nothing_typed_is_lost(
    office: Office, crowd: tuple[Party, Party, list[str]], data: dict[str, str | list[str]], message: str
) -> None:
    first = ticked(look(office, "?cap=2"))[0]
    sent = {name: first if value == "PAIR" else value for name, value in data.items()}
    answer = office.client.post(PATH, data={**sent, "cap": "2", "per_need": "1"})
    assert answer.status_code == 422 and message in answer.text
    page = read(answer.text)
    assert page.fields["message"] == data["message"] and page["cap"].attributes["value"] == "2"
    marked = [
        e.attributes["value"] for e in page.all("input") if "checked" in e.attributes and e.attributes["name"] == "pair"
    ]
    assert marked == ([first] if data.get("pair") == "PAIR" else [])
    with office.database.session() as session:
        assert session.exec(select(Introduction)).all() == []


def test_an_anonymous_capability_elsewhere_is_not_grouped_by_whose_it_is(office: Office, make: Factory) -> None:
    """Two anonymous texts of one organisation would be known as such if they shared a cap."""
    hidden = make.party(region=JIADING, name="示例·不愿具名公司")
    for number in range(2):
        office.strong_need(f"房间隔穿刺针 {number}")
        make.capability(hidden, f"房间隔穿刺针 {number}", summary=WORDS, anonymous=True)
    office.match()
    page = look(office, "?cap=1")
    assert len(ticked(page)) == 2 and "示例·不愿具名公司" not in page.text
