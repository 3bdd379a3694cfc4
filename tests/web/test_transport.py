"""For which hosts the site answers, over what, and how long it waits for a request."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from backend.accounts import sessions
from backend.config import Settings
from backend.db import Database
from backend.headers import SECURITY_HEADERS
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from backend.organisations.deps import get_viewer
from backend.transport import HSTS, BodyInTime, SlowRequest, host_name
from tests.factories import PASSWORD, Factory


@pytest.fixture
def https(settings: Settings, database: Database, engine: SearchEngine) -> Iterator[TestClient]:
    """The site as it is reached by HTTPS under a name of its own."""
    changed = settings.model_copy(update={"site_url": "https://yiqiao.test.example", "hosts": ""})
    with TestClient(create_app(changed, database=database, engine=engine), base_url="https://yiqiao.test.example") as c:
        yield c


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "testserver.evil.example",
        "evil.example:80",
        "",
        "@testserver",
        "testserver@evil.example",
        "[::2]",
    ],
)
def test_an_unknown_host_gets_no_page(host: str, client: TestClient) -> None:
    for url in ("/", "/static/css/app.css", "/sign-in"):
        answer = client.get(url, headers={"Host": host})
        assert answer.status_code == 400
        assert "evil" not in answer.text
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize(
    "host", ["testserver", "TESTSERVER:8000", "127.0.0.1:1", "localhost", "[::1]:8000", "testserver."]
)
def test_the_hosts_of_the_site_and_of_this_machine_are_answered(host: str, client: TestClient) -> None:
    assert client.get("/sign-in", headers={"Host": host}).status_code == 200


def test_the_name_in_a_host_header() -> None:
    names = [host_name(host) for host in ("A.example:80", "[::1]:80", "[::1", "", ":80")]
    assert names == ["a.example", "[::1]", "[::1]", "", ""]


def test_over_https_browsers_are_told_to_stay_there(https: TestClient, client: TestClient) -> None:
    for url in ("/", "/nothing", "/static/css/app.css"):
        assert https.get(url).headers["strict-transport-security"] == HSTS
        assert "strict-transport-security" not in client.get(url).headers


def test_a_failure_tells_them_too(https: TestClient) -> None:
    def fail() -> None:
        raise RuntimeError

    app = https.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[get_viewer] = fail
    failed = TestClient(app, raise_server_exceptions=False, base_url="https://yiqiao.test.example").get("/")
    assert failed.status_code == 500
    assert failed.headers["strict-transport-security"] == HSTS


def test_over_https_cookies_are_for_https_alone(https: TestClient, make: Factory) -> None:
    user = make.party().user
    answer = https.post("/sign-in", data={"email": user.email, "password": PASSWORD}, follow_redirects=False)
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{sessions.HOST_COOKIE}="))
    assert "; secure" in cookie.lower()
    assert https.get("/account", follow_redirects=False).status_code == 200


def test_no_cookie_of_a_secure_site_is_left_out(https: TestClient, make: Factory) -> None:
    """A scanner found that of the message after a redirect: it was set without, and so was its removal."""
    party = make.party()
    https.follow_redirects = False
    signed_in = https.post("/sign-in", data={"email": party.user.email, "password": PASSWORD})
    shown = https.get("/")
    signed_out = https.post("/sign-out")
    for answer, count in ((signed_in, 2), (shown, 1), (signed_out, 2)):
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) >= count
        assert all(re.search("; secure(;|$)", cookie, re.IGNORECASE) for cookie in cookies), cookies
        assert not any(cookie.lower().count("; secure") > 1 for cookie in cookies)


def test_a_cookie_that_another_host_could_set_is_not_believed(https: TestClient, make: Factory) -> None:
    user = make.party().user
    https.post("/sign-in", data={"email": user.email, "password": PASSWORD}, follow_redirects=False)
    token = https.cookies[sessions.HOST_COOKIE]
    https.cookies.clear()
    https.cookies.set(sessions.COOKIE, token)
    assert https.get("/account", follow_redirects=False).status_code == 303


def test_the_step_between_password_and_code_has_a_secure_cookie_too(https: TestClient, make: Factory) -> None:
    user = make.broker().user
    answer = https.post("/sign-in", data={"email": user.email, "password": PASSWORD}, follow_redirects=False)
    assert answer.headers["set-cookie"].startswith("__Secure-yiqiao_pending=")
    assert https.get("/sign-in/code", follow_redirects=False).status_code == 200


def test_a_setting_may_say_otherwise(settings: Settings) -> None:
    assert not settings.sends_cookies_by_https_alone
    assert settings.model_copy(update={"secure_cookies": True}).sends_cookies_by_https_alone


def run(body: BodyInTime, receive: Receive, length: int | None = None) -> None:
    """Let the middleware pass a request on."""

    async def send(message: Message) -> None:
        raise AssertionError(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope: Scope = {"type": "http", "headers": headers}
    asyncio.run(body(scope, receive, send))


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads the whole body, and then waits for the client to leave."""
    while (await receive()).get("more_body"):
        pass
    await receive()


def test_a_body_that_trickles_in_is_given_up() -> None:
    async def trickle() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(SlowRequest):
        run(BodyInTime(read_all, seconds=0.1), trickle)


def test_a_large_body_may_take_longer_and_nothing_is_limited_after_it() -> None:
    parts = iter([True] * 4 + [False])

    async def slowly() -> Message:
        await asyncio.sleep(0.05)
        more = next(parts, None)
        if more is None:
            await asyncio.sleep(0.3)
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"x", "more_body": more}

    with pytest.raises(SlowRequest):
        run(BodyInTime(read_all, seconds=0.01), slowly)
    parts = iter([True] * 4 + [False])
    run(BodyInTime(read_all, seconds=0.01), slowly, length=20_000)


def test_a_slow_request_is_answered_with_a_page(settings: Settings, database: Database, engine: SearchEngine) -> None:
    app = create_app(settings, database=database, engine=engine)

    async def ask() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            raise SlowRequest

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/sign-in", "raw_path": b"/sign-in", "query_string": b"",
            "headers": [(b"host", b"testserver"), (b"content-type", b"application/x-www-form-urlencoded")],
            "scheme": "http", "server": ("testserver", 80), "client": ("127.0.0.1", 1), "http_version": "1.1",
            "root_path": "", "state": {},
        }  # fmt: skip
        await app(scope, receive, send)
        return sent

    sent = asyncio.run(ask())
    assert sent[0]["status"] == 408
    assert "长时间没有传完" in b"".join(m.get("body", b"") for m in sent).decode()
