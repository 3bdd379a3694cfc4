"""Members: invitations, roles, departments, leaving and handing over."""

from datetime import timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.accounts.models import User
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database, utc_now
from backend.mailer import Mail
from backend.organisations.invitations import A_DAY_UNVERIFIED
from backend.organisations.models import (
    Department,
    Invitation,
    MemberRole,
    Membership,
    Organisation,
    OrganisationKind,
)
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, Party
from tests.web.mails import links, mails, path, text, to
from tests.web.pages import read

INVITED = "invited@test.example"


@pytest.fixture
def owner(make: Factory) -> Party:
    """An enterprise and its owner."""
    return make.owner(name="示例邀请公司")


def url(party: Party, *parts: str) -> str:
    """An address below the organisation."""
    return "/".join([f"/organisations/{party.organisation.id}", *parts])


def invite(client: TestClient, party: Party, email: str = INVITED, role: str = "editor") -> tuple[int, str]:
    """Send the form of the members page; returns status and page."""
    fields = {name: str(v) for name, v in read(client.get(url(party, "members")).text).fields.items()}
    answer = client.post(url(party, "members"), data={**fields, "email": email, "role": role})
    return answer.status_code, answer.text


def link(database: Database, settings: Settings, email: str = INVITED) -> str:
    """The path of the newest invitation."""
    (found, *_same) = links(text(to(mails(database, settings), email)[-1]))
    return path(found)


def token(address: str) -> str:
    """The token in the path of an invitation."""
    return address.partition("token=")[2]


def role_of(database: Database, party: Party, user_id: str) -> MemberRole | None:
    """The stored role."""
    with database.session() as session:
        query = select(Membership).where(
            Membership.user_id == user_id, Membership.organisation_id == party.organisation.id
        )
        found = session.exec(query).first()
        return found.role if found else None


def events(database: Database, party: Party) -> list[str]:
    """The trail of the organisation."""
    with database.session() as session:
        query = select(AuditEvent).where(AuditEvent.subject_id == party.organisation.id)
        return [row.event.removeprefix("organisation:") for row in session.exec(query)]


