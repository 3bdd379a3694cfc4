"""The JSON API: the same rules as the pages, errors as problem+json."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from httpx2 import Response
from psycopg.errors import SerializationFailure
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.accounts import sessions
from backend.accounts.models import SecondFactor
from backend.api import service
from backend.api.scopes import Scope
from backend.audit.models import AuditEvent
from backend.db import Database, new_id
from backend.disclosure.models import Audience
from backend.needs import service as needs
from backend.organisations.models import MemberRole, OrganisationKind
from tests.conftest import SignIn
from tests.factories import JIADING, PUTUO, Factory, Party

ALL = tuple(Scope)
CallAs = Callable[..., "Caller"]
SUMMARY, PROBLEM, CONTACT = "摘要里的一句话。", "详情里的一句话。", "密件里的电话"


class Caller:
    """A program with a token."""

    def __init__(self, client: TestClient, token: str | None) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, json: Any = None, **headers: str) -> Response:
        """Send a request; `If_Match` names the header of that name."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, f"/api/v1{path}", json=json, headers={**self.headers, **named})

    def get(self, path: str, status: int = 200) -> Any:
        """What is answered, as data."""
        answer = self("GET", path)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def call_as(client: TestClient, database: Database) -> CallAs:
    """Makes programs that act for a member."""

    def start(party: Party, scopes: Sequence[Scope] = ALL) -> Caller:
        with database.session(write=True) as session:
            token = service.create(session, party.user, new_id(), name="test", scopes=scopes, days=30)
        return Caller(client, token)

    return start


