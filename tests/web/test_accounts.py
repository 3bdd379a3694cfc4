"""Signing in and out: what the browser is given, what the server keeps, and what a wrong password tells."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.accounts import service, sessions
from backend.accounts.forms import safe_next
from backend.accounts.models import User, UserSession
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database, utc_now
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, Party
from tests.web.pages import read


@pytest.fixture
def member(make: Factory) -> Party:
    """A member of an enterprise."""
    return make.party()


def post(client: TestClient, party: Party, password: str = PASSWORD, **fields: str) -> int:
    """Send the sign-in form; returns the status."""
    data = {"email": party.user.email, "password": password, "next": "/needs", **fields}
    return client.post("/sign-in", data=data).status_code


def is_signed_in(client: TestClient) -> bool:
    """Whether a page for members opens."""
    return client.get("/needs").status_code == 200


def test_the_right_password_opens_the_page_that_was_asked_for(client: TestClient, member: Party) -> None:
    assert client.get("/needs?x=1").headers["location"] == "/sign-in?next=/needs%3Fx%3D1"
    fields = read(client.get("/sign-in?next=/needs%3Fx%3D1").text).fields
    assert fields["next"] == "/needs?x=1"
    answer = client.post("/sign-in", data={**fields, "email": member.user.email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/needs?x=1")
    page = read(client.get("/needs?x=1").text)
    assert "已登录" in page["flash"].text
    assert member.organisation.name in page.text


def test_an_address_is_known_in_any_case_and_with_spaces_around(client: TestClient, member: Party) -> None:
    assert post(client, member, email=f"  {member.user.email.upper()} ") == 303


def test_a_wrong_password_is_answered_with_the_form_and_the_address(client: TestClient, member: Party) -> None:
    answer = client.post("/sign-in", data={"email": member.user.email, "password": "wrong", "next": "/needs"})
    assert answer.status_code == 422
    page = read(answer.text)
    assert "邮箱或密码不正确" in page["error-summary"].text
    assert page.fields["email"] == member.user.email
    assert page.fields["next"] == "/needs"
    assert page.fields["password"] == ""
    assert not is_signed_in(client)


def test_nobody_learns_which_accounts_exist(client: TestClient, member: Party, database: Database) -> None:
    """A wrong password, an unknown address and a closed account read the same."""
    asked = {"email": "someone@test.example", "password": "wrong-password"}
    unknown = client.post("/sign-in", data=asked).text
    wrong = client.post("/sign-in", data={**asked, "email": member.user.email}).text
    with database.session(write=True) as session:
        user = session.get(User, member.user.id)
        assert user
        user.is_active = False
        session.add(user)
    closed = client.post("/sign-in", data={**asked, "email": member.user.email, "password": PASSWORD}).text
    assert wrong.replace(member.user.email, asked["email"]) == unknown
    assert closed.replace(member.user.email, asked["email"]) == unknown


def test_an_unknown_address_costs_a_password_check_as_well(database: Database) -> None:
    """The decoy is a hash of the same kind, so the time tells nothing either."""
    from backend.accounts import passwords

    real, decoy = passwords.hash_password("x"), passwords._decoy()
    assert decoy.split("$")[:4] == real.split("$")[:4]
    assert passwords.verify("no account has this password", None) == (False, None)


@pytest.mark.parametrize(
    ("email", "password", "field", "message"),
    [
        ("", "secret", "email", "请填写邮箱。"),
        ("nobody", "secret", "email", "邮箱格式不正确，应类似 name@example.com。"),
        ("a@" + "b" * 300, "secret", "email", "最多 254 个字，现有 302 个字，请删减。"),
        ("a@b.example", "", "password", "请填写密码。"),
        ("a@b.example", "x" * 4001, "password", "密码过长。"),
    ],
)
def test_an_incomplete_form_says_what_is_missing(
    email: str, password: str, field: str, message: str, client: TestClient
) -> None:
    answer = client.post("/sign-in", data={"email": email, "password": password})
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error(field) == message
    assert page.fields["email"] == email


def test_signing_out_ends_the_session_on_the_server(client: TestClient, member: Party) -> None:
    post(client, member)
    old = client.cookies[sessions.COOKIE]
    answer = client.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert sessions.COOKIE not in client.cookies
    assert "已退出登录" in client.get("/").text
    client.cookies.set(sessions.COOKIE, old, domain="testserver.local")
    assert not is_signed_in(client)


def test_signing_out_here_leaves_the_other_browser_alone(sign_in: SignIn, member: Party) -> None:
    here, there = sign_in(member), sign_in(member)
    here.post("/sign-out")
    assert (is_signed_in(here), is_signed_in(there)) == (False, True)


def test_signing_out_everywhere_ends_all_sessions(sign_in: SignIn, member: Party, database: Database) -> None:
    clients = [sign_in(member), sign_in(member)]
    with database.session(write=True) as session:
        assert service.sign_out_everywhere(session, member.user) == 2
    assert [is_signed_in(client) for client in clients] == [False, False]


def test_signing_out_without_a_session_is_no_error(client: TestClient) -> None:
    assert client.post("/sign-out").status_code == 303
    client.cookies.set(sessions.COOKIE, "no such token", domain="testserver.local")
    assert client.post("/sign-out").status_code == 303


def test_a_session_ends_when_its_time_is_over(sign_in: SignIn, member: Party, database: Database) -> None:
    client = sign_in(member)
    assert is_signed_in(client)
    with database.session(write=True) as session:
        found = session.exec(select(UserSession)).one()
        found.expires_at = utc_now() - timedelta(seconds=1)
        session.add(found)
    assert not is_signed_in(client)


def test_a_closed_account_is_signed_out_at_once(sign_in: SignIn, member: Party, database: Database) -> None:
    client = sign_in(member)
    with database.session(write=True) as session:
        user = session.get(User, member.user.id)
        assert user
        user.is_active = False
        session.add(user)
    assert not is_signed_in(client)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient, member: Party) -> None:
    post(client, member)
    cookie = client.post("/sign-in", data={"email": member.user.email, "password": PASSWORD}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_secure_where_the_site_is(
    settings: Settings, database: Database, engine: SearchEngine, member: Party
) -> None:
    secure = settings.model_copy(update={"secure_cookies": True, "session_days": 3})
    client = TestClient(create_app(secure, database=database, engine=engine), follow_redirects=False)
    answer = client.post("/sign-in", data={"email": member.user.email, "password": PASSWORD})
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(sessions.HOST_COOKIE))
    assert "Secure" in cookie and "Path=/;" in cookie and "Domain" not in cookie
    assert f"Max-Age={3 * 86400}" in cookie


def test_the_table_of_sessions_opens_no_session(client: TestClient, member: Party, database: Database) -> None:
    post(client, member)
    with database.session() as session:
        stored = session.exec(select(UserSession)).one()
    assert stored.token_digest != client.cookies[sessions.COOKIE]
    client.cookies.set(sessions.COOKIE, stored.token_digest, domain="testserver.local")
    assert not is_signed_in(client)


def test_passwords_are_kept_as_argon2id(database: Database) -> None:
    with database.session(write=True) as session:
        user = service.create_user(session, email=" A@B.example", name="测试", password=PASSWORD)
        assert user.password_hash.startswith("$argon2id$")
        assert user.email == "a@b.example"
        with pytest.raises(service.EmailTaken):
            service.create_user(session, email="a@b.EXAMPLE", name="测试", password=PASSWORD)


def test_signing_in_and_out_is_written_down(client: TestClient, member: Party, database: Database) -> None:
    post(client, member, password="wrong")
    post(client, member)
    client.post("/sign-out")
    with database.session() as session:
        query = select(AuditEvent).where(AuditEvent.subject_id == member.user.id).order_by(col(AuditEvent.id))
        rows = session.exec(query).all()
    assert [(row.event, row.actor_id) for row in rows] == [
        ("account:session:refuse", None),
        ("account:session:start", member.user.id),
        ("account:session:end", member.user.id),
    ]


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "evil.example",
    "",
    None,
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_only_paths_of_this_site_are_gone_on_to(url: str | None) -> None:
    assert safe_next(url) == "/"


@pytest.mark.parametrize("url", ["/", "/needs", "/search?q=针&side=need", "/needs/new?x=//y"])
def test_paths_of_this_site_are_kept(url: str) -> None:
    assert safe_next(url) == url


def test_a_forged_form_does_not_lead_elsewhere(client: TestClient, member: Party) -> None:
    for url in ("https://evil.example", "//evil.example", "/\\evil.example"):
        data = {"email": member.user.email, "password": PASSWORD, "next": url}
        assert client.post("/sign-in", data=data).headers["location"] == "/"
        assert read(client.get("/sign-in", params={"next": url}).text).fields["next"] == "/"


def test_htmx_is_told_where_to_go_in_ascii(client: TestClient, member: Party) -> None:
    data = {"email": member.user.email, "password": PASSWORD, "next": "/search?q=穿刺针"}
    answer = client.post("/sign-in", data=data, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer.headers["hx-redirect"] == "/search?q=%E7%A9%BF%E5%88%BA%E9%92%88"


def test_a_fragment_for_members_sends_a_visitor_to_sign_in(client: TestClient) -> None:
    answer = client.get("/needs", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=/needs"


def test_a_write_that_finds_the_session_ended_leads_home_afterwards(client: TestClient, app: FastAPI) -> None:
    answer = client.post("/needs", data={"title": "标题"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/")
