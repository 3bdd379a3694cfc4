"""Searches, pages and lists are limited by client, in memory."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from backend.api import service as tokens
from backend.api.scopes import Scope
from backend.config import Settings
from backend.db import Database, new_id
from backend.disclosure.models import Audience
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from backend.pace import Asked, Pace
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.web.pages import read


@pytest.fixture
def app(settings: Settings, database: Database, engine: SearchEngine) -> FastAPI:
    """A site behind a proxy that lets visitors search twice a minute, and users three times."""
    limits = {"visitor_searches_per_minute": 2, "user_searches_per_minute": 3, "proxy_hops": 1}
    return create_app(settings.model_copy(update=limits), database=database, engine=engine)


@pytest.fixture
def hurried(settings: Settings, database: Database, engine: SearchEngine) -> FastAPI:
    """The same for pages and lists: four a minute for visitors, five for users."""
    limits = {"visitor_requests_per_minute": 4, "user_requests_per_minute": 5, "proxy_hops": 1}
    return create_app(settings.model_copy(update=limits), database=database, engine=engine)


def visitor(app: FastAPI, address: str) -> TestClient:
    return TestClient(app, follow_redirects=False, headers={"X-Forwarded-For": address})


def test_a_visitor_is_limited_by_address(app: FastAPI, client: TestClient) -> None:
    here, there = visitor(app, "198.51.100.1"), visitor(app, "198.51.100.2")
    assert [here.get("/search?q=穿刺").status_code for _ in range(3)] == [200, 200, 429]
    refused = here.get("/search?q=穿刺", headers={"HX-Request": "true"})
    assert refused.status_code == 429 and 0 < int(refused.headers["retry-after"]) <= 60
    assert "尝试次数过多" in read(refused.text).text
    assert here.get("/search").status_code == 200
    assert there.get("/search?q=穿刺").status_code == 200


def by_search(client: TestClient, party: Party, need_id: str) -> int:
    return client.get("/api/v1/search?q=穿刺").status_code


def by_match(client: TestClient, party: Party, need_id: str) -> int:
    return client.post("/api/v1/match", json={"text": "房间隔穿刺针", "side": "capability"}).status_code


def by_rehearsal(client: TestClient, party: Party, need_id: str) -> int:
    form = {"subject_id": new_id(), "organisation_id": party.organisation.id, "title": "穿刺针"}
    return client.post("/needs/rehearsal", data=form).status_code


def by_suggestions(client: TestClient, party: Party, need_id: str) -> int:
    return client.get(f"/needs/{need_id}/suggestions").status_code


def by_suggestions_of_a_program(client: TestClient, party: Party, need_id: str) -> int:
    return client.get(f"/api/v1/needs/{need_id}/suggestions").status_code


@pytest.mark.parametrize(
    "way",
    [by_search, by_match, by_rehearsal, by_suggestions, by_suggestions_of_a_program],
    ids=lambda way: way.__name__,
)
def test_a_user_is_limited_by_whatever_way(
    way: Callable[[TestClient, Party, str], int],
    app: FastAPI,
    make: Factory,
    sign_in: Callable[[Party], TestClient],
    database: Database,
) -> None:
    party = make.hospital()
    need = make.need(party)
    with database.session(write=True) as session:
        token = tokens.create(session, party.user, new_id(), name="示例", scopes=[Scope.READ], days=30)
    client = sign_in(party)
    client.headers["Authorization"] = f"Bearer {token}"
    assert [way(client, party, need.id) for _ in range(4)] == [200, 200, 200, 429]


def test_what_is_refused_is_not_counted(app: FastAPI, client: TestClient, make: Factory, sign_in: SignIn) -> None:
    """A page that is not for somebody has nothing encoded."""
    need = make.need(make.hospital(), publish=False)
    stranger = sign_in(make.party())
    assert [stranger.get(f"/needs/{need.id}/suggestions").status_code for _ in range(5)] == [404] * 5
    assert stranger.get("/search?q=穿刺").status_code == 200


PUBLIC = ("/", "/search", "/needs/{need}", "/organisations/{organisation}", "/organisations/{organisation}/needs")


def test_pages_and_lists_are_limited_together(hurried: FastAPI, make: Factory, sign_in: SignIn) -> None:
    party = make.hospital()
    need = make.need(party, audience=Audience.PUBLIC)
    urls = [url.format(need=need.id, organisation=party.organisation.id) for url in PUBLIC]
    here, there = visitor(hurried, "198.51.100.1"), visitor(hurried, "198.51.100.2")
    assert [here.get(url).status_code for url in urls] == [200, 200, 200, 200, 429]
    page = here.get("/")
    assert page.status_code == 429 and 0 < int(page.headers["retry-after"]) <= 60
    assert "访问过于频繁" in read(page.text)["main"].text
    part = here.get("/search", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-retarget"]) == (429, "#flash")
    # Signing in has its own limits, and others are not kept out.
    assert here.get("/sign-in").status_code == 200
    assert there.get("/").status_code == 200
    member = sign_in(party)
    assert [TestClient(hurried, cookies=dict(member.cookies)).get("/").status_code for _ in range(6)] == [200] * 5 + [
        429
    ]


def test_programs_are_limited_by_user_and_without_a_token_by_address(
    hurried: FastAPI, make: Factory, database: Database
) -> None:
    with database.session(write=True) as session:
        user = make.hospital().user
        made = [tokens.create(session, user, new_id(), name="示例", scopes=[Scope.READ], days=30) for _ in range(2)]
    program = visitor(hurried, "198.51.100.1")

    def ask(token: str | None, url: str = "/api/v1/needs") -> Response:
        return program.get(url, headers={"Authorization": f"Bearer {token}"} if token else {})

    # Two tokens of one user count as one.
    found = [ask(made[n % 2], "/api/v1/me" if n % 2 else "/api/v1/needs").status_code for n in range(6)]
    assert found == [200] * 5 + [429]
    refused = ask(made[0])
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.json()["status"], refused.json()["code"]) == (429, "too-many-requests")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert [ask("yq_invented" if n % 2 else None).status_code for n in range(5)] == [401] * 4 + [429]


def test_nothing_is_counted_without_a_limit(settings: Settings) -> None:
    pace = Pace(settings)
    for _ in range(1000):
        for what in Asked:
            pace.spend(what, None, "198.51.100.1")


def test_the_limits_are_generous_unless_told_otherwise() -> None:
    made = Settings(_env_file=None)
    assert (made.visitor_searches_per_minute, made.user_searches_per_minute) == (60, 300)
    assert (made.visitor_requests_per_minute, made.user_requests_per_minute) == (120, 600)
