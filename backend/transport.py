"""Middleware between the server and the application: for which hosts it answers, over what, and how long it waits."""

import asyncio
from collections.abc import Collection
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import DomainError
from backend.headers import SECURITY_HEADERS

HSTS = "max-age=31536000; includeSubDomains"
"""A year, as OWASP ASVS 4 14.4.5 asks for."""
BODY_SECONDS = 30.0
BYTES_PER_SECOND = 10_000
"""A body may take the seconds above, and as long as its size takes at this slow rate."""


class SlowRequest(DomainError):
    """The body of a request did not arrive in time."""

    status = 408
    zh = "提交的内容长时间没有传完，未予处理。请检查网络后重试。"
    en = "The submission did not arrive in time and was not carried out. Check the connection and try again."


class HostCheck:
    """Answers for known hosts alone: a link that is made from a forged `Host` would lead elsewhere."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and host_name(Headers(scope=scope).get("host", "")) not in self.hosts:
            # No page: it would be made for a host of somebody else's choice.
            refusal = PlainTextResponse("Unknown host. 未知的主机名。", status_code=400, headers=SECURITY_HEADERS)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


def host_name(host: str) -> str:
    """The name in a `Host` header without its port, in lower case; an IPv6 address keeps its brackets."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower().rstrip(".")


class StrictTransport:
    """Tells browsers to come by HTTPS alone, where the site is reached by HTTPS."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Strict-Transport-Security", HSTS)
            await send(message)

        await self.app(scope, receive, send_with_header)


class BodyInTime:
    """Gives up a request whose body trickles in, so that slow clients do not fill the server. Raises SlowRequest."""

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 13 else 0
        deadline = monotonic() + self.seconds + size / BYTES_PER_SECOND
        is_whole = False

        async def receive_in_time() -> Message:
            nonlocal is_whole
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, deadline - monotonic())):
                    message = await receive()
            except TimeoutError:
                raise SlowRequest from None
            is_whole = not message.get("more_body", False)
            return message

        await self.app(scope, receive_in_time, send)
