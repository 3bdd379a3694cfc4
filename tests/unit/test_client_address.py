"""Whose address counts: the peer's, or what so many proxies of ours have added to the header."""

import logging
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from backend.client_address import client_address
from backend.config import Settings
from backend.db import Database
from backend.main import create_app
from backend.matching.index_sync import SearchEngine


def asked(hops: int, *forwarded: str, peer: str = "192.0.2.1") -> str:
    app = SimpleNamespace(state=SimpleNamespace(settings=SimpleNamespace(proxy_hops=hops)))
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return client_address(Request({"type": "http", "app": app, "headers": headers, "client": (peer, 1)}))


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, ("203.0.113.1",), "192.0.2.1"),
        (1, ("203.0.113.1",), "203.0.113.1"),
        (1, ("198.51.100.7, 203.0.113.1",), "203.0.113.1"),
        (1, ("198.51.100.7", "203.0.113.1"), "203.0.113.1"),
        (2, ("198.51.100.7, 203.0.113.1, 10.0.0.1",), "203.0.113.1"),
        (2, ("203.0.113.1",), "192.0.2.1"),
        (1, (), "192.0.2.1"),
        (1, ("nonsense",), "unknown"),
        (1, ("2001:db8:1:2:3:4:5:6",), "2001:db8:1:2::/64"),
        (1, ("::ffff:203.0.113.1",), "203.0.113.1"),
    ],
)
def test_the_address_of_a_client(hops: int, forwarded: tuple[str, ...], address: str) -> None:
    assert asked(hops, *forwarded) == address


def test_a_peer_without_an_address_is_unknown() -> None:
    assert asked(0, peer="testclient") == "unknown"


@pytest.mark.parametrize(
    ("hops", "peer", "headers", "told"),
    [
        (0, "127.0.0.1", {"X-Forwarded-For": "203.0.113.1"}, 1),
        (0, "10.0.0.9", {"X-Forwarded-For": "203.0.113.1"}, 1),
        (0, "fd00::1", {"X-Forwarded-For": "203.0.113.1"}, 1),
        (0, "127.0.0.1", {}, 0),
        (0, "8.8.8.8", {"X-Forwarded-For": "203.0.113.1"}, 0),
        (0, "testclient", {"X-Forwarded-For": "203.0.113.1"}, 0),
        (1, "127.0.0.1", {"X-Forwarded-For": "203.0.113.1"}, 0),
    ],
)
def test_a_proxy_that_no_setting_names_is_told_of_once(
    hops: int,
    peer: str,
    headers: dict[str, str],
    told: int,
    settings: Settings,
    database: Database,
    engine: SearchEngine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(settings.model_copy(update={"proxy_hops": hops}), database=database, engine=engine)
    client = TestClient(app, client=(peer, 50000))
    with caplog.at_level(logging.WARNING, "backend.client_address"):
        for _ in range(3):
            assert client.get("/healthz", headers=headers).status_code == 200
    lines = [record.getMessage() for record in caplog.records if record.name == "backend.client_address"]
    assert len(lines) == told
    # The addresses are nobody's business.
    assert all("YIQIAO_PROXY_HOPS" in line and "203.0.113.1" not in line for line in lines)
