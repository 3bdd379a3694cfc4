"""Requests and tasks whose transaction met another one run again; on SQLite writers wait for each other instead."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import update
from sqlmodel import Session
from starlette.testclient import TestClient

from backend.again import KEPT_BYTES, TURNS, RunAgain, repeated
from backend.db import Database, is_conflict
from backend.organisations.models import Organisation
from backend.tasks import Task, run_one
from tests.conftest import SignIn
from tests.factories import Factory


def raised(database: Database, make: Factory) -> Exception:
    """The error of a transaction that changes what has changed since it looked; SQLite knows none."""
    organisation = make.party().organisation
    seen, changed = threading.Event(), threading.Event()

    def late() -> None:
        with database.session(write=True) as session:
            assert session.get(Organisation, organisation.id)
            seen.set()
            changed.wait(10)
            session.execute(update(Organisation).values(summary="late"))

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(late)
        seen.wait(10)
        with database.session(write=True) as session:
            session.execute(update(Organisation).values(summary="early"))
        changed.set()
        error = future.exception(20)
    assert isinstance(error, Exception)
    return error


def test_postgresql_refuses_and_the_error_is_known(
    database: Database, make: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite lets the second writer wait")
    error = raised(database, make)
    assert is_conflict(error)
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        if len(turns) < 3:
            raise error

    repeated(work)
    assert len(turns) == 3
    turns.clear()
    run_one(Task("meets another", 1, work))
    assert (len(turns), caplog.text) == (3, "")


def test_what_is_no_conflict_is_not_repeated() -> None:
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        repeated(work)
    assert turns == [1]


def application(work: Callable[[], None]) -> TestClient:
    """An application whose one address does some work and tells what it was sent."""
    app = FastAPI()
    app.add_middleware(RunAgain)

    @app.post("/")
    async def post(request: Request) -> dict[str, int]:
        length = len(await request.body())
        work()
        return {"length": length}

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("fails", "length", "status"), [(2, 10, 200), (TURNS, 10, 500), (1, 3_000_000, 200), (1, KEPT_BYTES + 1, 500)]
)
def test_a_request_is_run_again_with_its_body(
    fails: int, length: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so often, and only while all of it is still at hand."""
    monkeypatch.setattr("backend.again.is_conflict", lambda error: isinstance(error, LookupError))
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        if len(turns) <= fails:
            raise LookupError

    answer = application(work).post("/", content=b"x" * length)
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"length": length}
        assert len(turns) == fails + 1


def test_two_who_change_the_same_at_once_lose_nothing(
    app: FastAPI, sign_in: SignIn, make: Factory, database: Database
) -> None:
    """Twenty requests that submit and withdraw the same two capabilities: every answer is one of a user's own."""
    party = make.party()
    ids = [make.capability(party).id for _number in range(2)]
    client = sign_in(party)

    def act(number: int) -> int:
        action = ("withdraw", "submit")[number // 2 % 2]
        return client.post(f"/capabilities/{ids[number % 2]}/{action}").status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(act, range(20)))
    assert set(statuses) <= {303, 409}
    assert 303 in statuses


def test_a_text_with_nul_finds_nothing_and_breaks_nothing(database: Database) -> None:
    with database.session() as session:
        assert _named(session, "a\0b") is None


def _named(session: Session, name: str) -> Organisation | None:
    return session.get(Organisation, name)
