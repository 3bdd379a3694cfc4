"""What programs ask: whether the site lives and is ready, its figures, and who may read them."""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlmodel import col, func, select
from starlette.testclient import TestClient

from backend.config import Settings
from backend.db import Database, utc_now
from backend.errors import NotFound
from backend.mailer import Mail
from backend.observing import HEADER
from backend.outbox import OutboxRow
from embeddings.types import EncoderUnavailable
from tests.conftest import SignIn
from tests.factories import Factory
from tests.fakes import SwitchedLoader
from tests.web.pages import read


@pytest.fixture
def machine(app: FastAPI, client: TestClient) -> TestClient:
    """A program on the machine of the site."""
    return TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 40000))


def figure(figures: str, name: str) -> float:
    """The value of a line."""
    return next(float(line.rpartition(" ")[2]) for line in figures.splitlines() if line.startswith(f"{name} "))


@pytest.mark.usefixtures("broken")
def test_a_living_process_says_so_without_its_database(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


def test_a_site_is_ready_with_database_and_tables(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "migrations": "ok", "encoder": "ready"}
    assert answer.headers["cache-control"] == "no-store"


def test_a_site_without_encoder_is_ready_and_says_it(app: FastAPI, loader: SwitchedLoader, client: TestClient) -> None:
    app.state.engine._slot.loaded, loader.available = None, False
    with pytest.raises(EncoderUnavailable):
        app.state.engine.encoder()
    found = client.get("/readyz").json()
    assert (found["ready"], found["encoder"]) == (True, "unavailable")


def test_tables_of_another_version_are_not_ready(client: TestClient, database: Database) -> None:
    with database.session(write=True) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "tables are not those of this program"


@pytest.mark.usefixtures("broken")
def test_a_database_that_does_not_answer_is_not_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (answer.json()["ready"], answer.json()["database"]) == (False, "OperationalError")


@pytest.mark.usefixtures("broken")
def test_pages_of_a_database_that_does_not_answer_ask_to_try_again(
    client: TestClient, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = TestClient(app, raise_server_exceptions=False)
    answer = visitor.get("/search")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    page = read(answer.text)
    assert "数据库暂时无法访问，操作可能没有保存。请稍后重试。" in page["main"].text
    assert f"编号：{answer.headers[HEADER]}" in page["main"].text
    assert answer.headers[HEADER] != ""
    assert "unexpected error on GET /search" in caplog.text


@pytest.fixture
def broken(database: Database, client: TestClient) -> Iterator[None]:
    """Let no connection succeed any more; those that are lent out come back to where they were lent."""
    url = "sqlite:////nowhere/at/all" if database.is_sqlite else "postgresql+psycopg://nobody@/nothing?host=/nowhere"
    pool = database.engine.pool
    pool.dispose()
    database.engine.pool = create_engine(url).pool
    yield
    database.engine.pool = pool


def waiting_mails(database: Database) -> int:
    """How many mails have not been sent or given up."""
    with database.session() as session:
        return session.exec(select(func.count()).select_from(Mail).where(col(Mail.due_at).is_not(None))).one()


def pauses() -> Iterator[None]:
    """Half a minute in small steps."""
    for _step in range(300):
        yield
        time.sleep(0.1)


def waiting_texts(database: Database) -> int:
    """How many texts the index has still to follow."""
    with database.session() as session:
        return session.exec(select(func.count()).select_from(OutboxRow).where(col(OutboxRow.done_at).is_(None))).one()


def test_figures_count_requests_by_route_and_what_waits(
    machine: TestClient, client: TestClient, make: Factory, database: Database, sign_in: SignIn
) -> None:
    party = make.party()
    capability = make.capability(party)
    signed_in = sign_in(party)
    before = machine.get("/metrics").text
    for _time in range(3):
        assert signed_in.get(f"/capabilities/{capability.id}").status_code == 200
    assert client.post("/sign-in", data={"email": party.user.email, "password": "wrong"}).status_code == 422
    make.capability(party, "又一项")
    with database.session(write=True) as session:
        session.add(Mail(event="test", recipient="reader@test.example", due_at=utc_now() + timedelta(hours=1)))
    most, most_texts = waiting_mails(database), waiting_texts(database)
    after = machine.get("/metrics").text
    route = 'yiqiao_requests_total{method="GET",route="/capabilities/{capability_id}",status="200"}'
    assert figure(after, route) - (figure(before, route) if route in before else 0) == 3
    assert capability.id not in after
    assert figure(after, "yiqiao_database_up") == 1
    # The site follows its texts and sends its mails meanwhile; the mail above is not due yet.
    assert waiting_texts(database) <= figure(after, 'yiqiao_outbox_waiting{topic="index"}') <= most_texts
    assert 1 <= waiting_mails(database) <= figure(after, "yiqiao_mails_waiting") <= most
    # What was made above is followed by and by, then nothing lags.
    assert any(figure(machine.get("/metrics").text, "yiqiao_index_lag") == 0 for _ in pauses())
    assert figure(after, "yiqiao_sign_in_refusals_total") == 1


def test_figures_are_for_the_machine_itself_alone(app: FastAPI, machine: TestClient, client: TestClient) -> None:
    """Neither for others, nor for what a proxy on the same machine hands on."""
    assert machine.get("/metrics").status_code == 200
    assert client.get("/metrics").status_code == NotFound.status
    far = TestClient(app, base_url="http://127.0.0.1:8000", client=("203.0.113.9", 40000))
    assert far.get("/metrics").status_code == 404
    for headers in ({"X-Forwarded-For": "203.0.113.9"}, {"Host": "testserver"}, {"Forwarded": "for=203.0.113.9"}):
        assert machine.get("/metrics", headers=headers).status_code == 404


def test_figures_with_a_token_are_for_who_bears_it(settings: Settings, app: FastAPI, machine: TestClient) -> None:
    app.state.settings = settings.model_copy(update={"metrics_token": SecretStr("a-long-token")})
    assert machine.get("/metrics").status_code == 404
    assert machine.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 404
    far = TestClient(app, client=("203.0.113.9", 40000))
    assert far.get("/metrics", headers={"Authorization": "Bearer a-long-token"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/search", "/healthz", "/readyz", "/sign-in", "/nothing"])
def test_head_answers_as_get_without_the_body(client: TestClient, path: str) -> None:
    asked, got = client.head(path), client.get(path)
    assert asked.status_code == got.status_code
    assert asked.content == b""
    assert asked.headers["content-type"] == got.headers["content-type"]


def test_a_request_has_a_number_in_answer_and_log(
    client: TestClient, sign_in: SignIn, make: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    party = make.party()
    signed_in = sign_in(party)
    with caplog.at_level(logging.INFO, "backend.observing"):
        given = signed_in.get("/search?q=金丝雀", headers={HEADER: "proxy-number-1"})
        strange = client.get("/search?q=金丝雀", headers={HEADER: "<script>"})
    assert given.headers[HEADER] == "proxy-number-1"
    assert len(strange.headers[HEADER]) == 16
    first, second = (record.getMessage() for record in caplog.records if record.name == "backend.observing")
    assert first.startswith("GET /search 200 in ") and first.endswith(f"user {party.user.id}")
    assert second.endswith("user -")
    assert party.user.email not in caplog.text and "金丝雀" not in caplog.text
