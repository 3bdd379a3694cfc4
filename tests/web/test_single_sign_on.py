"""Single sign-on against a real issuer on this machine, and everything that must not let anybody in."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from pydantic import SecretStr, ValidationError
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from backend.accounts import single_sign_on
from backend.accounts.models import ExternalIdentity, User
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database
from tests.factories import PASSWORD, Factory
from tests.issuer import CLIENT_ID, CLIENT_SECRET, TestIssuer, running_issuer
from tests.web.pages import read

CALLBACK = "/sign-in/single/callback"
EMAIL = "li@hospital.example"


@pytest.fixture
def issuer(settings: Settings) -> Iterator[TestIssuer]:
    """An issuer that the site is set to; has to be asked for before the client."""
    with running_issuer(f"{settings.site_url}{CALLBACK}") as started:
        settings.oidc_issuer = started.url
        settings.oidc_client_id = CLIENT_ID
        settings.oidc_client_secret = SecretStr(CLIENT_SECRET)
        settings.oidc_name = "示例统一身份认证"
        yield started


@pytest.fixture
def site(issuer: TestIssuer, client: TestClient) -> TestClient:
    """A visitor of the site."""
    return client


def go(visitor: TestClient, url: str = "/needs") -> str:
    """To the issuer and back; returns path and query of the callback."""
    begun = visitor.get("/sign-in/single", params={"next": url})
    assert begun.status_code == 303
    answer = requests.get(begun.headers["location"], allow_redirects=False, timeout=10)
    assert answer.status_code == 307, answer.text
    parts = urlsplit(answer.headers["location"])
    return f"{parts.path}?{parts.query}"


def users(database: Database) -> list[User]:
    with database.session() as session:
        return list(session.exec(select(User).order_by(col(User.created_at))).all())


def test_a_new_user_is_let_in_and_known_the_next_time(site: TestClient, database: Database, app: FastAPI) -> None:
    page = read(site.get("/sign-in?next=/needs").text)
    assert "/sign-in/single?next=/needs" in page.links
    assert "使用示例统一身份认证登录" in page.text
    done = site.get(go(site))
    assert (done.status_code, done.headers["location"]) == (303, "/needs")
    assert site.get("/needs").status_code == 200
    (user,) = users(database)
    assert (user.email, user.name, user.password_hash) == (EMAIL, "李示例", "")
    assert user.confirmed_at and not user.is_admin
    again = TestClient(app, follow_redirects=False)
    assert again.get(go(again)).status_code == 303
    assert len(users(database)) == 1
    with database.session() as session:
        events = [e.event for e in session.exec(select(AuditEvent).order_by(col(AuditEvent.id))).all()]
    assert events == ["account:register", "account:link", "account:session:start", "account:session:start"]


def test_an_account_without_a_password_cannot_be_entered_by_one(site: TestClient) -> None:
    site.get(go(site))
    for password in ("", "x", "no account has this password"):
        assert site.post("/sign-in", data={"email": EMAIL, "password": password}).status_code == 422
    assert "未设置" in site.get("/account").text


def test_an_account_is_linked_by_its_verified_address(
    issuer: TestIssuer, site: TestClient, make: Factory, database: Database
) -> None:
    member = make.party().user
    issuer.user["email"] = member.email.upper()
    assert site.get(go(site)).status_code == 303
    assert member.name in site.get("/account").text
    issuer.user["email"] = "changed@hospital.example"
    assert site.get(go(site)).status_code == 303
    with database.session() as session:
        assert session.exec(select(ExternalIdentity)).one().user_id == member.id
    assert len(users(database)) == 1


def test_the_second_factor_is_asked_for_here_as_well(issuer: TestIssuer, site: TestClient, make: Factory) -> None:
    issuer.user["email"] = make.broker().user.email
    assert site.get(go(site)).headers["location"] == "/sign-in/code?next=/needs"
    assert site.get("/needs").status_code == 303


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": "true"}, {"email": ""}])
def test_an_address_that_nobody_vouches_for_opens_no_account(
    claims: dict[str, object], issuer: TestIssuer, site: TestClient, make: Factory, database: Database
) -> None:
    issuer.user["email"] = make.party().user.email
    issuer.user |= claims
    answer = site.get(go(site))
    assert answer.status_code == 403
    assert "没有提供经过核实的邮箱" in read(answer.text)["main"].text
    assert len(users(database)) == 1


def test_what_the_token_leaves_out_is_asked_of_userinfo(
    issuer: TestIssuer, site: TestClient, database: Database
) -> None:
    issuer.in_userinfo = {"email", "email_verified", "name"}
    assert site.get(go(site)).status_code == 303
    assert users(database)[0].email == EMAIL


@pytest.mark.parametrize(
    ("email", "name", "called"),
    [
        ("li@hospital.example", "请看 evil.example", "li"),
        ("evil.com@hospital.example", "", "用户"),
        ("www.evil@hospital.example", "请看 evil.example", "用户"),
    ],
)
def test_a_name_never_holds_an_address(
    email: str, name: str, called: str, issuer: TestIssuer, site: TestClient, database: Database
) -> None:
    """Our mails to others carry it."""
    issuer.user |= {"email": email, "name": name}
    assert site.get(go(site)).status_code == 303
    assert users(database)[0].name == called


def test_whoever_has_registered_the_address_before_keeps_no_way_in(site: TestClient, database: Database) -> None:
    form = {"name": "陌生人", "email": EMAIL, "password": "three-quiet-lanterns", "next": "/"}
    assert site.post("/register", data=form).status_code == 303
    assert site.get(go(site)).status_code == 303
    assert users(database)[0].name == "李示例"
    assert site.post("/sign-in", data={"email": EMAIL, "password": form["password"]}).status_code == 422


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": None},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(
    changed: dict[str, object], issuer: TestIssuer, site: TestClient, database: Database
) -> None:
    issuer.changed = changed
    answer = site.get(go(site))
    assert answer.status_code == 400
    assert "单点登录没有完成" in read(answer.text)["main"].text
    assert users(database) == []


def test_a_token_by_another_key_lets_nobody_in(issuer: TestIssuer, site: TestClient) -> None:
    issuer.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert site.get(go(site)).status_code == 400


def test_new_keys_of_the_issuer_are_taken_up(issuer: TestIssuer, site: TestClient) -> None:
    assert site.get(go(site)).status_code == 303
    issuer.key = issuer.signs_with = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
    assert site.get(go(site)).status_code == 303
    assert issuer.asked.count("configuration") == 2


def test_an_answer_is_taken_only_by_the_browser_that_began(site: TestClient, app: FastAPI) -> None:
    back = go(site)
    assert TestClient(app, follow_redirects=False).get(back).status_code == 400
    other = TestClient(app, follow_redirects=False)
    go(other)
    assert other.get(back).status_code == 400
    assert site.get(back).status_code == 303
    assert site.get(back).status_code == 400


@pytest.mark.parametrize("query", ["", "?error=access_denied", "?code=invented", "?state=x&code=y"])
def test_an_answer_that_is_not_one_is_refused(query: str, site: TestClient) -> None:
    state = parse_qs(urlsplit(site.get("/sign-in/single").headers["location"]).query)["state"][0]
    assert site.get(f"{CALLBACK}{query}").status_code == 400
    assert site.get(CALLBACK, params={"state": state}).status_code == 400
    assert site.get(CALLBACK, params={"state": state, "code": "invented"}).status_code == 400
    assert site.get(CALLBACK, params={"state": state, "code": "x", "iss": "https://evil.example"}).status_code == 400


def test_the_browser_is_sent_on_to_pages_of_this_site_alone(site: TestClient) -> None:
    assert site.get(go(site, "https://evil.example")).headers["location"] == "/"


def test_an_issuer_that_is_gone_or_another_leaves_the_password(
    issuer: TestIssuer, settings: Settings, site: TestClient, make: Factory
) -> None:
    issuer.says_it_is = "https://evil.example"
    answer = site.get("/sign-in/single")
    assert answer.status_code == 502
    assert "用邮箱和密码登录" in read(answer.text)["main"].text
    settings.oidc_issuer = "http://127.0.0.1:1"
    assert site.get("/sign-in/single").status_code == 502
    data = {"email": make.party().user.email, "password": PASSWORD}
    assert site.post("/sign-in", data=data).status_code == 303


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that waits for its issuer for a second."""
    monkeypatch.setattr(single_sign_on, "READ_SECONDS", 1.0)
    monkeypatch.setattr(single_sign_on, "TURN_SECONDS", 0.2)


