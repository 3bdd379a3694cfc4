"""Personal tokens: made and revoked on their page, shown once, kept as a digest."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.accounts import service as accounts
from backend.accounts import tokens
from backend.accounts.models import Purpose, User
from backend.api import service
from backend.api.models import ApiToken
from backend.audit.models import AuditEvent
from backend.db import Database, utc_now
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, Party
from tests.postbox import Postbox
from tests.web.pages import Page, read
from tests.web.test_second_factor import set_up

URL = "/account/tokens"


def make_token(client: TestClient, **fields: str | list[str]) -> Page:
    """Make a token through the page; gives the page that shows it."""
    sent = {**read(client.get(URL).text).fields, "name": "院内系统", "scopes": ["read", "write:needs"]}
    sent |= {"password": PASSWORD, **fields}
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
    assert "到期" in sign_in(party).get(URL).text
    with database.session(write=True) as session:
        user = session.get(type(party.user), party.user.id)
        assert user is not None
        user.is_active = False
        session.add(user)
    assert me(client, token) == 401


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "长" * 61}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"days": "3650"}, "days"),
        ({"days": ""}, "days"),
        ({"password": ""}, "password"),
        ({"password": "wrong"}, "password"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(
    fields: dict[str, str | list[str]], field: str, make: Factory, sign_in: SignIn, database: Database
) -> None:
    client = sign_in(make.hospital())
    sent = {**read(client.get(URL).text).fields, "name": "院内系统", "scopes": ["read"], "password": PASSWORD, **fields}
    answer = client.post(URL, data=sent)
    assert answer.status_code == 422
    assert read(answer.text).error(field)
    assert rows(database) == []


def test_a_form_that_is_sent_twice_makes_one_token(make: Factory, sign_in: SignIn, database: Database) -> None:
    party = make.hospital()
    client = sign_in(party)
    sent = {**read(client.get(URL).text).fields, "name": "院内系统", "scopes": ["read"], "password": PASSWORD}
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
    sent = {**read(client.get(URL).text).fields, "name": "又一个", "scopes": ["read"], "password": PASSWORD}
    answer = client.post(URL, data=sent)
    assert answer.status_code == 409
    assert "停用不再使用的令牌" in answer.text


def test_a_new_token_is_told_by_mail(postbox: Postbox, make: Factory, sign_in: SignIn) -> None:
    party = make.hospital()
    token = shown(make_token(sign_in(party)))
    mail = postbox.the_one(party.user.email)
    assert "A new token" in mail.subject
    assert token not in mail.text


def test_with_a_second_factor_its_code_is_asked_for_too(make: Factory, sign_in: SignIn, database: Database) -> None:
    here = sign_in(make.hospital())
    phone = set_up(here)
    sent = {**read(here.get(URL).text).fields, "name": "院内系统", "scopes": ["read"], "password": PASSWORD}
    assert read(here.post(URL, data=sent).text).error("code")
    assert "不正确" in read(here.post(URL, data={**sent, "code": "000000"}).text).error("code")
    assert rows(database) == []
    assert here.post(URL, data={**sent, "code": phone.codes[0]}).status_code == 201
    assert here.post(URL, data={**sent, "code": phone.codes[0]}).status_code == 303
    assert len(rows(database)) == 1


def test_guessing_the_password_here_is_limited(make: Factory, sign_in: SignIn) -> None:
    here = sign_in(make.hospital())
    sent = {**read(here.get(URL).text).fields, "name": "院内系统", "scopes": ["read"], "password": "wrong"}
    assert [here.post(URL, data=sent).status_code for _ in range(9)] == [422] * 8 + [429]


def end_sessions(here: TestClient, party: Party, database: Database) -> None:
    assert here.post("/account/sessions/end-others", data={"password": PASSWORD}).status_code == 303


def end_everywhere(here: TestClient, party: Party, database: Database) -> None:
    with database.session(write=True) as session:
        user = session.get(User, party.user.id)
        assert user
        accounts.sign_out_everywhere(session, user)


def change_password(here: TestClient, party: Party, database: Database) -> None:
    form = {"present": PASSWORD, "password": "seven-patient-bridges"}
    assert here.post("/account/password", data=form).status_code == 303


def reset_password(here: TestClient, party: Party, database: Database) -> None:
    with database.session(write=True) as session:
        token = tokens.issue(session, Purpose.RESET, party.user.id)
    form = {"token": token, "password": "seven-patient-bridges"}
    assert here.post("/password/reset", data=form).status_code == 303


@pytest.mark.parametrize("end", [end_sessions, end_everywhere, change_password, reset_password])
def test_what_ends_all_sessions_ends_all_tokens(
    end: Callable[[TestClient, Party, Database], None],
    make: Factory,
    sign_in: SignIn,
    client: TestClient,
    database: Database,
) -> None:
    party = make.hospital()
    here = sign_in(party)
    token, others = shown(make_token(here)), shown(make_token(sign_in(make.hospital())))
    end(here, party, database)
    assert (me(client, token), me(client, others)) == (401, 200)
    page = sign_in(party).get(URL).text
    assert "停用" in page and f"{URL}/{rows(database)[0].id}/revoke" not in page
    password = PASSWORD if end in (end_sessions, end_everywhere) else "seven-patient-bridges"
    assert me(client, shown(make_token(sign_in(party), password=password))) == 200


def test_a_visitor_signs_in_first(client: TestClient) -> None:
    assert client.get(URL).headers["location"] == "/sign-in?next=/account/tokens"
    assert client.post(URL, data={}).status_code == 303
