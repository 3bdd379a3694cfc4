"""Where a request comes from, for limits to attempts. Of a header only what a proxy of ours has added is believed."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from fastapi import Request

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
