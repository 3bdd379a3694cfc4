"""Registering an organisation, what a page says to bad input, and asking for membership of one that exists."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.accounts.models import User
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database
from backend.mailer import Mail
from backend.organisations import service
from backend.organisations.models import MemberRole, Membership, MembershipRequest, Organisation, OrganisationKind
from backend.organisations.registration import WAITING_AT_ONCE
from backend.organisations.states import OrganisationStatus
from backend.personal import service as personal
from tests.conftest import SignIn
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.unit.test_credit_code import code
from tests.web.mails import links, mails, path, text, to
from tests.web.pages import read

NAME = "上海示例医疗器械有限公司"


@pytest.fixture
def person(make: Factory) -> Party:
    """A user without an organisation."""
    return make.somebody()


@pytest.fixture
def registrant(person: Party, sign_in: SignIn) -> TestClient:
    """The same, signed in."""
    return sign_in(person)


def form(client: TestClient, **values: str) -> dict[str, str]:
    """The form as a browser sends it, filled in."""
    fields = {name: str(value) for name, value in read(client.get("/organisations/new").text).fields.items()}
    return {
        **fields,
        "name": NAME,
        "credit_code": code(1),
        "kind": "enterprise",
        "region": PUTUO,
        "contact_name": "测试联系人",
        "contact_phone": "021-0000 0000 转 12",
        "contact_email": "contact@test.example",
        "summary": "做可调弯穿刺系统。",
        **values,
    }


def stored(database: Database) -> list[Organisation]:
    """All organisations that somebody registered."""
    with database.session() as session:
        return list(session.exec(select(Organisation).where(Organisation.contact_name != "")).all())


def test_a_visitor_signs_in_first(client: TestClient) -> None:
    for url in ("/organisations/new", "/organisations", "/organisations/waiting"):
        assert client.get(url).headers["location"] == f"/sign-in?next={url}"


def test_a_registered_organisation_waits_and_its_registrant_owns_it(
    registrant: TestClient, person: Party, database: Database
) -> None:
    typed = code(1).lower()
    answer = registrant.post(
        "/organisations", data=form(registrant, credit_code=f" {typed[:2]} {typed[2:8]} {typed[8:]}")
    )
    (organisation,) = stored(database)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/organisations/{organisation.id}")
    assert (organisation.name, organisation.credit_code) == (NAME, code(1))
    assert (organisation.kind, organisation.region) == (OrganisationKind.ENTERPRISE, PUTUO)
    assert (organisation.status, organisation.verified_at) == (OrganisationStatus.WAITING, None)
    page = read(registrant.get(answer.headers["location"]).text)
    assert "待核验" in page["main"].text and "等待普陀区主管部门核验" in page["main"].text
    assert "021-0000 0000 转 12" in page["main"].text
    with database.session() as session:
        membership = session.exec(select(Membership).where(Membership.user_id == person.user.id)).one()
        assert (membership.organisation_id, membership.role) == (organisation.id, MemberRole.OWNER)
        events = session.exec(select(AuditEvent.event).where(AuditEvent.subject_id == organisation.id)).all()
        assert events == ["organisation:create"]
    assert NAME in read(registrant.get("/organisations").text)["main"].text


def test_the_brokers_of_the_region_are_told_by_mail(
    registrant: TestClient, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    near, far, admin = make.broker(PUTUO), make.broker(JIADING), make.somebody(is_admin=True)
    registrant.post("/organisations", data=form(registrant))
    found = mails(database, settings)
    assert [mail["To"] for mail in found] == [near.user.email]
    assert f"医桥：{NAME}等待核验" in found[0]["Subject"]
    (chinese, english) = links(text(found[0]))
    assert chinese == english
    assert sign_in(near).get(path(chinese)).status_code == 200
    assert to(found, far.user.email) == to(found, admin.user.email) == []


@pytest.mark.parametrize("values", [{"kind": "agency", "jurisdiction": PUTUO}, {"region": JIADING}])
def test_without_a_broker_and_for_an_agency_the_administrators_are_told(
    values: dict[str, str], registrant: TestClient, make: Factory, database: Database, settings: Settings
) -> None:
    make.broker(PUTUO)
    admin = make.somebody(is_admin=True)
    registrant.post("/organisations", data=form(registrant, **values))
    assert [mail["To"] for mail in mails(database, settings)] == [admin.user.email]


def test_a_form_that_is_sent_twice_makes_one_organisation(registrant: TestClient, database: Database) -> None:
    data = form(registrant)
    answers = [registrant.post("/organisations", data=data) for _time in range(2)]
    assert [a.status_code for a in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert len(stored(database)) == 1


def test_the_form_of_another_organisation_is_not_written_over(
    registrant: TestClient, make: Factory, database: Database
) -> None:
    taken = make.owner()
    answer = registrant.post("/organisations", data=form(registrant, organisation_id=taken.organisation.id))
    assert answer.status_code == 403
    unverified = make.owner(verified=False)
    answer = registrant.post("/organisations", data=form(registrant, organisation_id=unverified.organisation.id))
    assert answer.status_code == 404
    assert stored(database) == []


NAMES_WITH_ADDRESSES = (
    "领奖请点 https://evil.example",
    "领奖请点evil.example",
    "WWW.evil",
    "ｅｖｉｌ．ｅｘａｍｐｌｅ",
    "领奖 evil.example/a",
    "请联系 a@evil",
)
WRONG = [
    ("name", "", "请填写单位全称。"),
    ("name", "名" * 101, "最多 100 个字，现有 101 个字，请删减。"),
    *(("name", name, "单位名称中不能含有网址、邮箱") for name in NAMES_WITH_ADDRESSES),
    ("credit_code", "", "请填写统一社会信用代码。"),
    ("credit_code", "9100", "统一社会信用代码共 18 位，现有 4 位"),
    ("credit_code", code(1)[:-1] + "O", "不用字母 I、O、S、V、Z"),
    ("credit_code", code(1)[:8] + "MA0000002" + code(1)[-1], "校验位不符"),
    ("kind", "", "请选择单位类型。"),
    ("kind", "bank", "请从列表中选择一项。"),
    ("region", "", "请选择所在地区"),
    ("region", "999999", "请从列表中选择一项。"),
    ("contact_name", " ", "请填写联系人姓名。"),
    ("contact_phone", "请来电", "电话格式不正确"),
    ("contact_email", "nobody", "邮箱格式不正确"),
    ("contact_email", "a b@test.example", "邮箱格式不正确"),
    ("summary", "字" * 4001, "最多 4,000 个字"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_bad_input_is_answered_beside_the_field_and_nothing_is_lost(
    field: str, value: str, message: str, registrant: TestClient, database: Database
) -> None:
    data = form(registrant, **{field: value})
    answer = registrant.post("/organisations", data=data)
    assert answer.status_code == 422
    page = read(answer.text)
    assert message in page.error(field)
    kept = page.fields
    assert {name: kept[name] for name in data if name != field} == {n: v for n, v in data.items() if n != field}
    assert stored(database) == []


@pytest.mark.parametrize("name", NAMES_WITH_ADDRESSES)
def test_a_name_gets_no_address_by_editing_either(
    name: str, registrant: TestClient, make: Factory, sign_in: SignIn, database: Database
) -> None:
    registrant.post("/organisations", data=form(registrant))
    url = f"/organisations/{stored(database)[0].id}/edit"
    fields = {field: str(value) for field, value in read(registrant.get(url).text).fields.items()}
    answer = registrant.post(url, data={**fields, "name": name, "summary": "改过的简介"})
    assert answer.status_code == 422
    page = read(answer.text)
    assert "单位名称中不能含有网址、邮箱" in page.error("name")
    assert (page.fields["name"], page.fields["summary"]) == (name, "改过的简介")
    assert stored(database)[0].name == NAME


def test_a_name_that_was_verified_as_it_is_does_not_keep_its_owner_from_editing(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    """Those of a list of the operator: a broker has looked at it."""
    owner = make.owner(name="示例医院/示例中心", code=code(3))
    client, url = sign_in(owner), f"/organisations/{owner.organisation.id}/edit"
    fields = {field: str(value) for field, value in read(client.get(url).text).fields.items()}
    contact = {"contact_name": "甲", "contact_phone": "021-0000 0000", "contact_email": "a@test.example"}
    assert client.post(url, data={**fields, **contact}).status_code == 303
    answer = client.post(url, data={**fields, **contact, "name": "示例医院/另一中心"})
    assert "单位名称中不能含有网址、邮箱" in read(answer.text).error("name")


def test_a_jurisdiction_is_one_of_an_agency_alone(registrant: TestClient, database: Database) -> None:
    registrant.post("/organisations", data=form(registrant, jurisdiction=PUTUO))
    assert stored(database)[0].jurisdiction is None


def test_few_may_wait_at_a_time(registrant: TestClient, database: Database) -> None:
    for number in range(WAITING_AT_ONCE + 1):
        answer = registrant.post(
            "/organisations", data=form(registrant, name=f"示例公司{number}号", credit_code=code(number))
        )
    assert answer.status_code == 409
    assert "等待核验" in read(answer.text)["main"].text
    assert len(stored(database)) == WAITING_AT_ONCE


class TestOneThatExists:
    """The page says that it exists, not who is behind it, and leads to a request."""

    @pytest.mark.parametrize("verified", [True, False])
    @pytest.mark.parametrize("by", ["credit_code", "name"])
    def test_is_asked_for_membership_without_being_told_of(
        self,
        by: str,
        verified: bool,
        registrant: TestClient,
        person: Party,
        make: Factory,
        sign_in: SignIn,
        database: Database,
        settings: Settings,
    ) -> None:
        owner = make.owner(verified=verified, name="示例（上海）公司", code=code(1))
        typed = {"name": "别的名称"} if by == "credit_code" else {"name": " 示例(上海) 公司", "credit_code": code(2)}
        answer = registrant.post("/organisations", data=form(registrant, **typed))
        assert answer.status_code == 422
        page = read(answer.text)
        assert "已有单位登记" in page.error(by)
        for secret in (owner.organisation.id, owner.user.email, *(["示例（上海）公司"] if by == "credit_code" else [])):
            assert secret not in answer.text
        join = {"name": typed["name"], "credit_code": typed.get("credit_code", code(1)), "message": "设备科工程师"}
        for _time in range(2):
            answer = registrant.post("/organisations/join", data=join)
            assert (answer.status_code, answer.headers["location"]) == (303, "/organisations")
        mine = read(registrant.get("/organisations").text)["main"].text
        assert ("示例（上海）公司" in mine) == verified
        (mail,) = mails(database, settings)
        assert mail["To"] == owner.user.email
        assert person.user.email in text(mail) and "设备科工程师" not in text(mail)
        owners = sign_in(owner)
        members = read(owners.get(path(links(text(mail))[0])).text)
        assert "设备科工程师" in members["main"].text
        accept = next(e.attributes["action"] for e in members.all("form") if "accept" in e.attributes.get("action", ""))
        assert owners.post(accept, data={"role": "viewer"}).status_code == 303
        assert owners.post(accept, data={"role": "owner"}).status_code == 303
        with database.session() as session:
            query = select(Membership).where(Membership.user_id == person.user.id)
            assert session.exec(query).one().role is MemberRole.VIEWER
        answered = to(mails(database, settings), person.user.email)
        assert len(answered) == 1 and "查看成员" in text(answered[0])
        again = registrant.post("/organisations/join", data=join)
        assert again.headers["location"] == f"/organisations/{owner.organisation.id}"

    def test_may_refuse(
        self,
        registrant: TestClient,
        person: Party,
        make: Factory,
        sign_in: SignIn,
        database: Database,
        settings: Settings,
    ) -> None:
        owner = make.owner(name="示例公司", verified=False)
        registrant.post("/organisations/join", data={"name": "示例公司"})
        with database.session() as session:
            request = session.exec(select(MembershipRequest)).one()
        editor = sign_in(make.join(owner, MemberRole.EDITOR))
        url = f"/organisations/requests/{request.id}"
        assert editor.post(f"{url}/refuse").status_code == 403
        assert sign_in(make.party()).post(f"{url}/accept", data={"role": "editor"}).status_code == 404
        assert registrant.post(f"{url}/accept", data={"role": "owner"}).status_code == 404
        assert sign_in(owner).post(f"{url}/delete").status_code == 404
        assert sign_in(owner).post(f"{url}/accept", data={"role": "emperor"}).status_code == 404
        assert sign_in(owner).post(f"{url}/refuse").status_code == 303
        (mail,) = to(mails(database, settings), person.user.email)
        assert "未获同意" in text(mail)
        assert "示例公司" not in text(mail)
        assert registrant.get(f"/organisations/{owner.organisation.id}").status_code == 404
        with database.session() as session:
            events = session.exec(select(AuditEvent.event).where(AuditEvent.subject_id == owner.organisation.id)).all()
        assert events == ["organisation:member:request", "organisation:member:request-refuse"]

    def test_of_a_list_without_members_is_answered_by_the_broker(
        self, registrant: TestClient, person: Party, make: Factory, sign_in: SignIn, database: Database
    ) -> None:
        with database.session(write=True) as session:
            listed = service.create_organisation(
                session, name="示例医院", kind=OrganisationKind.HOSPITAL, region=PUTUO, verified=True
            )
        member, broker, elsewhere = make.party(), make.broker(PUTUO), make.broker(JIADING)
        registrant.post("/organisations/join", data={"name": "示例医院"})
        with database.session() as session:
            request = session.exec(select(MembershipRequest)).one()
        url = f"/organisations/requests/{request.id}/accept"
        assert sign_in(member).post(url, data={"role": "editor"}).status_code == 403
        assert sign_in(elsewhere).post(url, data={"role": "owner"}).status_code == 403
        assert person.user.email not in sign_in(elsewhere).get("/organisations/waiting").text
        brokers = sign_in(broker)
        assert person.user.email in brokers.get("/organisations/waiting").text
        answer = brokers.post(url, data={"role": "owner"})
        assert answer.headers["location"] == "/organisations/waiting"
        assert person.user.email not in read(brokers.get("/organisations/waiting").text)["main"].text
        assert registrant.get(f"/organisations/{listed.id}/edit").status_code == 200

    @pytest.mark.parametrize("how", ["members without an owner", "closed account"])
    def test_that_has_had_members_and_has_no_owner_is_answered_by_an_administrator(
        self,
        how: str,
        registrant: TestClient,
        person: Party,
        make: Factory,
        sign_in: SignIn,
        database: Database,
    ) -> None:
        """Its drafts are read by no broker, who could let a friend in else."""
        broker, admin = make.broker(PUTUO), make.somebody(is_admin=True)
        if how == "closed account":
            party = make.somebody()
            sign_in(party).post("/organisations", data=form(sign_in(party), name="示例公司", credit_code=code(5)))
            with database.session(write=True) as session:
                user = session.get(User, party.user.id)
                assert user
                personal.delete_account(session, user, actor_id=None)
        else:
            make.party(name="示例公司")
        registrant.post("/organisations/join", data={"name": "示例公司"})
        with database.session() as session:
            asked = select(Mail.recipient).where(Mail.event == "member-requested")
            assert session.exec(asked).all() == [admin.user.email]
            request = session.exec(select(MembershipRequest)).one()
        url = f"/organisations/requests/{request.id}/accept"
        brokers, admins = sign_in(broker), sign_in(admin)
        assert person.user.email not in brokers.get("/organisations/waiting").text
        refused = brokers.post(url, data={"role": "owner"})
        assert refused.status_code == 403 and "平台管理员" in read(refused.text)["main"].text
        assert person.user.email in admins.get("/organisations/waiting").text
        assert admins.post(url, data={"role": "owner"}).headers["location"] == "/organisations/waiting"
        assert person.user.email not in read(admins.get("/organisations/waiting").text)["main"].text

    def test_what_nobody_registered_cannot_be_joined(self, registrant: TestClient) -> None:
        answer = registrant.post("/organisations/join", data={"name": "没有这家公司"})
        assert answer.status_code == 404
        assert "没有找到这个名称或代码的单位" in read(answer.text)["main"].text

    def test_few_requests_wait_at_a_time(self, registrant: TestClient, make: Factory) -> None:
        answers = []
        for number in range(6):
            make.owner(name=f"示例公司{number}")
            answers.append(registrant.post("/organisations/join", data={"name": f"示例公司{number}"}).status_code)
        assert answers == [303] * 5 + [409]
