"""Registration: one answer for every address, links that a button uses up, and no password but the owner's."""

import logging
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.accounts import cleaning, service
from backend.accounts.models import AccountToken, User
from backend.accounts.tokens import digest
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database, utc_now
from backend.mailer import Mail
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory
from tests.postbox import Letter, Postbox
from tests.web.pages import read

EMAIL = "wang@hospital.example"
OWN_PASSWORD = "three-quiet-lanterns"
FORM = {"name": "王示例", "email": EMAIL, "password": OWN_PASSWORD, "next": "/"}


@pytest.fixture
def site(postbox: Postbox, client: TestClient) -> TestClient:
    """A visitor of a site whose mails are read by the test."""
    return client


def register(site: TestClient, postbox: Postbox, **fields: str) -> str:
    """Register; returns the link of the mail."""
    answer = site.post("/register", data={**FORM, **fields})
    assert (answer.status_code, answer.headers["location"]) == (303, "/confirm/sent")
    return postbox.the_one(fields.get("email", EMAIL)).link("http://127.0.0.1:8000")


def the_user(database: Database, email: str = EMAIL) -> User:
    with database.session() as session:
        return session.exec(select(User).where(User.email == email)).one()


def test_from_the_form_over_the_mail_to_the_next_step(site: TestClient, postbox: Postbox, database: Database) -> None:
    link = register(site, postbox)
    assert "48 小时" in read(site.get("/confirm/sent").text)["main"].text
    assert the_user(database).confirmed_at is None
    page = read(site.get(link).text)
    assert EMAIL in page.text
    wrong = site.post("/confirm", data={**page.fields, "password": "not-the-password"})
    assert wrong.status_code == 422
    assert read(wrong.text).error("password") == "密码不正确。"
    done = site.post("/confirm", data={**page.fields, "password": OWN_PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/account/next-steps")
    steps = read(site.get("/account/next-steps").text)
    assert "邮箱已确认，已登录。" in steps["flash"].text
    assert "/organisations/new" in steps.links
    assert "/account/next-steps" in read(site.get("/").text).links
    assert "/account/next-steps" in read(site.get("/needs").text).links
    assert "/account/next-steps" in read(site.get("/capabilities").text).links
    assert the_user(database).confirmed_at


def test_the_mail_speaks_two_languages(site: TestClient, postbox: Postbox) -> None:
    site.post("/register", data=FORM)
    letter = postbox.the_one(EMAIL)
    assert letter.subject == "医桥：请确认邮箱 Please confirm your e-mail address"
    assert letter.text.startswith("您好：") and "王示例" not in letter.text and "within 48 hours" in letter.text


def test_looking_at_a_link_uses_nothing_up_and_the_button_works_once(site: TestClient, postbox: Postbox) -> None:
    link = register(site, postbox)
    for _ in range(3):
        assert site.get(link).status_code == 200
    fields = {"token": link.partition("token=")[2], "password": OWN_PASSWORD}
    assert site.post("/confirm", data=fields).status_code == 303
    again = site.post("/confirm", data=fields)
    assert again.status_code == 410
    assert "/confirm/again" in read(again.text).links
    assert site.get(link).status_code == 410


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "针"])
def test_an_invented_link_leads_to_a_page_that_says_so(token: str, site: TestClient) -> None:
    answer = site.get("/confirm", params={"token": token})
    assert answer.status_code == 410
    assert "已失效" in read(answer.text)["main"].text
    assert site.post("/confirm", data={"token": token, "password": OWN_PASSWORD}).status_code == 410


def test_a_link_is_good_for_48_hours(site: TestClient, postbox: Postbox, database: Database) -> None:
    link = register(site, postbox)
    with database.session(write=True) as session:
        found = session.exec(select(AccountToken)).one()
        assert timedelta(hours=47) < found.expires_at - utc_now() < timedelta(hours=49)
        assert found.token_digest == digest(link.partition("token=")[2])
        found.expires_at = utc_now() - timedelta(seconds=1)
        session.add(found)
    assert site.get(link).status_code == 410


def test_nobody_learns_by_registering_which_addresses_are_known(
    site: TestClient, postbox: Postbox, make: Factory, database: Database
) -> None:
    member = make.party().user
    answers = [site.post("/register", data={**FORM, "email": email}) for email in (member.email.upper(), EMAIL)]
    assert {(a.status_code, a.headers["location"], a.text) for a in answers} == {(303, "/confirm/sent", "")}
    known, new = postbox.collect()
    assert (known["To"], new["To"]) == (member.email, EMAIL)
    assert "You already have an account" in known["Subject"]
    body = known.get_body(("plain",))
    assert body is not None and "/password/forgot" in body.get_content() and "token=" not in body.get_content()
    with database.session() as session:
        assert len(session.exec(select(AccountToken)).all()) == 2
    assert the_user(database, member.email).name == member.name


