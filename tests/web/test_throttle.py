"""Limits to attempts: by account and address, over all processes, and never to the harm of an account's owner."""

import threading
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import select, update
from starlette.testclient import TestClient

from backend.accounts import cleaning, passwords, throttle
from backend.accounts.models import ThrottleHit
from backend.config import Settings
from backend.db import Database, utc_now
from backend.errors import TooManyAttempts
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, Party
from tests.postbox import Postbox
from tests.web.pages import read


@pytest.fixture
def member(make: Factory) -> Party:
    """A member of an enterprise."""
    return make.party()


def attempt(client: TestClient, party: Party, password: str = "wrong") -> int:
    return client.post("/sign-in", data={"email": party.user.email, "password": password}).status_code


def at(settings: Settings, database: Database, engine: SearchEngine, address: str) -> TestClient:
    """A visitor whom our proxy reports with this address."""
    behind = settings.model_copy(update={"proxy_hops": 1})
    return TestClient(
        create_app(behind, database=database, engine=engine),
        follow_redirects=False,
        headers={"X-Forwarded-For": f"203.0.113.200, {address}"},
    )


def pass_time(database: Database, **ago: int) -> None:
    """Let all attempts have been so long ago."""
    with database.session(write=True) as session:
        for hit in session.exec(select(ThrottleHit)).all():
            hit.at -= timedelta(**ago)
            hit.expires_at -= timedelta(**ago)
            session.add(hit)


def test_the_sixth_wrong_password_has_to_wait(client: TestClient, member: Party, database: Database) -> None:
    assert [attempt(client, member) for _ in range(5)] == [422] * 5
    answer = client.post("/sign-in", data={"email": member.user.email, "password": PASSWORD, "next": "/needs"})
    assert answer.status_code == 429
    assert 800 < int(answer.headers["retry-after"]) <= 900
    page = read(answer.text)
    assert "尝试次数过多，请在 15 分钟后再试。" in page["error-summary"].text
    assert (page.fields["email"], page.fields["next"]) == (member.user.email, "/needs")
    pass_time(database, minutes=16)
    assert attempt(client, member, PASSWORD) == 303


def test_an_unknown_address_is_limited_in_the_same_way(client: TestClient) -> None:
    data = {"email": "nobody@test.example", "password": "wrong"}
    assert [client.post("/sign-in", data=data).status_code for _ in range(6)] == [422] * 5 + [429]


def test_the_right_password_begins_the_count_anew(client: TestClient, member: Party) -> None:
    for _ in range(2):
        assert [attempt(client, member) for _ in range(4)] == [422] * 4
        assert attempt(client, member, PASSWORD) == 303


def test_one_address_cannot_try_many_accounts(client: TestClient, database: Database) -> None:
    with database.session(write=True) as session:
        for number in range(50):
            throttle.count_sign_in(session, f"somebody{number}@test.example", "unknown")
    answer = client.post("/sign-in", data={"email": "other@test.example", "password": "wrong"})
    assert answer.status_code == 429


def test_nobody_can_lock_an_account_for_its_owner(
    settings: Settings, database: Database, engine: SearchEngine, member: Party
) -> None:
    home = at(settings, database, engine, "198.51.100.1")
    assert attempt(home, member, PASSWORD) == 303
    with database.session(write=True) as session:
        for number in range(30):
            throttle.count_sign_in(session, member.user.email, f"203.0.113.{number}")
    assert attempt(home, member, PASSWORD) == 303
    elsewhere, attacker = (at(settings, database, engine, f"198.51.100.{n}") for n in (2, 3))
    assert attempt(attacker, member) == 422
    assert attempt(elsewhere, member, PASSWORD) == 429
    with database.session(write=True) as session:
        with pytest.raises(TooManyAttempts) as raised:
            throttle.check_sign_in(session, member.user.email, "198.51.100.9")
        assert raised.value.retry_after <= 60
        throttle.reopen(session, member.user.email, member.user.id)
    assert attempt(elsewhere, member, PASSWORD) == 303


def test_what_a_client_writes_into_the_header_is_not_believed(
    client: TestClient, member: Party, settings: Settings, database: Database, engine: SearchEngine
) -> None:
    for number in range(5):
        client.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        assert attempt(client, member) == 422
    client.headers["X-Forwarded-For"] = "203.0.113.77"
    assert attempt(client, member) == 429
    assert attempt(at(settings, database, engine, "198.51.100.1"), member) == 422


