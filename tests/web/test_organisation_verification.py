"""Verification: who may decide, what owners learn, and when an organisation waits again."""

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import Audience
from backend.organisations.models import MemberRole, Organisation, OrganisationKind
from backend.organisations.states import OrganisationStatus
from tests.conftest import SignIn
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.unit.test_credit_code import code
from tests.web.mails import mails, text, to
from tests.web.pages import read

REASON = "名称与营业执照不一致，请填写全称。"
CONTACT = {"contact_name": "测试联系人", "contact_phone": "021-0000 0000", "contact_email": "contact@test.example"}


@pytest.fixture
def waiting(make: Factory) -> Party:
    """An enterprise that waits, and its owner."""
    return make.owner(verified=False, name="示例待核验公司", code=code(1))


def url(party: Party, action: str = "") -> str:
    """An address of the organisation."""
    return f"/organisations/{party.organisation.id}{action and '/' + action}"


def status(database: Database, party: Party) -> OrganisationStatus:
    """The status that is stored."""
    with database.session() as session:
        stored = session.get(Organisation, party.organisation.id)
        assert stored
        return stored.status


def seen(client: TestClient, party: Party) -> str:
    """What the form of the decision says was looked at."""
    return str(read(client.get(url(party)).text).fields["seen"])


def edit(client: TestClient, party: Party, **values: str) -> int:
    """Send the form of the profile with changes; returns the status."""
    fields = {name: str(v) for name, v in read(client.get(url(party, "edit")).text).fields.items()}
    return client.post(url(party, "edit"), data={**fields, **CONTACT, **values}).status_code