def test_what_was_typed_is_kept_beside_what_is_wrong(site: TestClient) -> None:
    answer = site.post("/register", data={"name": "", "email": "wang", "password": "short", "next": "/needs/new"})
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error("name") == "请填写姓名。"
    assert page.error("email") == "邮箱格式不正确，应类似 name@example.com。"
    assert page.error("password") == "密码至少 12 个字符，现有 5 个。"
    assert (page.fields["email"], page.fields["next"], page.fields["password"]) == ("wang", "/needs/new", "")


@pytest.mark.parametrize(
    "password", ["123456789012", "qwertyuiop12", "aaaaaaaaaaaaaaa", EMAIL, "password1234", "王示例王示例王示例王示例"]
)
def test_a_password_that_would_be_tried_early_is_refused(password: str, site: TestClient) -> None:
    answer = site.post("/register", data={**FORM, "password": password})
    assert answer.status_code == 422
    assert "容易被猜到" in read(answer.text).error("password")


@pytest.mark.parametrize("password", ["three quiet lanterns", "全角 空格 与 符号 都可以", "woaibeijingtiananmen"])
def test_no_kind_of_character_is_prescribed(password: str, site: TestClient, postbox: Postbox) -> None:
    assert register(site, postbox, password=password)


def test_whoever_registers_the_address_of_another_gains_nothing(
    site: TestClient, postbox: Postbox, app: FastAPI
) -> None:
    """The owner opens the link, but does not know the password that somebody else has chosen."""
    link = register(site, postbox, password="a-strangers-password")
    owner = TestClient(app, follow_redirects=False)
    fields = {"token": link.partition("token=")[2], "password": OWN_PASSWORD}
    assert owner.post("/confirm", data=fields).status_code == 422
    own_link = register(site, postbox)
    fields["token"] = own_link.partition("token=")[2]
    assert owner.post("/confirm", data=fields).status_code == 303
    signed = site.post("/sign-in", data={"email": EMAIL, "password": "a-strangers-password"})
    assert signed.status_code == 422


def test_a_new_password_by_mail_makes_an_unconfirmed_account_ones_own(
    site: TestClient, postbox: Postbox, database: Database
) -> None:
    register(site, postbox, password="a-strangers-password")
    site.post("/password/forgot", data={"email": EMAIL})
    link = postbox.the_one(EMAIL).link("http://127.0.0.1:8000")
    site.post("/password/reset", data={"token": link.partition("token=")[2], "password": OWN_PASSWORD})
    assert the_user(database).confirmed_at
    assert site.post("/sign-in", data={"email": EMAIL, "password": OWN_PASSWORD}).status_code == 303


def test_an_unconfirmed_account_is_offered_its_link_again(site: TestClient, postbox: Postbox) -> None:
    register(site, postbox)
    answer = site.post("/sign-in", data={"email": EMAIL, "password": OWN_PASSWORD})
    assert answer.status_code == 422
    page = read(answer.text)
    assert "邮箱尚未确认" in page["error-summary"].text
    assert "/confirm/again" in [form.attributes["action"] for form in page.all("form")]
    wrong = site.post("/sign-in", data={"email": EMAIL, "password": "wrong-password"})
    assert "尚未确认" not in wrong.text
    again = site.post("/confirm/again", data={"email": EMAIL})
    assert (again.status_code, again.headers["location"]) == (303, "/confirm/sent")
    link = postbox.the_one(EMAIL).link("http://127.0.0.1:8000")
    assert site.get(link).status_code == 200


def test_asking_again_for_other_addresses_sends_nothing_and_says_the_same(
    site: TestClient, postbox: Postbox, make: Factory
) -> None:
    for email in ("nobody@test.example", make.party().user.email):
        answer = site.post("/confirm/again", data={"email": email})
        assert (answer.status_code, answer.headers["location"]) == (303, "/confirm/sent")
    assert postbox.collect() == []
    assert site.post("/confirm/again", data={"email": "nobody"}).status_code == 422


def test_a_form_that_is_sent_twice_makes_one_account_and_both_links_work(
    site: TestClient, postbox: Postbox, database: Database
) -> None:
    first, second = register(site, postbox), register(site, postbox)
    with database.session() as session:
        assert len(session.exec(select(User).where(User.email == EMAIL)).all()) == 1
    assert site.get(first).status_code == site.get(second).status_code == 200
    fields = {"token": first.partition("token=")[2], "password": OWN_PASSWORD}
    assert site.post("/confirm", data=fields).status_code == 303
    assert site.get(second).status_code == 410


def test_after_the_link_one_goes_on_where_one_came_from(site: TestClient, postbox: Postbox) -> None:
    assert read(site.get("/register?next=/needs/new").text).fields["next"] == "/needs/new"
    link = register(site, postbox, next="/needs/new")
    fields = {"token": link.partition("token=")[2], "password": OWN_PASSWORD}
    assert site.post("/confirm", data=fields).headers["location"] == "/needs/new"
    elsewhere = register(site, postbox, next="https://evil.example", email="other@test.example")
    fields["token"] = elsewhere.partition("token=")[2]
    assert site.post("/confirm", data=fields).headers["location"] == "/account/next-steps"


