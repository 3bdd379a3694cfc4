"""Nothing private stands in any line of the log of any library, at the most talkative level, whatever goes wrong.

Private are the texts of needs and capabilities, and what was typed into the search. `test_engine_privacy` shows it of
every step of the engine; here the pages are used, and everything that is written anywhere is read.
"""

import errno
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from backend.config import PROJECT_ROOT, Settings
from backend.db import Database
from backend.logs import formatter
from backend.matching import snapshots
from backend.observing import REQUEST_ID
from backend.quiet import keep_server_quiet, trace
from embeddings.types import EncoderUnavailable, Vector
from tests.conftest import SignIn
from tests.factories import Factory
from tests.fakes import FakeEncoder, SwitchedLoader
from tests.steps import environment_of
from tests.web.pages import read
from tests.web.review_steps import publish_again, publish_from

CANARY = "金丝雀八号"
CANARY_URL = f"http://testserver/search?q={quote(CANARY)}"
BROWSER = ("httpx", "httpcore", "urllib3")
"""Loggers of the browser that the tests use; they are no part of the site."""
SIDES = {"needs": "need", "capabilities": "capability"}
CHOSEN = frozenset({"subject_id", "version", "organisation_id", "requirements_seen"})


class Talkative(FakeEncoder):
    """Repeats the text in its errors, as libraries do."""

    fails = False

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        """Fails when told to."""
        if self.fails:
            raise RuntimeError(f"cannot encode {texts!r}")
        return super().encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """Fails when told to."""
        if self.fails:
            raise RuntimeError(f"cannot encode {texts!r}")
        return super().encode_passages(texts)


@pytest.fixture
def talkative() -> Talkative:
    """The encoder of the site."""
    return Talkative()


@pytest.fixture
def loader(talkative: Talkative) -> SwitchedLoader:
    """Loads it."""
    return SwitchedLoader(talkative)


def everything(records: Sequence[logging.LogRecord]) -> str:
    """All that a handler could write of these records: message, arguments, traceback."""
    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")
    ours = [record for record in records if not record.name.startswith(BROWSER)]
    return "\n".join(f"{formatter.format(record)} {record.args!r} {record.exc_info!r}" for record in ours)


def filled(client: TestClient, url: str, text: str) -> dict[str, str | list[str]]:
    """The form at an address with a text in every field that can be written in."""
    page = read(client.get(url).text)
    written = {e.attributes["name"] for e in page.all("textarea")}
    written |= {e.attributes["name"] for e in page.all("input") if e.attributes.get("type", "text") == "text"}
    assert len(written - CHOSEN) > 3, "the form has no fields to write in"
    return {**page.fields, **{name: f"{text}。{name}" for name in written - CHOSEN}}


def _use(client: TestClient, kind: str) -> str:
    """Submit and publish, look for what fits, edit, withdraw, publish again; returns the address."""
    url = publish_from(client, f"/{kind}", filled(client, f"/{kind}/new", CANARY))
    assert client.get(f"{url}/suggestions").status_code in (200, 500)
    edited = client.post(f"{url}/edit", data=filled(client, f"{url}/edit", f"改过的{CANARY}"))
    assert edited.status_code == 303
    assert client.post(f"{url}/withdraw").status_code == 303
    return publish_again(client, url)


def _full(*_arguments: object, **_options: object) -> bool:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), CANARY)