def test_a_broker_verifies_and_the_owners_are_told(
    waiting: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    make.join(waiting, MemberRole.EDITOR)
    broker = make.broker(PUTUO)
    client = sign_in(broker)
    assert "/organisations/waiting" in read(client.get("/").text).links
    page = read(client.get("/organisations/waiting").text)
    assert url(waiting) in page.links
    answer = client.post(url(waiting, "verify"), data={"seen": seen(client, waiting)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/organisations/waiting")
    assert status(database, waiting) is OrganisationStatus.VERIFIED
    assert url(waiting) not in read(client.get("/organisations/waiting").text).links
    (mail,) = mails(database, settings)
    assert mail["To"] == waiting.user.email
    assert "已通过核验" in text(mail) and "has been verified" in text(mail)
    assert make.again(waiting).viewer.is_verified_member
    with database.session() as session:
        query = select(AuditEvent).where(AuditEvent.subject_id == waiting.organisation.id)
        assert [(e.event, e.actor_id) for e in session.exec(query)] == [("organisation:verify", broker.user.id)]
    assert client.post(url(waiting, "verify"), data={"seen": ""}).status_code == 409


def test_a_refusal_says_why_and_correcting_asks_again(
    waiting: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    broker, owner = make.broker(PUTUO), sign_in(waiting)
    brokers = sign_in(broker)
    answer = brokers.post(url(waiting, "refuse"), data={"seen": seen(brokers, waiting), "reason": REASON})
    assert answer.status_code == 303
    assert status(database, waiting) is OrganisationStatus.REFUSED
    (mail,) = mails(database, settings)
    assert mail["To"] == waiting.user.email
    assert REASON in text(mail)
    page = read(owner.get(url(waiting)).text)
    assert REASON in page["main"].text
    assert url(waiting, "edit") in page.links
    assert brokers.post(url(waiting, "verify"), data={"seen": ""}).status_code == 409
    assert edit(owner, waiting, name="示例待核验有限公司") == 303
    assert status(database, waiting) is OrganisationStatus.WAITING
    assert to(mails(database, settings), broker.user.email)
    assert "示例待核验有限公司" in read(brokers.get("/organisations/waiting").text)["main"].text
    brokers.post(url(waiting, "verify"), data={"seen": seen(brokers, waiting)})
    assert status(database, waiting) is OrganisationStatus.VERIFIED
    assert REASON not in owner.get(url(waiting)).text


def test_a_refusal_without_a_reason_is_not_taken(
    waiting: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    client = sign_in(make.broker(PUTUO))
    answer = client.post(url(waiting, "refuse"), data={"seen": seen(client, waiting), "reason": "  "})
    assert answer.status_code == 422
    assert "请写明原因" in read(answer.text).error("reason")
    assert status(database, waiting) is OrganisationStatus.WAITING


def test_nobody_verifies_what_he_has_not_read(
    waiting: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    client = sign_in(make.broker(PUTUO))
    before = seen(client, waiting)
    assert edit(sign_in(waiting), waiting, name="换了名称的示例公司") == 303
    for action in ("verify", "refuse"):
        answer = client.post(url(waiting, action), data={"seen": before, "reason": REASON})
        assert answer.status_code == 409
        assert "刚刚修改了登记信息" in read(answer.text)["main"].text
    assert status(database, waiting) is OrganisationStatus.WAITING


def test_others_decide_nothing_and_see_nothing(
    waiting: Party, make: Factory, sign_in: SignIn, client: TestClient, database: Database
) -> None:
    reader = make.party(OrganisationKind.AGENCY, role=MemberRole.VIEWER, jurisdiction=PUTUO)
    data = {"seen": "", "reason": REASON}
    for party, expected in (
        (make.broker(JIADING), 404),
        (make.party(), 404),
        (make.owner(verified=False), 404),
        (waiting, 403),
        (reader, 403),
    ):
        others = sign_in(party)
        assert (others.get(url(waiting)).status_code == 200) == (expected == 403)
        assert others.get(url(waiting, "merge")).status_code == expected
        for action in ("verify", "refuse", "merge"):
            assert others.post(url(waiting, action), data=data).status_code == expected
    for path in ("", "/needs", "/capabilities"):
        assert client.get(url(waiting) + path).status_code == 404
        assert sign_in(make.party()).get(url(waiting) + path).status_code == 404
    assert sign_in(make.party()).get("/organisations/waiting").status_code == 403
    assert sign_in(reader).get("/organisations/waiting").status_code == 403
    assert status(database, waiting) is OrganisationStatus.WAITING


def test_an_agency_is_verified_by_an_administrator_alone(make: Factory, sign_in: SignIn, database: Database) -> None:
    agency = make.party(OrganisationKind.AGENCY, role=MemberRole.OWNER, verified=False, jurisdiction=PUTUO)
    assert not agency.viewer.is_broker
    brokers, admins = sign_in(make.broker(PUTUO)), sign_in(make.somebody(is_admin=True))
    assert url(agency) not in read(brokers.get("/organisations/waiting").text).links
    assert brokers.post(url(agency, "verify"), data={"seen": ""}).status_code == 403
    assert url(agency) in read(admins.get("/organisations/waiting").text).links
    assert admins.post(url(agency, "verify"), data={"seen": seen(admins, agency)}).status_code == 303
    assert make.again(agency).viewer.is_broker


def test_a_broker_does_not_verify_an_organisation_of_his_own(
    waiting: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    from backend.organisations import service

    broker = make.broker(PUTUO)
    with database.session(write=True) as session:
        service.add_member(session, broker.user.id, waiting.organisation.id, MemberRole.EDITOR)
    client = sign_in(broker)
    assert client.post(url(waiting, "verify"), data={"seen": ""}).status_code == 403
    assert url(waiting) not in client.get("/organisations/waiting").text.partition("<main")[2]


@pytest.mark.parametrize(
    "change",
    [{"name": "示例新名称公司"}, {"credit_code": code(2)}, {"kind": "platform"}, {"region": JIADING}],
)
def test_a_verified_organisation_that_becomes_another_one_waits_again(
    change: dict[str, str], make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    """Its published texts stay, under the name that was verified."""
    owner = make.owner(name="示例原名公司", code=code(1))
    make.capability(owner, "可调弯穿刺针", audience=Audience.PUBLIC)
    broker = make.broker(change.get("region", PUTUO))
    reader = sign_in(make.party())
    client = sign_in(owner)
    answer = edit(client, owner, **change)
    assert answer == 303
    assert "需重新核验" in read(client.get(url(owner)).text)["flash"].text
    assert status(database, owner) is OrganisationStatus.WAITING
    assert not make.again(owner).viewer.is_verified_member
    assert to(mails(database, settings), broker.user.email)
    results = read(reader.get("/search?q=穿刺针").text)
    assert "可调弯穿刺针" in results["main"].text
    assert "示例原名公司" in results["main"].text
    assert "示例新名称公司" not in results["main"].text
    assert url(owner) not in results.links
    assert reader.get(url(owner)).status_code == 404
    brokers = sign_in(broker)
    brokers.post(url(owner, "verify"), data={"seen": seen(brokers, owner)})
    results = read(reader.get("/search?q=穿刺针").text)
    assert url(owner) in results.links
    assert change.get("name", "示例原名公司") in results["main"].text


def test_summary_and_contact_change_without_another_verification(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    owner = make.owner(code=code(1))
    client = sign_in(owner)
    assert edit(client, owner, summary="新的简介") == 303
    assert "单位信息已保存" in read(client.get(url(owner)).text)["flash"].text
    assert status(database, owner) is OrganisationStatus.VERIFIED
    with database.session() as session:
        event = session.exec(select(AuditEvent).order_by(col(AuditEvent.id).desc())).first()
    assert event
    assert (event.event, event.actor_id) == ("organisation:edit", owner.user.id)
    assert event.detail == {"fields": "contact_email,contact_name,contact_phone,summary"}


def test_an_organisation_of_the_operators_list_may_stay_without_a_code(make: Factory, sign_in: SignIn) -> None:
    owner, coded = make.owner(), make.owner(code=code(1))
    assert edit(sign_in(owner), owner, summary="新的简介") == 303
    assert edit(sign_in(coded), coded, credit_code="") == 422


def test_a_name_or_code_of_another_organisation_is_refused(make: Factory, sign_in: SignIn) -> None:
    make.owner(name="示例甲公司", code=code(1))
    owner = make.owner(name="示例乙公司", code=code(2))
    client = sign_in(owner)
    fields = {name: str(v) for name, v in read(client.get(url(owner, "edit")).text).fields.items()}
    for field, value in (("name", "示例甲公司"), ("credit_code", code(1))):
        answer = client.post(url(owner, "edit"), data={**fields, **CONTACT, field: value})
        assert answer.status_code == 422
        page = read(answer.text)
        assert "已有单位登记" in page.error(field)
        assert page.fields[field] == value


def test_only_owners_edit(make: Factory, sign_in: SignIn) -> None:
    owner = make.owner()
    for party, expected in (
        (make.join(owner, MemberRole.EDITOR), 403),
        (make.join(owner, MemberRole.VIEWER), 403),
        (make.party(), 403),
        (make.broker(PUTUO), 403),
        (make.somebody(is_admin=True), 403),
    ):
        client = sign_in(party)
        assert client.get(url(owner, "edit")).status_code == expected
        assert client.post(url(owner, "edit"), data={}).status_code == expected


def test_the_contact_is_for_members_and_those_who_verify(make: Factory, sign_in: SignIn, client: TestClient) -> None:
    owner = make.owner(code=code(1))
    edit(sign_in(owner), owner, contact_phone="021-1234 5678")
    readers = [make.again(owner), make.join(owner, MemberRole.VIEWER), make.broker(PUTUO)]
    for party in readers:
        assert "021-1234 5678" in sign_in(party).get(url(owner)).text
    for stranger in (make.party(), make.broker(JIADING), make.somebody(is_admin=True)):
        answer = sign_in(stranger).get(url(owner))
        assert answer.status_code == 200
        assert "021-1234 5678" not in answer.text
    assert "021-1234 5678" not in client.get(url(owner)).text