def all_at_once(app: FastAPI, urls: Sequence[str], cookies: dict[str, str] | None = None) -> tuple[list[int], float]:
    """The answers to several browsers, and how long all of them took together, in seconds."""

    def ask(url: str) -> int:
        return TestClient(app, follow_redirects=False, cookies=cookies).get(url).status_code

    began = monotonic()
    with ThreadPoolExecutor(len(urls)) as browsers:
        return list(browsers.map(ask, urls)), monotonic() - began


@pytest.mark.usefixtures("impatient")
def test_an_issuer_that_hangs_keeps_nobody_waiting(
    issuer: TestIssuer, site: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.answers.clear()
    found, seconds = all_at_once(app, ["/sign-in/single"] * 12)
    assert found == [502] * 12 and issuer.asked == ["configuration"]
    # One after the other they would have waited for 12.
    assert seconds < 8
    found, _seconds = all_at_once(app, ["/sign-in/single"] * 12)
    assert found == [502] * 12 and issuer.asked == ["configuration"]
    issuer.answers.set()
    assert site.get("/sign-in/single").status_code == 502
    monkeypatch.setattr(single_sign_on, "FAILURE_SECONDS", 0.0)
    assert site.get(go(site)).status_code == 303


@pytest.mark.usefixtures("impatient")
def test_an_issuer_that_hangs_over_a_code_keeps_few_waiting(issuer: TestIssuer, site: TestClient, app: FastAPI) -> None:
    back = go(site)
    issuer.answers.clear()
    found, _seconds = all_at_once(app, [back] * 16, dict(site.cookies))
    assert found == [502] * 16
    assert 1 <= issuer.asked.count("token") <= single_sign_on.AT_ONCE
    # It is known to be silent, so that nobody is sent there either.
    assert site.get("/sign-in/single").status_code == 502


def test_a_closed_account_stays_closed(issuer: TestIssuer, site: TestClient, database: Database) -> None:
    site.get(go(site))
    with database.session(write=True) as session:
        session.exec(update(User).values(is_active=False))
    assert site.get(go(site)).status_code == 400
    issuer.user["sub"] = "u-2"
    assert site.get(go(site)).status_code == 400


def test_a_site_without_an_issuer_has_no_such_pages(client: TestClient) -> None:
    assert client.get("/sign-in/single").status_code == 404
    assert client.get(CALLBACK).status_code == 404
    assert "/sign-in/single" not in client.get("/sign-in").text


@pytest.mark.parametrize(
    "values",
    [
        {"oidc_issuer": "http://issuer.example", "oidc_client_id": "a", "oidc_client_secret": "b"},
        {"oidc_issuer": "issuer.example", "oidc_client_id": "a", "oidc_client_secret": "b"},
        {"oidc_issuer": "https://issuer.example", "oidc_client_id": "a"},
        {"oidc_issuer": "https://issuer.example", "oidc_client_secret": "b"},
    ],
)
def test_half_a_configuration_is_refused_at_the_start(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(values)