def check_problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    """An error is what RFC 9457 says, in both languages, and repeats nothing that was sent."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail_zh"] and problem["detail_en"]
    return problem


def events(database: Database, prefix: str) -> list[tuple[str, str | None]]:
    """The audit trail."""
    with database.session() as session:
        query = select(AuditEvent).where(col(AuditEvent.event).startswith(prefix)).order_by(col(AuditEvent.id))
        return [(row.event, row.actor_id) for row in session.exec(query).all()]


def test_nothing_without_a_token(client: TestClient, make: Factory, sign_in: SignIn) -> None:
    """Not for a signed-in browser either: a cookie opens nothing here."""
    hospital = make.hospital()
    need = make.need(hospital, audience=Audience.PUBLIC)
    browser = sign_in(hospital)
    assert browser.cookies.get(sessions.COOKIE, domain="testserver.local")
    for caller in (Caller(client, None), Caller(client, "yq_wrong"), Caller(client, "x" * 5000), Caller(browser, None)):
        for path in ("/me", "/needs", f"/needs/{need.id}", "/search", "/capabilities"):
            answer = caller("GET", path)
            check_problem(answer, 401, "token-refused")
            assert answer.headers["www-authenticate"] == "Bearer"
        check_problem(caller("POST", "/needs", {"title": "x"}), 401, "token-refused")


def test_me(make: Factory, call_as: CallAs) -> None:
    hospital = make.hospital()
    found = call_as(hospital, [Scope.READ]).get("/me")
    assert found["scopes"] == ["read"]
    assert found["memberships"][0]["organisation"]["name"] == hospital.organisation.name
    assert "email" not in found


def test_a_scope_that_is_missing_is_told_of(make: Factory, call_as: CallAs) -> None:
    hospital = make.hospital()
    need = make.need(hospital, publish=False)
    reader, writer = call_as(hospital, [Scope.READ]), call_as(hospital, [Scope.WRITE_CAPABILITIES])
    for caller in (reader, writer):
        check_problem(caller("POST", "/needs", {"title": "新需求"}), 403, "missing-scope")
        check_problem(caller("PATCH", f"/needs/{need.id}", {"title": "改"}, If_Match='"1"'), 403, "missing-scope")
        problem = check_problem(
            caller("POST", f"/needs/{need.id}/actions", {"action": "discard"}), 403, "missing-scope"
        )
        assert "write:needs" in problem["detail"]
    check_problem(writer("GET", "/needs"), 403, "missing-scope")
    shown = reader.get(f"/needs/{need.id}")
    assert (shown["can_edit"], shown["actions"]) == (False, [])


def test_a_token_does_no_more_than_its_user(make: Factory, call_as: CallAs) -> None:
    hospital = make.hospital()
    need = make.need(hospital)
    watcher = call_as(make.join(hospital, MemberRole.VIEWER))
    check_problem(watcher("PATCH", f"/needs/{need.id}", {"title": "改"}, If_Match='"1"'), 403, "forbidden")
    check_problem(watcher("POST", "/needs", {"title": "新"}), 403, "forbidden")
    check_problem(watcher("POST", f"/needs/{need.id}/actions", {"action": "withdraw"}), 403, "forbidden")
    stranger = call_as(make.party())
    check_problem(stranger("PATCH", f"/needs/{need.id}", {"title": "改"}, If_Match='"1"'), 404, "not-found")
    check_problem(stranger("POST", f"/needs/{need.id}/actions", {"action": "withdraw"}), 404, "not-found")
    check_problem(
        stranger("POST", "/needs", {"title": "新", "organisation_id": hospital.organisation.id}), 404, "not-found"
    )
    check_problem(stranger("POST", "/needs", {"title": "新", "id": need.id}), 404, "not-found")
    check_problem(call_as(make.party(verified=False))("POST", "/needs", {"title": "新"}), 403, "forbidden")


def test_a_need_is_written_changed_and_acted_on(make: Factory, call_as: CallAs, database: Database) -> None:
    hospital = make.hospital()
    call = call_as(hospital)
    id_ = new_id()
    draft = {
        "id": id_,
        "title": "房间隔穿刺针不能弯曲",
        "summary": SUMMARY,
        "requirements": ["弯度可调", "不上滑"],
        "offers": ["observation", "data"],
    }
    made = call("POST", "/needs", draft)
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, f"/api/v1/needs/{id_}", '"1"')
    assert call("POST", "/needs", {**draft, "title": "另一个标题"}).status_code == 200
    found = call.get(f"/needs/{id_}")
    assert found["teaser"]["title"] == draft["title"]
    assert (found["teaser"]["status"], found["teaser"]["region"]) == ("draft", PUTUO)
    assert [r["text"] for r in found["requirements"]] == ["弯度可调", "不上滑"]
    assert found["brief"]["offers"] == ["observation", "data"]

    check_problem(call("PATCH", f"/needs/{id_}", {"problem": PROBLEM}), 428, "version-needed")
    check_problem(call("PATCH", f"/needs/{id_}", {"problem": PROBLEM}, If_Match='"7"'), 412, "changed-meanwhile")
    changed = call("PATCH", f"/needs/{id_}", {"problem": PROBLEM, "anonymous": True}, If_Match='"1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    body = changed.json()
    assert (body["brief"]["problem"], body["teaser"]["anonymous"]) == (PROBLEM, True)
    assert [r["text"] for r in body["requirements"]] == ["弯度可调", "不上滑"]
    assert body["teaser"]["summary"] == SUMMARY

    action = next(name for name in body["actions"] if name in ("publish", "submit"))
    check_problem(call("POST", f"/needs/{id_}/actions", {"action": action}, If_Match='"1"'), 412, "changed-meanwhile")
    assert call("POST", f"/needs/{id_}/actions", {"action": action}).status_code == 200
    for wrong in (action, "nonsense"):
        check_problem(call("POST", f"/needs/{id_}/actions", {"action": wrong}), 409, "conflict")
    assert {actor for _event, actor in events(database, "need:")} == {hospital.user.id}


def test_what_is_incomplete_is_not_for_others(make: Factory, call_as: CallAs) -> None:
    call = call_as(make.hospital())
    made = call("POST", "/needs", {"title": "只有标题"}).json()
    action = next(name for name in made["actions"] if name in ("publish", "submit"))
    url = f"/needs/{made['teaser']['id']}"
    problem = check_problem(call("POST", f"{url}/actions", {"action": action}), 422, "incomplete")
    assert {error["pointer"] for error in problem["errors"]} == {"#/summary", "#/problem"}
    assert call.get(url)["teaser"]["status"] == "draft"
    problem = check_problem(call("POST", "/needs", {"title": "标题", "region": "999999"}), 422, "incomplete")
    assert problem["errors"] == [{"pointer": "#/region", "detail": "请从列表中选择一项。"}]
    problem = check_problem(call("POST", "/needs", {"title": "针" * 81, "secret": "密"}), 422, "invalid")
    assert {error["pointer"] for error in problem["errors"]} == {"#/title", "#/secret"}
    assert "密" not in str(problem["errors"])


def test_a_capability_is_written_and_acted_on(make: Factory, call_as: CallAs) -> None:
    call = call_as(make.party())
    made = call("POST", "/capabilities", {"title": "可调弯穿刺针", "stage": "type_test"})
    assert made.status_code == 201
    url = f"/capabilities/{made.json()['teaser']['id']}"
    assert call.get(url)["brief"]["stage"] == "type_test"
    changed = call("PATCH", url, {"stage": None, "summary": SUMMARY}, If_Match=made.headers["etag"])
    assert changed.json()["brief"]["stage"] is None
    action = next(name for name in changed.json()["actions"] if name in ("publish", "submit"))
    assert call("POST", f"{url}/actions", {"action": action}).status_code == 200


def test_tiers_are_those_of_the_pages(make: Factory, call_as: CallAs, database: Database) -> None:
    hospital = make.party(OrganisationKind.HOSPITAL, name="示例·不愿具名医院", department="不愿具名科室")
    need = make.need(
        hospital,
        anonymous=True,
        summary=SUMMARY,
        problem=PROBLEM,
        contact=CONTACT,
        requirements=("要点里的一句话",),
    )
    seen = {
        "member": (make.party(), False, False, False),
        "broker elsewhere": (make.broker(JIADING), False, False, False),
        "broker": (make.broker(), True, True, False),
        "author": (hospital, True, True, True),
    }
    for who, (party, name, brief, contact) in seen.items():
        call = call_as(party)
        for path in (
            f"/needs/{need.id}",
            "/needs",
            "/search?side=need&q=穿刺",
            f"/needs?organisation_id={hospital.organisation.id}",
        ):
            text = call("GET", path).text
            assert (hospital.organisation.name in text) is (name and "organisation_id" not in path), (who, path)
            assert ("不愿具名科室" in text) <= name, (who, path)
        text = call("GET", f"/needs/{need.id}").text
        assert (PROBLEM in text, CONTACT in text, "要点里的一句话" in text) == (brief, contact, brief), who
    broker = seen["broker"][0]
    assert set(events(database, "need:brief:read")) == {("need:brief:read", broker.user.id)}
    check_problem(call_as(make.party(verified=False))("GET", f"/needs/{need.id}"), 404, "not-found")
    draft = make.need(hospital, publish=False)
    check_problem(call_as(make.party())("GET", f"/needs/{draft.id}"), 404, "not-found")


def test_lists_are_filtered_and_paged(make: Factory, call_as: CallAs) -> None:
    hospital, far = make.hospital(), make.hospital(region=JIADING)
    for number in range(3):
        make.need(hospital, f"普陀的需求{number}")
    make.need(far, "嘉定的需求")
    make.need(hospital, "草稿", publish=False)
    call = call_as(make.party())
    page = call("GET", f"/needs?region={PUTUO}&per_page=2")
    assert (page.json()["total"], len(page.json()["items"])) == (3, 2)
    links = page.headers["link"]
    assert 'page=2>; rel="next"' in links and "prev" not in links and f"region={PUTUO}" in links
    assert len(call.get(f"/needs?region={PUTUO}&per_page=2&page=2")["items"]) == 1
    assert call.get("/needs?kind=capital")["total"] == 0
    assert call.get("/needs?own=true")["total"] == 0
    assert call_as(hospital).get("/needs?own=true")["total"] == 4
    assert call_as(hospital).get("/needs?own=true&per_page=3&page=2")["items"][0]["is_own"]
    for query in ("region=999999", "page=0", "per_page=101", "kind=nonsense", "organisation_id=x", "specialty=zz"):
        assert call("GET", f"/needs?{query}").status_code == 422, query


@pytest.mark.parametrize("name", ["speciality", "", "Region"])
def test_a_filter_whose_name_is_misspelt_is_refused(make: Factory, call_as: CallAs, name: str) -> None:
    """Without it the answer would be everything, and look like what was asked for."""
    call = call_as(make.party())
    for path in ("/needs", "/capabilities", "/search", "/me"):
        problem = check_problem(call("GET", f"{path}?{name}=cardiology"), 422, "incomplete")
        assert problem["errors"] == [{"pointer": f"#/{name}", "detail": "没有这个参数。"}]


def test_search_match_and_suggestions(make: Factory, call_as: CallAs) -> None:
    hospital, company = make.hospital(), make.party()
    need = make.need(hospital, "房间隔穿刺针不能弯曲")
    capability = make.capability(company, "可调弯射频房间隔穿刺针", summary="房间隔穿刺针弯度可以在心脏内调节。")
    call = call_as(hospital)
    found = call.get("/search?q=房间隔穿刺针")
    assert [hit["teaser"]["id"] for hit in found["items"]] == [capability.id]
    assert found["items"][0]["snippet"]
    assert found["state"] == "ready"
    suggested = call.get(f"/needs/{need.id}/suggestions")
    every = suggested["matches"] + suggested["nearest"]
    assert [match["teaser"]["id"] for match in every] == [capability.id]
    assert every[0]["table"] and 0 <= every[0]["probability"] <= 1
    matched = call("POST", "/match", {"text": "房间隔穿刺针不能弯曲", "side": "capability"}).json()
    assert capability.id in [m["teaser"]["id"] for m in matched["matches"] + matched["nearest"]]
    assert call_as(company).get(f"/capabilities/{capability.id}/suggestions")["state"] == "ready"
    check_problem(call_as(make.party(verified=False))("GET", f"/needs/{need.id}/suggestions"), 404, "not-found")


def test_an_organisation(make: Factory, call_as: CallAs) -> None:
    hospital = make.hospital()
    call = call_as(make.party())
    found = call.get(f"/organisations/{hospital.organisation.id}")
    assert (found["name"], found["verified"]) == (hospital.organisation.name, True)
    check_problem(call("GET", f"/organisations/{new_id()}"), 404, "not-found")


def test_errors_are_problems_everywhere(make: Factory, call_as: CallAs, client: TestClient) -> None:
    call = call_as(make.hospital())
    check_problem(call("GET", "/nowhere"), 404, "not-found")
    answer = call("DELETE", "/needs")
    check_problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]
    headers = {**call.headers, "content-type": "application/json"}
    for body in (b"{", b"\xff", b"[" * 100_000, b'{"title": "\\ud800"}', b"null"):
        answer = client.post("/api/v1/needs", content=body, headers=headers)
        assert answer.status_code in (400, 422), body[:20]
        assert answer.headers["content-type"] == "application/problem+json"
    answer = client.post("/api/v1/needs", content=b"x" * 3_000_000, headers=headers)
    check_problem(answer, 413, "body-too-large")
    crossed = client.post("/api/v1/needs", json={}, headers={**call.headers, "sec-fetch-site": "cross-site"})
    check_problem(crossed, 403, "cross-site-request")
    assert call("GET", "/nowhere", Accept_Language="en-GB").json()["detail"].startswith("This page")
    assert call("GET", "/nowhere", Accept_Language="zh-CN").headers["content-language"] == "zh"


def test_it_describes_itself_with_examples(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    assert described["servers"] == [{"url": "/api/v1"}]
    assert described["components"]["schemas"]["NeedDraft"]["examples"]
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, item in described["paths"].items():
        for method, operation in item.items():
            assert operation["security"] == [{"token": []}], (method, path)
            assert "application/problem+json" in operation["responses"]["404"]["content"]
    assert client.get("/api/v1/docs").status_code == 404


def test_a_broker_without_a_second_factor_does_nothing_by_a_program(
    make: Factory, call_as: CallAs, database: Database
) -> None:
    broker = make.broker()
    call = call_as(broker)
    assert call.get("/me")["memberships"][0]["jurisdiction"] == PUTUO
    with database.session(write=True) as session:
        for row in session.exec(select(SecondFactor).where(SecondFactor.user_id == broker.user.id)).all():
            session.delete(row)
    check_problem(call("GET", "/me"), 403, "second-factor-missing")


def test_a_request_that_met_another_one_is_run_again(
    make: Factory, call_as: CallAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site around the API sees what the API did not expect: a conflict is tried again, a fault is a problem."""
    call = call_as(make.hospital())
    failures: list[Exception] = [DBAPIError("", {}, SerializationFailure()), DBAPIError("", {}, SerializationFailure())]
    listing = needs.listing

    def unlucky(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return listing(*arguments)

    monkeypatch.setattr(needs, "listing", unlucky)
    assert call("GET", "/needs").status_code == 200
    assert failures == []
    quiet = Caller(TestClient(call.client.app, raise_server_exceptions=False), None)
    quiet.headers = call.headers
    failures += [ValueError("secret words")]
    problem = check_problem(quiet("GET", "/needs"), 500, "fault")
    assert "secret" not in str(problem)
    failures += [OperationalError("", {}, Exception("no database"), connection_invalidated=True)]
    answer = quiet("GET", "/needs")
    check_problem(answer, 503, "busy")
    assert int(answer.headers["retry-after"]) > 0


def test_a_request_is_told_of_by_the_route_of_the_api(
    make: Factory, call_as: CallAs, caplog: pytest.LogCaptureFixture
) -> None:
    need = make.need(make.hospital())
    with caplog.at_level("INFO"):
        call_as(make.party()).get(f"/needs/{need.id}")
    assert "/api/v1/needs/{need_id}" in [getattr(record, "route", None) for record in caplog.records]
