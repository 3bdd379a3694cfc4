"""Errors: the true status, a message in Chinese, a page for browsers and a line in the flash region for htmx."""

import asyncio
import logging
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.engine import Connection
from starlette.testclient import TestClient

from backend import outbox
from backend.db import Database
from backend.organisations.deps import get_viewer
from tests.conftest import SignIn
from tests.factories import Factory
from tests.web.pages import read

HTMX = {"HX-Request": "true"}
MALFORMED = ["nothing", "%00", "%ff", "0" * 500, "0123456789ABCDEF", "-1", "' OR 1=1", "%F0%9F%AB%80"]


@pytest.mark.parametrize("path", ["/nothing", "/organisation", "/needs/a/b/c", "/static/", "/没有/🫀"])
def test_an_unknown_path_is_not_found_in_chinese(path: str, client: TestClient) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    page = read(answer.text)
    assert "没有找到这个页面" in page["main"].text
    assert "/" in page.links


@pytest.mark.parametrize("feature", ["needs", "capabilities", "organisations"])
@pytest.mark.parametrize("id_", MALFORMED)
def test_a_malformed_id_is_not_found(feature: str, id_: str, client: TestClient) -> None:
    assert client.get(f"/{feature}/{id_}").status_code == 404


@pytest.mark.parametrize("id_", [*MALFORMED, "0123456789abcdef"])
def test_a_malformed_id_is_not_found_by_members_either(id_: str, sign_in: SignIn, make: Factory) -> None:
    client = sign_in(make.party())
    for url in (f"/needs/{id_}/edit", f"/needs/{id_}/suggestions", f"/organisations/{id_}/needs"):
        assert client.get(url).status_code == 404
    assert client.post(f"/capabilities/{id_}/submit").status_code == 404


def test_a_wrong_method_is_answered_as_such(client: TestClient) -> None:
    answer = client.delete("/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert "这个地址不支持该操作" in read(answer.text)["main"].text


def test_an_error_page_shows_who_is_signed_in(sign_in: SignIn, make: Factory) -> None:
    party = make.party()
    client = sign_in(party)
    for answer in (client.get("/nothing"), client.post("/needs", headers={"Sec-Fetch-Site": "cross-site"})):
        assert party.user.email in answer.text


def test_for_htmx_an_error_is_one_line_for_the_flash_region(sign_in: SignIn, make: Factory) -> None:
    """The status stays true; htmx is told where the line belongs."""
    client = sign_in(make.party(verified=False))
    large = {"title": "x" * 3_000_000}
    answers = {
        404: client.get("/nothing", headers=HTMX),
        403: client.get("/needs/new", headers=HTMX),
        405: client.delete("/", headers=HTMX),
        413: client.post("/needs", data=large, headers=HTMX),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["hx-retarget"] == "#flash"
        assert answer.headers["hx-reswap"] == "innerHTML"
        assert "<html" not in answer.text
        assert read(answer.text).all("div", "alert")[0].attributes["role"] == "alert"


def test_a_refused_origin_is_a_line_for_htmx_too(client: TestClient) -> None:
    answer = client.post("/sign-out", headers={**HTMX, "Origin": "https://evil.example"})
    assert (answer.status_code, answer.headers["hx-retarget"]) == (403, "#flash")


def test_a_form_with_errors_is_no_line_but_the_form(sign_in: SignIn, make: Factory) -> None:
    """422 comes back with the whole form, which htmx puts in its place."""
    answer = sign_in(make.party()).post("/needs", data={"title": ""}, headers=HTMX)
    assert answer.status_code == 422
    assert "hx-retarget" not in answer.headers
    assert read(answer.text).error("title") == "请填写标题。"


def test_a_fault_is_logged_and_tells_the_user_nothing_of_it(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    app.dependency_overrides[get_viewer] = fail
    with caplog.at_level(logging.ERROR):
        answer = TestClient(app, raise_server_exceptions=False).get("/")
    assert answer.status_code == 500
    assert "服务器出现故障" in read(answer.text)["main"].text
    assert "secret detail" not in answer.text
    assert "unexpected error on GET /" in caplog.text
    # The server closes the connection after a fault: whoever keeps it open has to know.
    assert answer.headers["connection"] == "close"


@pytest.mark.sqlite
def test_a_commit_that_fails_is_answered_500_and_follows_nothing_up(
    app: FastAPI, sign_in: SignIn, make: Factory, database: Database
) -> None:
    """The user is told, nothing is stored, and the index is not asked to follow what has not happened.

    The database itself refuses here: a reference to nothing, which it checks at the end of the transaction.
    """
    hospital = make.hospital()
    need = make.need(hospital, publish=False)
    signed_in = sign_in(hospital)
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False, cookies=dict(signed_in.cookies))
    followed: list[bool] = []
    app.state.after_commit.append(lambda: followed.append(True))

    def spoil(connection: Connection) -> None:
        if connection.get_execution_options().get("yiqiao_write"):
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            connection.exec_driver_sql("UPDATE need SET organisation_id = 'nobody'")

    event.listen(database.engine, "commit", spoil)
    answer = client.post(f"/needs/{need.id}/submit")
    event.remove(database.engine, "commit", spoil)
    assert answer.status_code == 500
    assert "操作可能没有保存" in read(answer.text)["main"].text
    assert followed == []
    assert f"/needs/{need.id}/submit" in signed_in.get(f"/needs/{need.id}").text
    with database.session() as session:
        assert outbox.pending(session, outbox.Topic.INDEX) == []
    assert client.post(f"/needs/{need.id}/submit").status_code == 303
    assert followed == [True]


def test_what_was_read_is_rolled_back_with_a_refused_write(sign_in: SignIn, make: Factory, database: Database) -> None:
    """A Conflict in the middle of a write leaves no trace, neither audit event nor outbox row."""
    hospital = make.hospital()
    need = make.need(hospital)
    client = sign_in(hospital)
    client.app.state.engine.follow()  # type: ignore[attr-defined]
    assert client.post(f"/needs/{need.id}/restore").status_code == 409
    with database.session() as session:
        assert outbox.pending(session, outbox.Topic.INDEX) == []


def test_who_leaves_before_a_request_is_whole_is_no_fault(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """As a second press of a button does: the browser drops the first request."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/sign-in",
        "raw_path": b"/sign-in",
        "query_string": b"",
        "headers": [
            (b"host", b"testserver"),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"content-length", b"9"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    app: Any = client.app
    with caplog.at_level(logging.INFO):
        asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 400
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
