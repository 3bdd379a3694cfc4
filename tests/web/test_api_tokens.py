"""Personal tokens: made and revoked on their page, shown once, kept as a digest."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.api import service
from backend.api.models import ApiToken
from backend.audit.models import AuditEvent
from backend.db import Database, utc_now
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory
from tests.web.pages import Page, read

URL = "/account/tokens"


def make_token(client: TestClient, **fields: str | list[str]) -> Page:
    """Make a token through the page; gives the page that shows it."""
    sent = {**read(client.get(URL).text).fields, "name": "院内系统", "scopes": ["read", "write:needs"], **fields}
    answer = client.post(URL, data=sent)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    return read(answer.text)


def shown(page: Page) -> str:
    """The token on a page."""
    return page.all("code", "token")[0].text


def rows(database: Database) -> list[ApiToken]:
    """All tokens."""
    with database.session() as session:
        return list(session.exec(select(ApiToken)).all())


def me(client: TestClient, token: str) -> int:
    """What the API answers to a token."""
    return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_is_shown_once_and_kept_as_a_digest(
    make: Factory, sign_in: SignIn, client: TestClient, database: Database
) -> None:
    owner = sign_in(make.hospital())
    token = shown(make_token(owner))
    assert re.fullmatch(r"yq_[A-Za-z0-9_-]{43}", token)
    [row] = rows(database)
    assert token not in str(row.model_dump())
    assert (row.name, row.scopes, row.digest) == ("院内系统", ["read", "write:needs"], service.digest(token))
    assert timedelta(days=89) < row.expires_at - utc_now() < timedelta(days=91)
    page = owner.get(URL)
    assert token not in page.text
    assert "院内系统" in page.text and token[:8] in page.text and "尚未使用" in page.text
    assert me(client, token) == 200
    assert "最近使用" in owner.get(URL).text
    with database.session() as session:
        kinds = [e.event for e in session.exec(select(AuditEvent)).all() if ":token:" in e.event]
    assert kinds == ["account:token:create"]


def test_a_revoked_token_opens_nothing(make: Factory, sign_in: SignIn, client: TestClient, database: Database) -> None:
    owner, other = sign_in(make.hospital()), sign_in(make.hospital())
    token = shown(make_token(owner))
    [row] = rows(database)
    assert other.post(f"{URL}/{row.id}/revoke").status_code == 404
    assert me(client, token) == 200
    assert owner.post(f"{URL}/{row.id}/revoke").status_code == 303
    assert owner.post(f"{URL}/{row.id}/revoke").status_code == 303
    assert me(client, token) == 401
    assert "停用" in owner.get(URL).text
    assert token[:8] not in other.get(URL).text


def test_a_token_ends_with_its_term_and_with_its_user(
    make: Factory, sign_in: SignIn, client: TestClient, database: Database
) -> None:
    party = make.hospital()
    token, ended = (shown(make_token(sign_in(party), days="30")) for _ in range(2))
    with database.session(write=True) as session:
        row = session.exec(select(ApiToken).where(ApiToken.digest == service.digest(ended))).one()
        row.expires_at = utc_now() - timedelta(seconds=1)
        session.add(row)
    assert (me(client, token), me(client, ended)) == (200, 401)
    assert "已失效" in sign_in(party).get(URL).text
    with database.session(write=True) as session:
        user = session.get(type(party.user), party.user.id)
        assert user is not None
        user.is_active = False
        session.add(user)
    assert me(client, token) == 401


def test_a_changed_password_ends_the_tokens_made_before(
    make: Factory, sign_in: SignIn, client: TestClient, database: Database
) -> None:
    party = make.hospital()
    owner = sign_in(party)
    before = shown(make_token(owner))
    sent = {"present": PASSWORD, "password": "another-long-test-password"}
    assert owner.post("/account/password", data=sent).status_code == 303
    renewed = sign_in(party)
    assert (me(client, before), me(client, shown(make_token(renewed)))) == (401, 200)
    assert "已失效" in renewed.get(URL).text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "长" * 61}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"days": "3650"}, "days"),
        ({"days": ""}, "days"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(
    fields: dict[str, str | list[str]], field: str, make: Factory, sign_in: SignIn, database: Database
) -> None:
    client = sign_in(make.hospital())
    sent = {**read(client.get(URL).text).fields, "name": "院内系统", "scopes": ["read"], **fields}
    answer = client.post(URL, data=sent)
    assert answer.status_code == 422
    assert read(answer.text).error(field)
    assert rows(database) == []


def test_a_form_that_is_sent_twice_makes_one_token(make: Factory, sign_in: SignIn, database: Database) -> None:
    party = make.hospital()
    client = sign_in(party)
    sent = {**read(client.get(URL).text).fields, "name": "院内系统", "scopes": ["read"]}
    assert client.post(URL, data=sent).status_code == 201
    assert client.post(URL, data=sent).status_code == 303
    assert sign_in(make.hospital()).post(URL, data=sent).status_code == 404
    assert len(rows(database)) == 1


def test_nobody_keeps_more_tokens_than_can_be_watched(
    make: Factory, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_TOKENS", 1)
    client = sign_in(make.hospital())
    make_token(client)
    sent = {**read(client.get(URL).text).fields, "name": "又一个", "scopes": ["read"]}
    answer = client.post(URL, data=sent)
    assert answer.status_code == 409
    assert "停用不再使用的令牌" in answer.text


def test_a_visitor_signs_in_first(client: TestClient) -> None:
    assert client.get(URL).headers["location"] == "/sign-in?next=/account/tokens"
    assert client.post(URL, data={}).status_code == 303
