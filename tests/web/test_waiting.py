"""While a password is hashed, which takes long by design, others can save."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.accounts import passwords, tokens
from backend.accounts.models import Purpose
from backend.db import Database, new_id
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, password_hash
from tests.web.test_second_factor import set_up

NEW = "seven-patient-bridges"
WRITES: dict[str, dict[str, str]] = {
    "/sign-in": {"password": PASSWORD},
    "/register": {"name": "示例", "password": NEW},
    "/confirm": {"password": PASSWORD},
    "/password/reset": {"password": NEW},
    "/account/password": {"present": PASSWORD, "password": NEW},
    "/account/email": {"email": "new@test.example", "password": PASSWORD},
    "/account/second-factor": {"password": PASSWORD},
    "/account/second-factor/codes": {"password": PASSWORD},
    "/account/second-factor/off": {"password": PASSWORD},
    "/account/tokens": {"name": "示例系统", "scopes": "read", "days": "30", "password": PASSWORD},
    "/account/delete": {"password": PASSWORD},
}


def write_at_once(database: Database) -> None:
    """Take the lock of writers; an error where the request holds it, which goes on after this. PostgreSQL has none."""
    if database.is_sqlite:
        with closing(sqlite3.connect(str(database.engine.url.database), timeout=2, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")


@pytest.fixture
def hashing(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each time that a password is hashed or compared, another transaction writes meanwhile; what was done so far."""
    done: list[str] = []
    password_hash()

    def beside(work: Callable[..., Any], name: str) -> Callable[..., Any]:
        def watched(*texts: Any) -> Any:
            if not isinstance(texts[0], passwords.Tried):
                write_at_once(database)
                done.append(name)
            return work(*texts)

        return watched

    for name in ("verify", "hash_password"):
        monkeypatch.setattr(passwords, name, beside(getattr(passwords, name), name))
    return done


@pytest.mark.parametrize("path", list(WRITES))
def test_nobody_waits_for_a_hash(
    path: str, hashing: list[str], make: Factory, sign_in: SignIn, client: TestClient, database: Database
) -> None:
    party = make.party()
    here = client if path in ("/sign-in", "/register", "/confirm", "/password/reset") else sign_in(party)
    form = {"email": party.user.email, "token_id": new_id(), **WRITES[path]}
    if path == "/register":
        form["email"] = "somebody-new@test.example"
    if path.endswith(("/codes", "/off")):
        form["code"] = set_up(here).codes[0]
    with database.session(write=True) as session:
        purpose = Purpose.CONFIRM if path == "/confirm" else Purpose.RESET
        form["token"] = tokens.issue(session, purpose, party.user.id)
    hashing.clear()
    answer = here.post(path, data=form)
    assert answer.status_code in (201, 303), answer.text
    assert hashing
