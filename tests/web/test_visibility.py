"""What the pages show to whom: tiers, audiences, anonymity, and the trail of what was read."""

from dataclasses import dataclass

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.capabilities.models import Capability
from backend.db import Database
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.needs.models import Need
from backend.organisations.models import OrganisationKind
from tests.conftest import SignIn
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.web.pages import read

HOSPITAL, COMPANY, DEPARTMENT = "示例·不愿具名医院", "示例·不愿具名企业", "不愿具名科室"
SUMMARY, PROBLEM, CONTACT = "摘要里的一句话。", "详情里的一句话。", "密件里的电话"


@dataclass(frozen=True)
class World:
    """An anonymous need and an anonymous capability that fit each other, members only."""

    hospital: Party
    company: Party
    need: Need
    capability: Capability

    @property
    def urls(self) -> list[str]:
        """Every address at which a trace of the authors could show."""
        found = ["/", "/search?q=穿刺", "/search?q=穿刺&side=need", "/search", "/search?side=need", "/needs"]
        for url in (f"/needs/{self.need.id}", f"/capabilities/{self.capability.id}"):
            found += [url, f"{url}/suggestions"]
        for party in (self.hospital, self.company):
            found += [f"/organisations/{party.organisation.id}/{feature}" for feature in ("needs", "capabilities")]
        return found


def build(make: Factory, audience: Audience = Audience.MEMBERS, *, anonymous: bool = True) -> World:
    """Both sides of a match."""
    hospital = make.party(OrganisationKind.HOSPITAL, name=HOSPITAL, department=DEPARTMENT)
    company = make.party(name=COMPANY)
    need = make.need(
        hospital,
        "穿刺针不能弯曲",
        audience=audience,
        anonymous=anonymous,
        summary=SUMMARY,
        problem=PROBLEM,
        contact=CONTACT,
        department_id=hospital.viewer.memberships[0].department_id or "",
        requirements=("要点里的一句话",),
    )
    capability = make.capability(
        company,
        "可调弯穿刺针",
        audience=audience,
        anonymous=anonymous,
        summary=SUMMARY,
        principle=PROBLEM,
        contact=CONTACT,
    )
    return World(hospital, company, need, capability)


@pytest.fixture
def world(make: Factory) -> World:
    """Anonymous and members only."""
    return build(make)


def test_an_anonymous_author_is_named_nowhere(world: World, sign_in: SignIn, make: Factory) -> None:
    """Neither name, nor id, nor department: on no page, in no title, link, field or header."""
    client = sign_in(make.party(region=JIADING))
    for url in world.urls:
        answer = client.get(url)
        assert answer.status_code == 200 or (answer.status_code == 404 and "suggestions" in url)
        own_page = url.startswith("/organisations/")
        text = read(answer.text)["main"].text if own_page else answer.text
        for party in (world.hospital, world.company):
            if not own_page:
                assert party.organisation.name not in text
                assert party.organisation.id not in f"{text}{answer.headers}"
            assert DEPARTMENT not in text
        if own_page:
            assert world.need.id not in answer.text
            assert world.capability.id not in answer.text
    detail = read(client.get(f"/needs/{world.need.id}").text)
    assert "匿名发布" in detail["main"].text
    assert detail.title == "穿刺针不能弯曲 - 医桥"


def test_a_visitor_learns_no_more_than_a_member(make: Factory, client: TestClient) -> None:
    world = build(make, Audience.PUBLIC)
    for url in [*world.urls[:5], f"/needs/{world.need.id}", f"/capabilities/{world.capability.id}"]:
        text = client.get(url).text
        assert HOSPITAL not in text
        assert COMPANY not in text


def test_suggestions_do_not_name_an_anonymous_answer(world: World, sign_in: SignIn) -> None:
    """The hospital looks at what fits its need: an enterprise that wants to stay unnamed."""
    client = sign_in(world.hospital)
    page = read(client.get(f"/needs/{world.need.id}/suggestions").text)
    assert f"/capabilities/{world.capability.id}" in page.links
    assert "匿名单位" in page.text
    assert COMPANY not in page.text
    assert f"/organisations/{world.company.organisation.id}" not in page.links


def test_colleagues_and_the_broker_of_the_district_see_the_name(world: World, sign_in: SignIn, make: Factory) -> None:
    for party in (world.hospital, make.broker()):
        text = read(sign_in(party).get(f"/needs/{world.need.id}").text)["main"].text
        assert HOSPITAL in text
        assert DEPARTMENT in text


def test_what_is_for_members_is_hidden_from_visitors(world: World, client: TestClient) -> None:
    for url in ("/", "/search", "/search?side=need", "/search?q=穿刺", "/search?q=穿刺&side=need"):
        text = client.get(url).text
        assert "穿刺针不能弯曲" not in text
        assert "可调弯穿刺针" not in text
    assert client.get(f"/needs/{world.need.id}").status_code == 404
    assert client.get(f"/capabilities/{world.capability.id}").status_code == 404


