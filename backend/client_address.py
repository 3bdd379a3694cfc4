"""Where a request comes from, for limits to attempts. Of a header only what a proxy of ours has added is believed."""

import logging
from ipaddress import IPv6Address, IPv6Network, ip_address

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

IPV6_PREFIX = 64
"""One customer of a network has that many bits for himself, so that single addresses would limit nobody."""


def client_address(request: Request) -> str:
    """The address of the client, of an IPv6 address its network; `unknown` where none can be told.

    `proxy_hops` proxies of ours stand in front; each adds the address of whom it talked to at the right end of
    `X-Forwarded-For`. What stands further left was written by the client and may be invented.
    """
    hops: int = request.app.state.settings.proxy_hops
    peer = request.client.host if request.client else ""
    if hops == 0:
        return _network(peer)
    listed = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    return _network(listed[-hops] if len(listed) >= hops else peer)


class ProxyNoticed:
    """Says once in the log that a proxy seems to stand in front that no setting names: all clients would be one.

    It stands in the application where `proxy_hops` is 0. A client of the internet may write the header as well, but
    does not come from this machine or its own network.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._is_told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_told and scope["type"] == "http" and _comes_by_a_proxy(scope):
            self._is_told = True
            log.warning(
                "a request came by a proxy (X-Forwarded-For from this machine or its network), but YIQIAO_PROXY_HOPS "
                "is 0: all clients count as one address, and limits for one hold for all; see docs/operations.md"
            )
        await self.app(scope, receive, send)


def _comes_by_a_proxy(scope: Scope) -> bool:
    if all(name != b"x-forwarded-for" for name, _value in scope["headers"]):
        return False
    try:
        peer = ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        return False
    return peer.is_loopback or peer.is_private


def _network(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))
    return str(address)