class TestInvitation:
    def test_leads_from_the_mail_over_signing_in_to_a_membership(
        self,
        owner: Party,
        make: Factory,
        sign_in: SignIn,
        client: TestClient,
        database: Database,
        settings: Settings,
    ) -> None:
        assert invite(sign_in(owner), owner)[0] == 303
        address = link(database, settings)
        page = read(client.get(address).text)
        assert "测试账号邀请您加入示例邀请公司，角色为编辑成员" in page["main"].text
        assert {"/sign-in?next=/invitation", "/register?next=/invitation"} <= set(page.links)
        assert token(address) not in client.get(address).text
        assert client.post("/invitation", data={"token": token(address)}).status_code == 303
        person = make.somebody(email=INVITED)
        invited = sign_in(person)
        for _look in range(2):
            assert "接受邀请" in invited.get(address).text
        assert role_of(database, owner, person.user.id) is None
        answer = invited.post("/invitation", data={"token": token(address)})
        assert (answer.status_code, answer.headers["location"]) == (303, url(owner))
        assert role_of(database, owner, person.user.id) is MemberRole.EDITOR
        (told,) = to(mails(database, settings), owner.user.email)
        assert "已加入示例邀请公司" in text(told)
        assert events(database, owner) == ["member:invite", "member:join"]
        assert invited.post("/invitation", data={"token": token(address)}).status_code == 303
        assert invited.get(address).status_code == 410

    def test_leads_somebody_without_an_account_over_registration(
        self, owner: Party, sign_in: SignIn, client: TestClient, database: Database, settings: Settings
    ) -> None:
        password = "a-password-of-the-invited"
        invite(sign_in(owner), owner)
        start = read(client.get(link(database, settings)).text)
        form = read(client.get(next(url for url in start.links if url.startswith("/register"))).text).fields
        filled = {**form, "name": "受邀同事", "email": INVITED, "password": password}
        assert client.post("/register", data=filled).status_code == 303
        confirm = read(client.get(link(database, settings)).text).fields
        confirmed = client.post("/confirm", data={**confirm, "password": password})
        assert confirmed.headers["location"] == "/invitation"
        page = read(client.get("/invitation").text)
        assert "接受邀请" in page["main"].text
        assert client.post("/invitation", data=page.fields).headers["location"] == url(owner)
        assert "示例邀请公司" in read(client.get("/organisations").text)["main"].text

    def test_is_found_after_signing_in_without_its_token(
        self,
        owner: Party,
        make: Factory,
        sign_in: SignIn,
        client: TestClient,
        database: Database,
        settings: Settings,
    ) -> None:
        """The token would stand in the address of the sign-in page, in the history, and in a proxy's log."""
        invite(sign_in(owner), owner)
        secret, person = token(link(database, settings)), make.somebody(email=INVITED)
        seen = client.get("/invitation", params={"token": secret})
        ways = [way for way in read(seen.text).links if "next=" in way]
        data = {"email": INVITED, "password": PASSWORD}
        for way in ways:
            asked = client.get(way).text
            data["next"] = str(read(asked).fields["next"])
            assert secret not in asked and data["next"] == "/invitation"
        answer = client.post("/sign-in", data=data)
        assert (len(ways), answer.status_code, answer.headers["location"]) == (2, 303, "/invitation")
        page = read(client.get("/invitation").text)
        assert "邀请您加入示例邀请公司，角色为编辑成员" in page["main"].text
        for _time in range(2):
            assert client.post("/invitation", data=page.fields).headers["location"] == url(owner)
        assert role_of(database, owner, person.user.id) is MemberRole.EDITOR
        assert "没有发给 invited@test.example 的有效邀请" in client.get("/invitation").text

    def test_asks_a_visitor_without_its_link_to_sign_in(self, client: TestClient) -> None:
        answer = client.get("/invitation")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/invitation")

    @pytest.mark.parametrize("how", ["other address", "withdrawn", "expired", "made up"])
    def test_opens_nothing_by_its_number_to_others_or_when_it_is_over(
        self, how: str, owner: Party, make: Factory, sign_in: SignIn, database: Database
    ) -> None:
        invite(sign_in(owner), owner)
        person = make.somebody(email=None if how == "other address" else INVITED)
        with database.session(write=True) as session:
            stored = session.exec(select(Invitation)).one()
            if how == "withdrawn":
                stored.withdrawn_at = utc_now()
            if how == "expired":
                stored.expires_at = utc_now() - timedelta(seconds=1)
            session.add(stored)
        client = sign_in(person)
        if how != "made up":
            assert "有效邀请" in client.get("/invitation").text
        number = "0" * 16 if how == "made up" else stored.id
        assert client.post("/invitation", data={"invitation_id": number}).status_code == 410
        assert role_of(database, owner, person.user.id) is None

    def test_is_for_the_address_that_it_was_sent_to(
        self, owner: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
    ) -> None:
        invite(sign_in(owner), owner)
        address, other = link(database, settings), make.somebody()
        page = sign_in(other).get(address)
        assert "发给了另一个邮箱" in page.text
        assert INVITED not in page.text
        answer = sign_in(other).post("/invitation", data={"token": token(address)})
        assert answer.status_code == 403
        assert role_of(database, owner, other.user.id) is None

    def test_is_kept_as_a_digest_and_its_token_is_forgotten(
        self, owner: Party, sign_in: SignIn, database: Database, settings: Settings
    ) -> None:
        invite(sign_in(owner), owner)
        secret = token(link(database, settings))
        with database.session() as session:
            assert secret not in str(session.exec(select(Invitation)).one().model_dump())
            assert [mail.context for mail in session.exec(select(Mail)).all()] == [{}]

    @pytest.mark.parametrize("how", ["expired", "withdrawn", "replaced", "made up"])
    def test_that_is_over_opens_nothing(
        self,
        how: str,
        owner: Party,
        make: Factory,
        sign_in: SignIn,
        database: Database,
        settings: Settings,
    ) -> None:
        owners, person = sign_in(owner), make.somebody(email=INVITED)
        invite(owners, owner)
        address = link(database, settings)
        with database.session(write=True) as session:
            stored = session.exec(select(Invitation)).one()
            if how == "expired":
                stored.expires_at = utc_now() - timedelta(seconds=1)
                session.add(stored)
        if how == "withdrawn":
            assert INVITED in owners.get(url(owner, "members")).text
            assert owners.post(url(owner, "invitations", stored.id, "withdraw")).status_code == 303
            assert INVITED not in owners.get(url(owner, "members")).text
        if how == "replaced":
            invite(owners, owner, role="viewer")
        if how == "made up":
            address = "/invitation?token=nobody-sent-this"
        client = sign_in(person)
        assert client.get(address).status_code == 410
        assert "邀请链接已失效" in client.post("/invitation", data={"token": token(address)}).text
        assert role_of(database, owner, person.user.id) is None
        if how == "replaced":
            assert (
                sign_in(person).post("/invitation", data={"token": token(link(database, settings))}).status_code == 303
            )
            assert role_of(database, owner, person.user.id) is MemberRole.VIEWER

    def test_of_a_member_is_said_beside_the_field(self, owner: Party, make: Factory, sign_in: SignIn) -> None:
        member = make.join(owner, MemberRole.VIEWER)
        status, page = invite(sign_in(owner), owner, member.user.email.upper())
        assert status == 422
        assert "已是本单位成员" in read(page).error("email")

    def test_does_not_tell_whether_an_address_has_an_account(
        self, owner: Party, make: Factory, sign_in: SignIn
    ) -> None:
        client, known = sign_in(owner), make.somebody().user.email
        pages = []
        for address in (known, "unknown@test.example"):
            assert invite(client, owner, address)[0] == 303
            pages.append(read(client.get(url(owner, "members")).text)["flash"].text)
        assert pages[0] == pages[1]

    @pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@b.example, c@d.example", "x" * 250 + "@b.example"])
    def test_of_a_malformed_address_is_not_sent(
        self, email: str, owner: Party, sign_in: SignIn, database: Database, settings: Settings
    ) -> None:
        status, page = invite(sign_in(owner), owner, email)
        assert status == 422
        assert read(page).error("email")
        assert read(page).fields["email"] == email
        assert mails(database, settings) == []

    @pytest.mark.parametrize("whose", ["organisation", "inviter"])
    def test_carries_no_address_in_a_name_from_former_times(
        self, whose: str, make: Factory, sign_in: SignIn, database: Database, settings: Settings
    ) -> None:
        party = make.owner(verified=False)
        client = sign_in(party)
        with database.session(write=True) as session:
            if whose == "organisation":
                organisation = session.get(Organisation, party.organisation.id)
                assert organisation
                organisation.name = "领奖请点 evil.example"
            else:
                user = session.get(User, party.user.id)
                assert user
                user.name = "请看 evil.example"
        status, page = invite(client, party)
        assert status == 422
        assert "不能写进邀请邮件" in read(page).error("email") and read(page).fields["email"] == INVITED
        assert mails(database, settings) == []

    def test_sent_twice_is_one(self, owner: Party, sign_in: SignIn, database: Database, settings: Settings) -> None:
        client = sign_in(owner)
        fields = {name: str(v) for name, v in read(client.get(url(owner, "members")).text).fields.items()}
        for _time in range(2):
            assert client.post(url(owner, "members"), data={**fields, "email": INVITED}).status_code == 303
        assert len(mails(database, settings)) == 1

    def test_before_verification_few_are_sent(
        self, make: Factory, sign_in: SignIn, database: Database, settings: Settings
    ) -> None:
        """The mails bear a name that nobody has looked at."""
        party = make.owner(verified=False)
        client = sign_in(party)
        answers = [invite(client, party, f"a{n}@test.example")[0] for n in range(A_DAY_UNVERIFIED + 1)]
        assert answers == [303] * A_DAY_UNVERIFIED + [422]
        assert len(mails(database, settings)) == A_DAY_UNVERIFIED


