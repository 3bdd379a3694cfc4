"""Further parties of a case and two cities that share it, through the pages."""

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.db import Database
from backend.introductions.models import CaseBroker, CaseParty, Leg, PartyState, Side
from backend.organisations.models import MemberRole, Organisation, OrganisationKind
from backend.organisations.states import OrganisationStatus
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.unit.test_introductions import Scene
from tests.web.need_steps import page_of
from tests.web.pages import read
from tests.web.test_introductions import ACCEPTED

LAB = "示例·动物实验平台"


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


@pytest.fixture
def url(scene: Scene) -> str:
    """The page of a case that both sides have accepted."""
    return f"/introductions/{scene.introduced().id}"


@pytest.fixture
def broker(scene: Scene, sign_in: SignIn) -> TestClient:
    return sign_in(scene.broker)


@pytest.fixture
def lab(make: Factory) -> Party:
    return make.party(OrganisationKind.PLATFORM, name=LAB)


def partner_of(database: Database) -> CaseParty:
    with database.session() as session:
        return session.exec(select(CaseParty).where(CaseParty.side == Side.PARTNER)).one()


def brokers_of(database: Database) -> list[CaseBroker]:
    with database.session() as session:
        return list(session.exec(select(CaseBroker).order_by(col(CaseBroker.is_lead).desc())).all())


def test_a_partner_is_found_proposed_admitted_and_comes_in(
    url: str, broker: TestClient, scene: Scene, lab: Party, sign_in: SignIn, database: Database
) -> None:
    hospital, company, platform = sign_in(scene.hospital), sign_in(scene.company), sign_in(lab)
    found = page_of(broker, f"{url}?q=动物")
    offered = [
        e.attributes["value"] for e in found.all("input") if e.attributes.get("name") == "partner-organisation_id"
    ]
    assert offered == [lab.organisation.id]
    assert "partner-organisation_id" not in hospital.get(f"{url}?q=动物").text
    data = {"partner-q": "动物", "partner-organisation_id": lab.organisation.id, "partner-role": ""}
    answer = broker.post(f"{url}/parties", data=data)
    assert answer.status_code == 422 and read(answer.text).error("partner-role")
    assert lab.organisation.id in answer.text
    data["partner-role"] = "动物实验"
    assert hospital.post(f"{url}/parties", data=data).status_code == 403
    for _ in range(2):
        assert broker.post(f"{url}/parties", data=data).status_code == 303
    party = partner_of(database)
    assert party.state is PartyState.PROSPECT and platform.get(url).status_code == 404
    assert "请决定是否邀请" in page_of(hospital, url).text
    assert url in page_of(hospital, "/introductions?tab=waiting").links
    place = f"{url}/parties/{party.id}"
    assert company.post(f"{place}/admit").status_code == 403
    assert hospital.post(f"{place}/other").status_code == 404
    assert hospital.post(f"{url}/parties/{'0' * 16}/admit").status_code == 404
    for _ in range(2):
        assert hospital.post(f"{place}/admit").status_code == 303
    assert hospital.post(f"{place}/refuse").status_code == 409
    assert url in page_of(platform, "/introductions?tab=waiting").links
    answer = platform.post(f"{url}/accept", data={**ACCEPTED, "contact": ""})
    assert answer.status_code == 422 and read(answer.text).error("contact")
    assert platform.post(f"{url}/accept", data=ACCEPTED).status_code == 303
    assert scene.hospital.organisation.name in page_of(platform, url).text
    assert platform.get(f"{url}/undertaking.pdf").status_code == 200
    leave = {"decline-reason": "capacity", "decline-note": "动物房已满。"}
    for _ in range(2):
        assert platform.post(f"{url}/decline", data=leave).headers["location"] == "/introductions"
    assert platform.get(url).status_code == 404
    assert "动物房已满。" in page_of(broker, url).text and "动物房已满。" not in page_of(hospital, url).text


def test_a_partner_that_cannot_join_is_refused_beside_the_form(
    url: str, broker: TestClient, scene: Scene, make: Factory, lab: Party, sign_in: SignIn, database: Database
) -> None:
    unverified = make.party(verified=False)
    for organisation in (scene.company.organisation, unverified.organisation):
        data = {"partner-q": "动物", "partner-organisation_id": organisation.id, "partner-role": "中试"}
        answer = broker.post(f"{url}/parties", data=data)
        page = read(answer.text)
        assert answer.status_code == 422 and "已核验" in page["error-summary"].text
        assert page.fields["partner-role"] == "中试" and page.fields["partner-q"] == "动物"
    data["partner-organisation_id"] = lab.organisation.id
    assert broker.post(f"{url}/parties", data=data).status_code == 303
    place = f"{url}/parties/{partner_of(database).id}"
    assert sign_in(scene.hospital).post(f"{place}/refuse").status_code == 303
    assert partner_of(database).state is PartyState.DECLINED