def test_no_text_in_any_line_of_any_logger(
    app: FastAPI,
    sign_in: SignIn,
    make: Factory,
    database: Database,
    talkative: Talkative,
    loader: SwitchedLoader,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = app.state.engine
    with caplog.at_level(logging.DEBUG):
        made = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
        hospital, company = make.hospital(), make.party()
        author, offerer = (_with_cookies(made, sign_in(party)) for party in (hospital, company))
        for client, kind in ((author, "needs"), (offerer, "capabilities")):
            url = _use(client, kind)
            assert CANARY in client.get("/search", params={"q": CANARY, "side": SIDES[kind]}).text
            assert (
                client.post(
                    f"/{kind}", data={**filled(client, f"/{kind}/new", CANARY), "title": CANARY * 40}
                ).status_code
                == 422
            )
        engine.rebuild(encode_again=True)
        with monkeypatch.context() as context:
            context.setattr(snapshots, "save", _full)
            engine.save()
        talkative.fails = True
        assert author.get("/search", params={"q": f"{CANARY}新"}).status_code == 500
        _use(author, "needs")
        with pytest.raises(RuntimeError):
            engine.rebuild(encode_again=True)
        engine._slot.loaded, loader.available = None, False
        with pytest.raises(EncoderUnavailable):
            engine.follow()
        _use(offerer, "capabilities")
        assert offerer.post(f"{url}/withdraw").status_code == 303
    told = everything(caplog.records)
    for line in ("unexpected error on GET /search", "indexing postponed", "could not be saved", "encoder unavailable"):
        assert line in told
    assert CANARY not in told
    assert quote(CANARY) not in told


def _with_cookies(made: TestClient, signed_in: TestClient) -> TestClient:
    return TestClient(made.app, raise_server_exceptions=False, follow_redirects=False, cookies=dict(signed_in.cookies))


SERVER = """
import sys
from backend.config import Settings
from backend.db import Database
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from tests.unit.test_logs import Talkative
import logging, uvicorn

logging.basicConfig(level="DEBUG")
settings = Settings(_env_file=None)
database = Database(settings.resolved_database_url)
encoder = Talkative()
engine = SearchEngine(database, settings.index_dir, lambda: encoder)
engine.follow()
encoder.fails = True
uvicorn.run(create_app(settings, database=database, engine=engine), port=int(sys.argv[1]), log_level="debug")
"""


def test_the_server_writes_down_neither_what_was_typed_nor_what_an_error_says(
    settings: Settings, tmp_path: Path
) -> None:
    """A real process of uvicorn, which by itself writes whole addresses and whole tracebacks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "server.log"
    environment = {**os.environ, **environment_of(settings), "PYTHONPATH": str(PROJECT_ROOT)}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(port)], stdout=output, stderr=output, env=environment, cwd=tmp_path
        )
        try:
            statuses = [
                _get(port, f"/search?q={quote(CANARY)}&side=need"),
                _get(port, "/search"),
                _get(port, "/nothing?a=1"),
            ]
        finally:
            server.terminate()
            server.wait(20)
    told = log.read_text("utf-8")
    assert statuses == [500, 200, 404]
    for line in (
        "unexpected error on GET /search: Traceback",
        "Exception in ASGI application: Traceback",
        "RuntimeError at ",
    ):
        assert line in told
    assert '"GET /search HTTP/1.1" 500' in told
    assert CANARY not in told
    assert quote(CANARY) not in told


def _get(port: int, path: str) -> int:
    """The status of an address, once the server listens."""
    for _turn in range(200):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError("the server does not listen")


def test_the_way_of_an_error_names_its_causes_and_no_message() -> None:
    def fail() -> None:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise RuntimeError(CANARY) from cause

    with pytest.raises(RuntimeError) as raised:
        fail()
    told = trace(raised.value)
    assert told.index("RuntimeError at ") < told.index("KeyError at ")
    assert "test_logs.py" in told
    assert CANARY not in told


def test_an_error_that_leads_to_itself_ends() -> None:
    error = RuntimeError()
    other = ValueError()
    error.__context__, other.__context__ = other, error
    assert trace(error).count(" at ") == 2


def test_lines_without_anything_private_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    keep_server_quiet()
    keep_server_quiet()
    log = logging.getLogger("uvicorn.error")
    with caplog.at_level(logging.INFO):
        log.info("Uvicorn running on %s", "http://127.0.0.1:1")
        logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "::1", "GET", "/needs?q=a", "1.1", 200)
    assert [record.getMessage() for record in caplog.records] == [
        "Uvicorn running on http://127.0.0.1:1",
        '::1 - "GET /needs HTTP/1.1" 200',
    ]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_of_either_form_holds_the_way_of_an_error_and_not_its_message(log_format: str) -> None:
    """Of whichever library: the message of an error may be a text that not everybody may read."""
    log = logging.getLogger("some.library")
    try:
        raise RuntimeError(CANARY)
    except RuntimeError:
        record = log.makeRecord(log.name, logging.ERROR, "x.py", 1, "it %s", ("failed",), sys.exc_info(), sinfo=CANARY)
    token = REQUEST_ID.set("number-of-the-request")
    line = formatter(log_format).format(record)
    REQUEST_ID.reset(token)
    for part in ("it failed", "RuntimeError at test_logs.py", "number-of-the-request", "some.library"):
        assert part in line
    assert CANARY not in line
    if log_format == "json":
        assert "\n" not in line
        assert set(json.loads(line)) == {"level", "logger", "message", "request_id", "timestamp", "trace"}


def test_a_request_is_a_line_of_fields(
    client: TestClient, sign_in: SignIn, make: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what was searched for, nor who it is by name or address, stands in it."""
    party = make.party()
    with caplog.at_level(logging.INFO, "backend.observing"):
        sign_in(party).get(
            f"/search?q={CANARY}", headers={"Authorization": f"Bearer {quote(CANARY)}", "Referer": CANARY_URL}
        )
    record = next(record for record in caplog.records if record.name == "backend.observing")
    line = json.loads(formatter("json").format(record))
    assert line["duration_ms"] > 0
    assert {key: line[key] for key in ("method", "route", "status", "user_id")} == {
        "method": "GET",
        "route": "/search",
        "status": 200,
        "user_id": party.user.id,
    }
    told = json.dumps(line, ensure_ascii=False)
    assert CANARY not in told and quote(CANARY) not in told
    assert party.user.email not in told and party.user.name not in told