def test_only_owners_manage_members(owner: Party, make: Factory, sign_in: SignIn, database: Database) -> None:
    other = make.join(owner, MemberRole.VIEWER)
    invite(sign_in(owner), owner)
    with database.session() as session:
        invitation = session.exec(select(Invitation)).one()
    posts = [
        (url(owner, "members"), {"invitation_id": "0" * 16, "email": INVITED, "role": "owner"}),
        (url(owner, "invitations", invitation.id, "withdraw"), {}),
        (url(owner, "members", other.user.id, "role"), {"role": "owner"}),
        (url(owner, "members", other.user.id, "remove"), {}),
        (url(owner, "members", other.user.id, "hand-over"), {}),
        (url(owner, "members", other.user.id, "department"), {}),
    ]
    for party, expected in (
        (make.join(owner, MemberRole.EDITOR), 403),
        (make.owner(), 403),
        (make.broker(), 403),
        (make.somebody(is_admin=True), 403),
    ):
        client = sign_in(party)
        for address, data in posts:
            assert client.post(address, data=data).status_code == expected, address
    assert role_of(database, owner, other.user.id) is MemberRole.VIEWER
    assert sign_in(make.party()).get(url(owner, "members")).status_code == 403
    unverified = make.owner(verified=False)
    assert sign_in(make.party()).get(url(unverified, "members")).status_code == 404


