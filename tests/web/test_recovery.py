"""A new password by mail, another password, another address."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from backend.accounts import passwords
from backend.accounts.models import AccountToken, User
from backend.db import Database, utc_now
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, Party
from tests.postbox import Postbox
from tests.web.pages import read

SITE = "http://127.0.0.1:8000"
NEW_PASSWORD = "seven-patient-bridges"
NEW_EMAIL = "new-address@test.example"


@pytest.fixture
def site(postbox: Postbox, client: TestClient) -> TestClient:
    """A visitor of a site whose mails are read by the test."""
    return client


@pytest.fixture
def member(make: Factory) -> Party:
    """A member of an enterprise."""
    return make.party()


def token_of(link: str) -> str:
    return link.partition("token=")[2]


def ask(site: TestClient, postbox: Postbox, member: Party) -> str:
    """Ask for a new password; returns the token of the mail."""
    answer = site.post("/password/forgot", data={"email": member.user.email})
    assert (answer.status_code, answer.headers["location"]) == (303, "/password/sent")
    return token_of(postbox.the_one(member.user.email).link(SITE))


def can_sign_in(app: FastAPI, email: str, password: str) -> bool:
    visitor = TestClient(app, follow_redirects=False)
    return visitor.post("/sign-in", data={"email": email, "password": password}).status_code == 303


def test_a_lost_password_is_replaced_and_all_sessions_end(
    site: TestClient, postbox: Postbox, member: Party, sign_in: SignIn, app: FastAPI
) -> None:
    elsewhere = sign_in(member)
    token = ask(site, postbox, member)
    page = read(site.get("/password/reset", params={"token": token}).text)
    assert member.user.email in page.text
    assert page.fields["token"] == token
    done = site.post("/password/reset", data={"token": token, "password": NEW_PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    assert "密码已更新" in read(site.get("/sign-in").text)["flash"].text
    assert elsewhere.get("/account").status_code == 303
    assert "password was changed" in postbox.the_one(member.user.email).subject
    assert can_sign_in(app, member.user.email, NEW_PASSWORD)
    assert not can_sign_in(app, member.user.email, PASSWORD)


def test_the_link_works_once_and_takes_the_others_along(site: TestClient, postbox: Postbox, member: Party) -> None:
    first, second = ask(site, postbox, member), ask(site, postbox, member)
    assert site.post("/password/reset", data={"token": first, "password": NEW_PASSWORD}).status_code == 303
    for token in (first, second):
        answer = site.post("/password/reset", data={"token": token, "password": "another-good-password"})
        assert answer.status_code == 410
        assert "/password/forgot" in read(answer.text).links


def test_a_password_that_is_refused_does_not_use_the_link_up(site: TestClient, postbox: Postbox, member: Party) -> None:
    token = ask(site, postbox, member)
    for password in ("short", "123456789012", member.user.email, ""):
        answer = site.post("/password/reset", data={"token": token, "password": password})
        assert answer.status_code == 422
        assert read(answer.text).error("password")
        assert read(answer.text).fields["token"] == token
    assert site.post("/password/reset", data={"token": token, "password": NEW_PASSWORD}).status_code == 303


def test_the_link_lasts_one_hour(site: TestClient, postbox: Postbox, member: Party, database: Database) -> None:
    token = ask(site, postbox, member)
    with database.session(write=True) as session:
        found = session.exec(select(AccountToken)).one()
        assert timedelta(minutes=59) < found.expires_at - utc_now() < timedelta(minutes=61)
        session.exec(update(AccountToken).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert site.get("/password/reset", params={"token": token}).status_code == 410
    assert site.post("/password/reset", data={"token": token, "password": NEW_PASSWORD}).status_code == 410


def test_a_link_is_good_for_its_own_purpose_alone(site: TestClient, postbox: Postbox, member: Party) -> None:
    token = ask(site, postbox, member)
    assert site.get("/confirm", params={"token": token}).status_code == 410
    assert site.get("/account/email/confirm", params={"token": token}).status_code == 410


def test_an_unknown_address_gets_the_same_page_and_no_mail(
    site: TestClient, postbox: Postbox, make: Factory, database: Database
) -> None:
    closed = make.party().user
    with database.session(write=True) as session:
        session.exec(update(User).where(col(User.id) == closed.id).values(is_active=False))
    for email in ("nobody@test.example", closed.email):
        answer = site.post("/password/forgot", data={"email": email})
        assert (answer.status_code, answer.headers["location"], answer.text) == (303, "/password/sent", "")
    assert postbox.collect() == []
    with database.session() as session:
        assert [t.user_id for t in session.exec(select(AccountToken)).all()] == [None, None]


def test_a_new_password_in_place_of_the_present_one(
    site: TestClient, postbox: Postbox, member: Party, sign_in: SignIn, app: FastAPI
) -> None:
    here, there = sign_in(member), sign_in(member)
    wrong = here.post("/account/password", data={"present": "wrong", "password": NEW_PASSWORD})
    assert wrong.status_code == 422
    assert read(wrong.text).error("present") == "密码不正确。"
    weak = here.post("/account/password", data={"present": PASSWORD, "password": "short"})
    assert "至少 12 个字符" in read(weak.text).error("password")
    before = dict(here.cookies)
    done = here.post("/account/password", data={"present": PASSWORD, "password": NEW_PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303
    assert dict(here.cookies)["yiqiao_session"] != before["yiqiao_session"]
    assert "password was changed" in postbox.the_one(member.user.email).subject
    assert can_sign_in(app, member.user.email, NEW_PASSWORD)


def ask_email(here: TestClient, email: str = NEW_EMAIL) -> None:
    answer = here.post("/account/email", data={"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


def test_another_address_counts_once_it_is_confirmed_and_the_old_one_is_told(
    site: TestClient, postbox: Postbox, member: Party, sign_in: SignIn, app: FastAPI
) -> None:
    here = sign_in(member)
    ask_email(here)
    token = token_of(postbox.the_one(NEW_EMAIL).link(SITE))
    assert can_sign_in(app, member.user.email, PASSWORD)
    assert not can_sign_in(app, NEW_EMAIL, PASSWORD)
    page = read(site.get("/account/email/confirm", params={"token": token}).text)
    assert NEW_EMAIL in page.text
    done = site.post("/account/email/confirm", data=page.fields)
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert "address of your account was changed" in postbox.the_one(member.user.email).subject
    assert can_sign_in(app, NEW_EMAIL, PASSWORD)
    assert not can_sign_in(app, member.user.email, PASSWORD)
    assert site.post("/account/email/confirm", data=page.fields).status_code == 410
    assert NEW_EMAIL in here.get("/account").text


def test_the_password_is_asked_before_a_link_goes_out(postbox: Postbox, member: Party, sign_in: SignIn) -> None:
    here = sign_in(member)
    answer = here.post("/account/email", data={"email": NEW_EMAIL, "password": "wrong"})
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error("password") == "密码不正确。"
    assert page.fields["email"] == NEW_EMAIL
    assert postbox.collect() == []


def test_the_address_of_another_account_is_not_betrayed(
    postbox: Postbox, make: Factory, member: Party, sign_in: SignIn
) -> None:
    other = make.party().user
    ask_email(sign_in(member), other.email)
    letter = postbox.the_one(other.email)
    assert "You already have an account" in letter.subject
    assert "token=" not in letter.text


def test_of_two_who_want_an_address_the_second_one_is_refused(
    site: TestClient, postbox: Postbox, make: Factory, member: Party, sign_in: SignIn
) -> None:
    tokens = []
    for party in (member, make.party()):
        ask_email(sign_in(party))
        tokens.append(token_of(postbox.the_one(NEW_EMAIL).link(SITE)))
    assert site.post("/account/email/confirm", data={"token": tokens[0]}).status_code == 303
    answer = site.post("/account/email/confirm", data={"token": tokens[1]})
    assert answer.status_code == 409
    assert "已经注册" in read(answer.text)["main"].text


def test_a_new_request_for_an_address_replaces_the_former_one(
    site: TestClient, postbox: Postbox, member: Party, sign_in: SignIn
) -> None:
    here = sign_in(member)
    ask_email(here, "first@test.example")
    former = token_of(postbox.the_one("first@test.example").link(SITE))
    ask_email(here)
    assert site.post("/account/email/confirm", data={"token": former}).status_code == 410


def test_the_name_is_changed_by_its_owner(member: Party, sign_in: SignIn) -> None:
    here = sign_in(member)
    assert here.post("/account", data={"name": "新名字"}).status_code == 303
    assert read(here.get("/account").text).fields["name"] == "新名字"
    answer = here.post("/account", data={"name": " "})
    assert answer.status_code == 422
    assert read(answer.text).error("name") == "请填写姓名。"


def test_a_hash_of_weaker_parameters_is_renewed_at_sign_in(site: TestClient, member: Party, database: Database) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with database.session(write=True) as session:
        session.exec(update(User).where(col(User.id) == member.user.id).values(password_hash=weak))
    assert site.post("/sign-in", data={"email": member.user.email, "password": PASSWORD}).status_code == 303
    with database.session() as session:
        user = session.get(User, member.user.id)
    assert user is not None and user.password_hash != weak
    assert user.password_hash.split("$")[3] == passwords.hash_password("x").split("$")[3]
    assert passwords.verify(PASSWORD, user.password_hash) == (True, None)