def test_an_account_that_nobody_confirms_is_removed_after_30_days(
    site: TestClient, postbox: Postbox, make: Factory, database: Database
) -> None:
    register(site, postbox)
    member = make.party().user
    cleaning.clean(database)
    assert the_user(database)
    with database.session(write=True) as session:
        for user in session.exec(select(User)).all():
            user.created_at = utc_now() - timedelta(days=31)
            session.add(user)
    cleaning.clean(database)
    with database.session() as session:
        assert [user.id for user in session.exec(select(User)).all()] == [member.id]


def test_registration_is_written_down_without_the_address(
    site: TestClient, postbox: Postbox, database: Database
) -> None:
    link = register(site, postbox)
    site.post("/confirm", data={"token": link.partition("token=")[2], "password": OWN_PASSWORD})
    user = the_user(database)
    with database.session() as session:
        rows = session.exec(select(AuditEvent).order_by(col(AuditEvent.id))).all()
        assert [r.event for r in rows] == ["account:register", "account:confirm", "account:session:start"]
        assert {r.subject_id for r in rows} == {user.id}
        assert EMAIL not in repr([r.detail for r in rows])
        assert all(mail.context == {} for mail in session.exec(select(Mail)).all())


def test_no_line_of_the_log_holds_a_password_an_address_or_a_link(
    site: TestClient, postbox: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        link = register(site, postbox)
        site.get(link)
        site.post("/confirm", data={"token": link.partition("token=")[2], "password": OWN_PASSWORD})
        site.post("/sign-in", data={"email": EMAIL, "password": OWN_PASSWORD})
        site.post("/password/forgot", data={"email": EMAIL})
    # The browser and the mail server of the tests are no part of the site.
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore", "mail"))]
    assert not [line for line in ours for word in (OWN_PASSWORD, EMAIL, link.partition("token=")[2]) if word in line]


def test_an_operator_vouches_for_the_address_of_an_account_of_the_command_line(database: Database) -> None:
    with database.session(write=True) as session:
        assert service.create_user(session, email=EMAIL, name="测试", password=PASSWORD).confirmed_at


def test_the_pages_need_no_account(client: TestClient, settings: Settings) -> None:
    for url in ("/register", "/confirm/sent", "/confirm/again", "/password/forgot", "/password/sent"):
        assert client.get(url).status_code == 200
    for url in ("/account", "/account/next-steps", "/account/sessions", "/account/password", "/account/email"):
        assert client.get(url).headers["location"].startswith("/sign-in?next=/account")


@pytest.mark.parametrize(
    "name",
    [
        "账户异常 请访问 http://evil.example/登录",
        "请看 evil.example",
        "www.evil",
        "a@evil.example",
        "请看ｅｖｉｌ．ｅｘａｍｐｌｅ／登录",
        "evil。example",
    ],
)
def test_a_name_with_an_address_is_refused(name: str, site: TestClient, make: Factory, sign_in: SignIn) -> None:
    form = {"name": name, "email": "new@test.example", "password": "three-quiet-lanterns", "next": "/"}
    for answer in (site.post("/register", data=form), sign_in(make.party()).post("/account", data={"name": name})):
        assert answer.status_code == 422
        page = read(answer.text)
        assert "网址" in page.error("name")
        assert page.fields["name"] == name


@pytest.mark.parametrize("name", ["阿依古丽·买买提", "J. R. 示例", "J.R. Example", "Dr. 示例", "示例-乙"])
def test_names_of_people_are_taken(name: str, make: Factory, sign_in: SignIn) -> None:
    assert sign_in(make.party()).post("/account", data={"name": name}).status_code == 303


def test_mails_to_an_address_that_nobody_confirmed_repeat_nothing_that_was_typed(
    site: TestClient, postbox: Postbox, make: Factory, sign_in: SignIn
) -> None:
    form = {"name": "请速致电示例公司", "email": "victim@test.example", "password": "three-quiet-lanterns", "next": "/"}
    site.post("/register", data=form)
    site.post("/confirm/again", data={"email": form["email"]})
    site.post("/password/forgot", data={"email": form["email"]})
    here = sign_in(make.party())
    here.post("/account", data={"name": form["name"]})
    here.post("/account/email", data={"email": "other@test.example", "password": PASSWORD})
    here.post("/account/email", data={"email": form["email"], "password": PASSWORD})
    mails = postbox.collect()
    assert len(mails) == 5
    letters = [Letter(mail) for mail in mails]
    assert not [letter for letter in letters if "请速" in letter.subject + letter.text + letter.html]