def test_two_cities_share_a_case(
    url: str, broker: TestClient, scene: Scene, make: Factory, sign_in: SignIn, database: Database
) -> None:
    other = make.reviewer(JIADING)
    there, hospital = sign_in(other), sign_in(scene.hospital)
    data = {
        "shares-agency_id": other.organisation.id,
        "shares-my_leg": "research",
        "shares-my_share": "100",
        "shares-their_leg": "production",
    }
    answer = broker.post(f"{url}/brokers", data=data)
    page = read(answer.text)
    assert answer.status_code == 422 and page.error("shares-my_share")
    assert page.fields["shares-agency_id"] == other.organisation.id and page.fields["shares-my_share"] == "100"
    answer = broker.post(f"{url}/brokers", data={**data, "shares-my_share": "60", "shares-agency_id": "x"})
    assert answer.status_code == 422 and read(answer.text).error("shares-agency_id")
    data["shares-my_share"] = "60"
    assert hospital.post(f"{url}/brokers", data=data).status_code == 403
    assert there.post(f"{url}/brokers", data=data).status_code == 404
    for _ in range(2):
        assert broker.post(f"{url}/brokers", data=data).status_code == 303
    assert [(b.leg, b.share, b.agreed_at is None) for b in brokers_of(database)] == [
        (Leg.RESEARCH, 60, False),
        (Leg.PRODUCTION, 40, True),
    ]
    page = page_of(there, url)
    assert "请确认撮合分工" in page.text and url in page_of(there, "/introductions?tab=waiting").links
    assert "40%" in page.text and "40%" not in page_of(hospital, url).text
    form = {k: v for k, v in page.fields.items() if k.startswith("share-")}
    # The shares were changed while the page was open.
    assert broker.post(f"{url}/brokers", data={**data, "shares-my_share": "70"}).status_code == 303
    assert there.post(f"{url}/brokers/agree", data=form).status_code == 409
    assert there.post(f"{url}/brokers/agree", data={**form, "share-x": "x"}).status_code == 409
    form = {k: v for k, v in page_of(there, url).fields.items() if k.startswith("share-")}
    assert there.post(f"{url}/brokers/agree", data=form).status_code == 303
    assert all(b.agreed_at for b in brokers_of(database))
    second = brokers_of(database)[1]
    assert hospital.post(f"{url}/brokers/{second.id}/remove").status_code == 403
    assert there.post(f"{url}/brokers/{second.id}/remove").headers["location"] == "/introductions"
    assert there.get(url).status_code == 404
    assert [(b.leg, b.share) for b in brokers_of(database)] == [(Leg.WHOLE, 100)]


def test_a_case_is_handed_over_to_a_colleague(
    url: str, broker: TestClient, scene: Scene, make: Factory, sign_in: SignIn, database: Database
) -> None:
    colleague = make.join(scene.broker, MemberRole.EDITOR)
    stranger = make.reviewer(JIADING)
    for chosen in ("", stranger.user.id):
        answer = broker.post(f"{url}/hand-over", data={"hand-over-user_id": chosen})
        assert answer.status_code == 422 and read(answer.text).error("hand-over-user_id")
    assert sign_in(scene.hospital).post(f"{url}/hand-over", data={}).status_code == 403
    assert broker.post(f"{url}/hand-over", data={"hand-over-user_id": colleague.user.id}).status_code == 303
    assert brokers_of(database)[0].user_id == colleague.user.id
    assert "移交给同事" in page_of(broker, url).text


def test_what_nobody_looks_after_is_taken_over_by_a_button(
    url: str, broker: TestClient, scene: Scene, sign_in: SignIn, database: Database
) -> None:
    with database.session(write=True) as session:
        session.delete(session.exec(select(CaseBroker)).one())
    hospital = sign_in(scene.hospital)
    assert "由我负责撮合" not in page_of(hospital, url).text
    assert hospital.post(f"{url}/brokers/take").status_code == 403
    page = page_of(broker, url)
    assert "由我负责撮合" in page.text and "shares" not in page
    for _ in range(2):
        assert broker.post(f"{url}/brokers/take").status_code == 303
    [place] = brokers_of(database)
    assert place.is_lead and place.user_id == scene.broker.user.id
    page = page_of(broker, url)
    assert "由我负责撮合" not in page.text and "shares" in page and "负责撮合" in page["line"].text + page.text


def test_a_party_that_is_verified_anew_is_marked_for_brokers(
    broker: TestClient, scene: Scene, sign_in: SignIn, database: Database
) -> None:
    url = f"/introductions/{scene.propose().id}"
    company = sign_in(scene.company)
    assert company.get(url).status_code == 200 and "正在重新核验" not in broker.get(url).text
    with database.session(write=True) as session:
        found = session.get_one(Organisation, scene.company.organisation.id)
        found.status = OrganisationStatus.WAITING
        session.add(found)
    assert company.get(url).status_code == 404
    assert company.post(f"{url}/accept", data=ACCEPTED).status_code == 404
    assert "正在重新核验" in broker.get(url).text
    assert "正在重新核验" not in sign_in(scene.hospital).get(url).text