def test_addresses_of_colleagues_are_for_owners(owner: Party, make: Factory, sign_in: SignIn) -> None:
    editor = make.join(owner, MemberRole.EDITOR)
    page = read(sign_in(editor).get(url(owner, "members")).text)
    assert owner.user.email not in page.text
    assert editor.user.email in page["main"].text
    assert url(owner, "members", owner.user.id) not in page.links
    assert sign_in(editor).get(url(owner, "members", owner.user.id)).status_code == 403
    assert editor.user.email in sign_in(owner).get(url(owner, "members")).text


def test_a_role_is_changed_and_the_member_told(
    owner: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    editor = make.join(owner, MemberRole.EDITOR)
    client = sign_in(owner)
    address = url(owner, "members", editor.user.id)
    assert read(client.get(address).text).fields["role"]
    assert client.post(f"{address}/role", data={"role": "viewer"}).status_code == 303
    assert client.post(f"{address}/role", data={"role": "viewer"}).status_code == 303
    assert client.post(f"{address}/role", data={"role": "emperor"}).status_code == 404
    assert role_of(database, owner, editor.user.id) is MemberRole.VIEWER
    (mail,) = mails(database, settings)
    assert mail["To"] == editor.user.email
    assert "角色已改为查看成员" in text(mail) and "viewer (reads only)" in text(mail)
    assert events(database, owner) == ["member:role"]
    assert sign_in(editor).get("/needs/new").status_code == 403


def test_a_removed_member_reads_nothing_more(
    owner: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    editor = make.join(owner, MemberRole.EDITOR)
    draft = make.capability(owner, publish=False)
    theirs = sign_in(editor)
    assert theirs.get(f"/capabilities/{draft.id}").status_code == 200
    assert sign_in(owner).post(url(owner, "members", editor.user.id, "remove")).status_code == 303
    assert theirs.get(f"/capabilities/{draft.id}").status_code == 404
    assert "已被移出" in text(mails(database, settings)[0])
    assert events(database, owner) == ["member:remove"]
    assert sign_in(owner).post(url(owner, "members", editor.user.id, "remove")).status_code == 404


def test_a_member_leaves(owner: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings) -> None:
    viewer = make.join(owner, MemberRole.VIEWER)
    client = sign_in(viewer)
    assert "退出本单位" in client.get(url(owner, "members", viewer.user.id)).text
    answer = client.post(url(owner, "members", viewer.user.id, "remove"))
    assert answer.headers["location"] == "/organisations"
    assert role_of(database, owner, viewer.user.id) is None
    assert events(database, owner) == ["member:leave"]
    (mail,) = mails(database, settings)
    assert mail["To"] == owner.user.email


def test_the_last_owner_hands_over_first(
    owner: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    editor = make.join(owner, MemberRole.EDITOR)
    client, own = sign_in(owner), url(owner, "members", owner.user.id)
    for address, data in ((f"{own}/remove", {}), (f"{own}/role", {"role": "editor"})):
        answer = client.post(address, data=data)
        assert answer.status_code == 409
        assert "唯一的管理成员" in read(answer.text)["main"].text
    assert client.post(f"{own}/hand-over").status_code == 409
    assert role_of(database, owner, owner.user.id) is MemberRole.OWNER
    assert client.post(url(owner, "members", editor.user.id, "hand-over")).status_code == 303
    assert role_of(database, owner, editor.user.id) is MemberRole.OWNER
    assert role_of(database, owner, owner.user.id) is MemberRole.EDITOR
    (mail,) = mails(database, settings)
    assert mail["To"] == editor.user.email
    assert "已移交给您" in text(mail)
    assert client.post(f"{own}/remove").status_code == 303
    assert events(database, owner) == ["member:hand-over", "member:leave"]


def test_an_owner_whose_account_is_closed_does_not_count(
    owner: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    second = make.join(owner, MemberRole.OWNER)
    with database.session(write=True) as session:
        stored = session.merge(second.user)
        stored.is_active = False
        session.add(stored)
    client = sign_in(owner)
    assert client.post(url(owner, "members", owner.user.id, "remove")).status_code == 409
    assert client.post(url(owner, "members", second.user.id, "remove")).status_code == 303


class TestDepartments:
    @pytest.fixture
    def hospital(self, make: Factory) -> Party:
        """A hospital and its owner."""
        return make.owner(OrganisationKind.HOSPITAL)

    def test_are_added_renamed_and_removed(self, hospital: Party, sign_in: SignIn, database: Database) -> None:
        client, listing = sign_in(hospital), url(hospital, "departments")
        assert listing in read(client.get(url(hospital)).text).links
        assert client.post(listing, data={"name": "心血管内科", "specialty": "03.04"}).status_code == 303
        with database.session() as session:
            department = session.exec(select(Department)).one()
        assert (department.name, department.specialty) == ("心血管内科", "03.04")
        address = f"{listing}/{department.id}"
        assert read(client.get(address).text).fields["name"] == "心血管内科"
        assert client.post(address, data={"name": "心脏中心", "specialty": ""}).status_code == 303
        assert "心脏中心" in client.get(url(hospital)).text
        assert client.post(f"{address}/remove").status_code == 303
        assert client.post(f"{address}/remove").status_code == 404
        assert "心脏中心" not in client.get(listing).text
        assert events(database, hospital) == ["department:add", "department:edit", "department:remove"]

    @pytest.mark.parametrize("name", ["", "科" * 61, "心血管 内科"])
    def test_need_a_name_of_their_own(self, name: str, hospital: Party, sign_in: SignIn, database: Database) -> None:
        client, listing = sign_in(hospital), url(hospital, "departments")
        for first in ("心血管内科", "神经外科"):
            client.post(listing, data={"name": first})
        answer = client.post(listing, data={"name": name})
        assert answer.status_code == 422
        assert read(answer.text).error("name")
        assert read(answer.text).fields["name"] == name
        with database.session() as session:
            found = session.exec(select(Department).where(Department.name == "神经外科")).one()
        assert client.post(f"{listing}/{found.id}", data={"name": name}).status_code == 422

    def test_stay_while_needs_belong_to_them(
        self, hospital: Party, make: Factory, sign_in: SignIn, database: Database
    ) -> None:
        client, listing = sign_in(hospital), url(hospital, "departments")
        client.post(listing, data={"name": "心血管内科"})
        with database.session() as session:
            department = session.exec(select(Department)).one()
        need = make.need(hospital, publish=False, department_id=department.id)
        page = client.get(f"{listing}/{department.id}")
        assert "1 条需求" in page.text
        answer = client.post(f"{listing}/{department.id}/remove")
        assert answer.status_code == 409
        assert "还有内容属于这个科室" in answer.text
        fields = read(client.get(f"/needs/{need.id}/edit").text).fields
        client.post(f"/needs/{need.id}/edit", data={**fields, "department_id": "", "action": "save"})
        assert client.post(f"{listing}/{department.id}/remove").status_code == 303

    def test_are_chosen_by_the_member(
        self, hospital: Party, make: Factory, sign_in: SignIn, database: Database
    ) -> None:
        sign_in(hospital).post(url(hospital, "departments"), data={"name": "心血管内科"})
        with database.session() as session:
            department = session.exec(select(Department)).one()
        elsewhere = make.hospital().viewer.memberships[0].department_id
        editor = make.join(hospital, MemberRole.EDITOR)
        client, address = sign_in(editor), url(hospital, "members", editor.user.id, "department")
        assert client.post(address, data={"department_id": str(elsewhere)}).status_code == 404
        assert client.post(address, data={"department_id": department.id}).status_code == 303
        assert make.again(editor).viewer.memberships[0].department_name == "心血管内科"
        assert read(client.get("/needs/new").text).fields["department_id"] == department.id
        assert client.post(address, data={"department_id": ""}).status_code == 303
        assert make.again(editor).viewer.memberships[0].department_id is None

    def test_are_for_hospitals_and_their_owners(self, hospital: Party, make: Factory, sign_in: SignIn) -> None:
        company = make.owner()
        assert sign_in(company).get(url(company, "departments")).status_code == 404
        assert sign_in(company).post(url(company, "departments"), data={"name": "科"}).status_code == 404
        for party in (make.join(hospital, MemberRole.EDITOR), company):
            client = sign_in(party)
            assert client.get(url(hospital, "departments")).status_code == 403
            assert client.post(url(hospital, "departments"), data={"name": "科"}).status_code == 403