@pytest.mark.parametrize("feature", ["needs", "capabilities"])
def test_the_page_shows_the_tiers_of_the_table(
    feature: str, make: Factory, sign_in: SignIn, client: TestClient
) -> None:
    """Summary for all, details for the author and the broker of the district, contact for the author alone."""
    world = build(make, Audience.PUBLIC, anonymous=False)
    subject, author = (world.need, world.hospital) if feature == "needs" else (world.capability, world.company)
    seen = {
        "visitor": (client, (SUMMARY,)),
        "member": (sign_in(make.party()), (SUMMARY,)),
        "broker elsewhere": (sign_in(make.broker(JIADING)), (SUMMARY,)),
        "broker": (sign_in(make.broker()), (SUMMARY, PROBLEM)),
        "author": (sign_in(author), (SUMMARY, PROBLEM, CONTACT)),
    }
    for viewer, expected in seen.values():
        text = viewer.get(f"/{feature}/{subject.id}").text
        assert tuple(part for part in (SUMMARY, PROBLEM, CONTACT) if part in text) == expected
        assert ("详情需经授权查看" in text) is (PROBLEM not in expected)


def test_a_release_opens_the_brief_and_the_reading_is_written_down(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    world = build(make, anonymous=False)
    client = sign_in(world.company)
    url = f"/needs/{world.need.id}"
    assert PROBLEM not in client.get(url).text
    with database.session(write=True) as session:
        for tier in (Tier.BRIEF, Tier.ANNEX):
            session.add(
                Release(
                    subject_kind=SubjectKind.NEED,
                    subject_id=world.need.id,
                    tier=tier,
                    organisation_id=world.company.organisation.id,
                    version=1,
                )
            )
    text = client.get(url).text
    assert PROBLEM in text
    assert CONTACT in text
    sign_in(world.hospital).get(url)
    with database.session() as session:
        query = select(AuditEvent).where(col(AuditEvent.event).contains(":read")).order_by(col(AuditEvent.event))
        rows = session.exec(query).all()
    detail = {"version": 1, "organisation": world.company.organisation.id}
    assert [(row.event, row.actor_id, row.subject_id, row.detail) for row in rows] == [
        ("need:annex:read", world.company.user.id, world.need.id, detail),
        ("need:brief:read", world.company.user.id, world.need.id, detail),
    ]


def test_evidence_comes_from_what_the_viewer_may_read(make: Factory, sign_in: SignIn) -> None:
    """The hospital is quoted the teaser of a capability, never its brief; the broker of the district both."""
    hospital, company = make.hospital(), make.party()
    need = make.need(hospital, "射频能量 头端电极 穿刺", summary="射频能量 头端电极 穿刺 房间隔")
    teaser, brief = "射频穿刺房间隔用的器械。", "射频能量经头端电极释放，穿刺房间隔时不需推送。"
    make.capability(company, "射频穿刺针", summary=teaser, principle=brief)
    url = f"/needs/{need.id}/suggestions"
    found = [quoted(client.get(url).text) for client in (sign_in(hospital), sign_in(make.broker()))]
    assert found == [teaser, brief]


def quoted(answer: str) -> str:
    """The first sentence quoted as evidence: in the table of requirements, else by itself."""
    page = read(answer)
    return [*page.all("q"), *page.all("blockquote")][0].text.strip()


def test_a_broker_is_quoted_no_brief_of_another_district(make: Factory, sign_in: SignIn) -> None:
    """The page of that capability would not show its brief either."""
    need = make.need(make.hospital(), "射频能量 头端电极 穿刺", summary="射频能量 头端电极 穿刺 房间隔")
    teaser, brief = "射频穿刺房间隔用的器械。", "射频能量经头端电极释放，穿刺房间隔时不需推送。"
    make.capability(make.party(region=JIADING), "射频穿刺针", summary=teaser, principle=brief)
    answer = sign_in(make.broker(PUTUO)).get(f"/needs/{need.id}/suggestions").text
    assert quoted(answer) == teaser
    assert brief not in answer


def test_another_member_sees_only_how_the_own_offers_fit(make: Factory, sign_in: SignIn, client: TestClient) -> None:
    need = make.need(make.hospital(), audience=Audience.PUBLIC)
    mine, rival = make.party(), make.party()
    own, theirs = make.capability(mine, "可调弯穿刺针甲"), make.capability(rival, "可调弯穿刺针乙")
    url = f"/needs/{need.id}/suggestions"
    links = read(sign_in(mine).get(url).text).links
    assert f"/capabilities/{own.id}" in links
    assert f"/capabilities/{theirs.id}" not in links
    assert client.get(url).status_code == 404
    assert sign_in(make.party(verified=False)).get(url).status_code == 404


def test_suggestions_for_what_is_not_open_do_not_exist(make: Factory, sign_in: SignIn) -> None:
    hospital = make.hospital()
    need = make.need(hospital, publish=False)
    assert sign_in(hospital).get(f"/needs/{need.id}/suggestions").status_code == 404


def test_a_need_is_answered_by_fitting_kinds_alone(make: Factory, sign_in: SignIn) -> None:
    from backend.capabilities.models import CapabilityKind

    hospital, company = make.hospital(), make.party()
    need = make.need(hospital, "房间隔穿刺针")
    money = make.capability(company, "房间隔穿刺针专项基金", kind=CapabilityKind.CAPITAL)
    needle = make.capability(company, "房间隔穿刺针产品")
    links = read(sign_in(hospital).get(f"/needs/{need.id}/suggestions").text).links
    assert f"/capabilities/{needle.id}" in links
    assert f"/capabilities/{money.id}" not in links