def test_codes_are_limited(client: TestClient, make: Factory) -> None:
    broker = make.broker()
    assert attempt(client, broker, PASSWORD) == 303
    statuses = [client.post("/sign-in/code", data={"code": f"00000{n}"}).status_code for n in range(6)]
    assert statuses == [422] * 5 + [429]
    attempt(client, broker, PASSWORD)
    answer = client.post("/sign-in/code", data={"code": "000009"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_the_present_password_is_limited(member: Party, sign_in: SignIn) -> None:
    here = sign_in(member)
    form = {"present": "wrong", "password": "seven-patient-bridges"}
    statuses = [here.post("/account/password", data=form).status_code for _ in range(9)]
    assert statuses == [422] * 8 + [429]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/register", {"name": "甲", "password": "three-quiet-lanterns"}),
        ("/confirm/again", {}),
        ("/password/forgot", {}),
    ],
)
def test_nobody_floods_a_mailbox(
    path: str, fields: dict[str, str], postbox: Postbox, client: TestClient, member: Party, database: Database
) -> None:
    for email in (member.user.email, "nobody@test.example"):
        data = {**fields, "email": email}
        assert [client.post(path, data=data).status_code for _ in range(5)] == [303] * 4 + [429]
        refused = client.post(path, data=data)
        assert refused.headers["retry-after"]
        assert read(refused.text).fields["email"] == email
    with database.session(write=True) as session:
        throttle.count(session, *[throttle.mails_from("unknown")] * 30)
    assert client.post(path, data={**fields, "email": "third@test.example"}).status_code == 429


@pytest.mark.parametrize("path", ["/register", "/password/reset", "/account/password"])
def test_forms_with_a_new_password_are_limited_before_the_password_is_looked_at(
    path: str, member: Party, sign_in: SignIn, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = sign_in(member)
    with database.session(write=True) as session:
        throttle.count(session, *[throttle.new_passwords_from("unknown")] * 59)
    here.post(path, data={"name": "", "email": "nobody", "token": "x", "password": "short"})
    monkeypatch.setattr(passwords, "is_guessable", lambda *_texts: pytest.fail("the password was looked at"))
    form = {"name": "甲", "email": "a@test.example", "token": "x", "password": "three-quiet-lanterns"}
    answer = here.post(path, data=form)
    assert answer.status_code == 429
    assert "尝试次数过多" in read(answer.text)["error-summary"].text


def test_links_are_limited(client: TestClient, database: Database) -> None:
    form = {"token": "x", "password": "three-quiet-lanterns"}
    assert client.post("/account/email/confirm", data=form).status_code == 410
    with database.session(write=True) as session:
        throttle.count(session, *[throttle.links_from("unknown")] * 60)
    assert client.post("/account/email/confirm", data=form).status_code == 429


def test_many_at_once_pass_no_limit(client: TestClient, app: FastAPI, member: Party, database: Database) -> None:
    """Where PostgreSQL finds too many in one another's way, it answers that it is busy; nobody gets past the limit."""
    statuses: list[int] = []

    def try_once() -> None:
        visitor = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
        statuses.append(attempt(visitor, member))

    threads = [threading.Thread(target=try_once) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if database.is_sqlite:
        assert sorted(statuses) == [422] * 5 + [429] * 7
    else:
        assert len(statuses) == 12 and statuses.count(422) <= 5
        assert set(statuses) <= {422, 429, 503}


def test_the_table_names_nobody_and_is_emptied(client: TestClient, member: Party, database: Database) -> None:
    attempt(client, member)
    with database.session() as session:
        rows = session.exec(select(ThrottleHit)).all()
    assert len(rows) == 3
    assert all(len(row.key) == 64 and member.user.email not in row.key for row in rows)
    cleaning.clean(database)
    with database.session(write=True) as session:
        assert len(session.exec(select(ThrottleHit)).all()) == 3
        session.exec(update(ThrottleHit).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert cleaning.clean(database) == 3


def test_the_storage_answers_what_the_library_asks(database: Database) -> None:
    with database.session(write=True) as session:
        storage = throttle.DatabaseStorage(session)
        assert storage.check()
        assert (storage.get("a"), storage.incr("a", 60), storage.incr("a", 60, 2), storage.get("b")) == (0, 1, 3, 0)
        assert 55 < storage.get_expiry("a") - utc_now().timestamp() <= 60
        assert storage.acquire_entry("a", 4, 60) and not storage.acquire_entry("a", 4, 60)
        start, count = storage.get_moving_window("a", 4, 60)
        assert count == 4 and start <= utc_now().timestamp()
        storage.clear("a")
        assert storage.get("a") == 0
        storage.incr("b", 60)
        assert storage.reset() == 1
