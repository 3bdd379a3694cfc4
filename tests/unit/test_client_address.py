"""Whose address counts: the peer's, or what so many proxies of ours have added to the header."""

from types import SimpleNamespace

import pytest
from starlette.requests import Request

from backend.client_address import client_address


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
