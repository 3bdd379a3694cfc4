"""Searches are limited by client, in memory."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from backend.api import service as tokens
from backend.api.scopes import Scope
from backend.config import Settings
from backend.db import Database, new_id
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from backend.matching.pace import Pace
from backend.organisations.policy import VISITOR
from tests.factories import Factory, Party
from tests.web.pages import read


@pytest.fixture
def app(settings: Settings, database: Database, engine: SearchEngine) -> FastAPI:
    """A site behind a proxy that lets visitors search twice a minute, and users three times."""
    limits = {"visitor_searches_per_minute": 2, "user_searches_per_minute": 3, "proxy_hops": 1}
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


def by_search(client: TestClient, party: Party) -> int:
    return client.get("/api/v1/search?q=穿刺").status_code


def by_match(client: TestClient, party: Party) -> int:
    return client.post("/api/v1/match", json={"text": "房间隔穿刺针", "side": "capability"}).status_code


def by_rehearsal(client: TestClient, party: Party) -> int:
    form = {"subject_id": new_id(), "organisation_id": party.organisation.id, "title": "穿刺针"}
    return client.post("/needs/rehearsal", data=form).status_code


@pytest.mark.parametrize("way", [by_search, by_match, by_rehearsal])
def test_a_user_is_limited_by_whatever_way(
    way: Callable[[TestClient, Party], int],
    app: FastAPI,
    make: Factory,
    sign_in: Callable[[Party], TestClient],
    database: Database,
) -> None:
    party = make.hospital()
    with database.session(write=True) as session:
        token = tokens.create(session, party.user, new_id(), name="示例", scopes=[Scope.READ], days=30)
    client = sign_in(party)
    client.headers["Authorization"] = f"Bearer {token}"
    assert [way(client, party) for _ in range(4)] == [200, 200, 200, 429]


def test_nothing_is_counted_without_a_limit(settings: Settings) -> None:
    pace = Pace(settings.model_copy(update={"visitor_searches_per_minute": 0}))
    for _ in range(1000):
        pace.spend(VISITOR, "198.51.100.1")


def test_the_limits_are_generous_unless_told_otherwise() -> None:
    made = Settings(_env_file=None)
    assert (made.visitor_searches_per_minute, made.user_searches_per_minute) == (60, 300)
