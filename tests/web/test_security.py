"""What stands on every answer, and which writes are refused because of where they come from."""

import re
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from backend.accounts.models import UserSession
from backend.db import Database
from backend.disclosure.models import Audience
from backend.headers import CONTENT_SECURITY_POLICY, SECURITY_HEADERS
from backend.organisations.deps import get_viewer
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory
from tests.web.pages import read

ANSWERS = [
    "/",
    "/search?q=针",
    "/sign-in",
    "/register",
    "/account",
    "/needs",
    "/nothing",
    "/static/css/app.css",
    "/static/nothing.css",
]


@pytest.mark.parametrize("url", ANSWERS)
def test_every_answer_carries_the_security_headers(url: str, client: TestClient) -> None:
    headers = client.get(url).headers
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_refusals_and_failures_carry_them_as_well(client: TestClient, app: FastAPI) -> None:
    def fail() -> None:
        raise RuntimeError("a fault that nobody foresaw")

    refused = client.post("/sign-in", headers={"Origin": "https://evil.example"})
    large = client.post("/sign-in", data={"email": "x" * 3_000_000})
    method = client.delete("/sign-in")
    app.dependency_overrides[get_viewer] = fail
    failed = TestClient(app, raise_server_exceptions=False).get("/")
    assert [a.status_code for a in (refused, large, method, failed)] == [403, 413, 405, 500]
    for answer in (refused, large, method, failed):
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_policy_lets_no_inline_code_run() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'self'"):
        assert part in CONTENT_SECURITY_POLICY.split("; ")


def test_the_pages_keep_within_the_policy(client: TestClient, sign_in: SignIn, make: Factory) -> None:
    """No inline script, style or handler, and nothing from another host: it would silently not work."""
    company = make.owner()
    need = make.need(make.hospital(), audience=Audience.PUBLIC)
    own = make.capability(company)
    signed_in = sign_in(company)
    urls = ["/", "/search?q=穿刺", "/sign-in", f"/needs/{need.id}", f"/needs/{need.id}/suggestions", "/needs"]
    assert signed_in.post("/account/second-factor", data={"password": PASSWORD}).status_code == 303
    urls += ["/register", "/password/forgot", "/account", "/account/sessions", "/account/second-factor/set-up"]
    urls += ["/account/password", "/account/email", "/account/data", "/account/delete", "/account/next-steps"]
    urls += ["/needs/new", f"/capabilities/{own.id}", f"/capabilities/{own.id}/edit", "/nothing"]
    organisation = f"/organisations/{company.organisation.id}"
    urls += ["/organisations", "/organisations/new", organisation, f"{organisation}/edit", f"{organisation}/members"]
    urls += [f"{organisation}/members/{company.user.id}", "/invitation?token=x"]
    for url in urls:
        page = read(signed_in.get(url).text)
        for element in page.elements:
            assert not [name for name in element.attributes if name == "style" or name.startswith(("on", "hx-on"))]
            assert element.tag != "style"
            assert element.tag != "script" or not element.text.strip()
            for name in ("src", "href", "action", "hx-get", "hx-post"):
                assert not urlsplit(element.attributes.get(name, "")).netloc


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_write_from_another_site_is_refused(site: str, client: TestClient) -> None:
    answer = client.post("/sign-out", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert "请求来源异常" in read(answer.text)["main"].text


@pytest.mark.parametrize("origin", ["https://evil.example", "http://testserver.evil.example", "null", "http://x:80"])
def test_a_write_with_a_foreign_origin_is_refused(origin: str, client: TestClient) -> None:
    assert client.post("/sign-out", headers={"Origin": origin}).status_code == 403


def test_a_refused_write_changes_nothing(sign_in: SignIn, make: Factory, database: Database) -> None:
    client = sign_in(make.party())
    client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    with database.session() as session:
        assert session.exec(select(UserSession)).one().revoked_at is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://testserver"},
        {"Origin": "https://testserver"},
        {},
    ],
)
def test_a_write_from_this_site_is_carried_out(headers: dict[str, str], client: TestClient) -> None:
    assert client.post("/sign-out", headers=headers).status_code == 303


def test_reading_from_another_site_is_no_offence(client: TestClient) -> None:
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/xml", "nonsense", None])
def test_a_form_of_another_kind_is_refused(kind: str | None, client: TestClient) -> None:
    """It would be read as a form without fields. A button without fields sends no body, and no kind."""
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/sign-in", content=b'{"email": "a@b.example"}', headers=headers)
    assert answer.status_code == 415
    assert "格式不受支持" in read(answer.text)["main"].text
    in_parts = client.post("/sign-in", content=iter([b"email=", b"a"]), headers=headers)
    assert in_parts.status_code == 415
    assert client.post("/sign-out", headers=headers).status_code == 303


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded; charset=utf-8", "Multipart/Form-Data; boundary=x"]
)
def test_a_form_by_any_spelling_is_read(kind: str, client: TestClient) -> None:
    assert client.post("/sign-in", content=b"--x--\r\n", headers={"Content-Type": kind}).status_code == 422


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_the_api_takes_json_alone(kind: str | None, client: TestClient) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/api/v1/match", content=b'{"text": "x"}', headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert answer.json()["code"] == "unexpected-content"
    json = {"Content-Type": "application/json; charset=utf-8"}
    assert client.post("/api/v1/match", content=b'{"text": "x"}', headers=json).status_code == 401


@pytest.mark.parametrize("url", ["/api/v1/me", "/api/v1/openapi.json", "/api/v1/nothing"])
def test_answers_for_programs_are_saved_and_never_shown(url: str, client: TestClient) -> None:
    assert client.get(url).headers["content-disposition"] == 'attachment; filename="api.json"'
    assert "content-disposition" not in client.get("/").headers


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_every_other_method_is_a_write(method: str, client: TestClient) -> None:
    assert client.request(method, "/needs", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_pages_are_not_kept_and_static_files_are(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["cache-control"] == "no-store"
    assert "HX-Request" in page.headers["vary"]
    address = next(a for a in re.findall(r'href="(/static/[^"]+css\?v=[0-9a-f]+)"', page.text))
    answer = client.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "immutable" not in client.get(urlsplit(address).path).headers.get("cache-control", "")


@pytest.mark.parametrize("path", ["../backend/main.py", "..%2fbackend%2fmain.py", "%2e%2e/templates/layouts/base.html"])
def test_static_files_lead_nowhere_else(path: str, client: TestClient) -> None:
    assert client.get(f"/static/{path}").status_code == 404


@pytest.mark.parametrize("url", ["/docs", "/redoc", "/openapi.json"])
def test_the_framework_shows_no_pages_of_its_own(url: str, client: TestClient) -> None:
    assert client.get(url).status_code == 404
