"""Middleware: security headers, HEAD as GET, the same-site check on every write, a limit to the size of requests."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.csrf import check_same_site
from backend.errors import BodyTooLarge, DomainError

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SecurityHeaders:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class HeadAsGet:
    """Answers HEAD as GET without the body, as RFC 9110 section 9.3.2 wants it of every address."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope["method"] = "GET"
        try:
            await self.app(scope, receive, send_without_body)
        finally:
            scope["method"] = "HEAD"


class RequestGuard:
    """Refuses writes from other sites, and bodies over the limit.

    It stands inside the error handlers of the application, so that a refusal is a page like any other.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, *, uploads: re.Pattern[str], max_upload_bytes: int) -> None:
        """`uploads` are the addresses that take files, for which the larger limit holds."""
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.uploads = uploads
        self.max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self.max_upload_bytes if self.uploads.fullmatch(scope["path"]) else self.max_body_bytes
        try:
            check_same_site(scope["method"], headers)
            length = headers.get("content-length", "0")
            if not length.isascii() or not length.isdigit() or int(length) > limit:
                raise BodyTooLarge
        except DomainError as error:
            await refuse(error, scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    raise BodyTooLarge
            return message

        await self.app(scope, receive_limited, send)


class Compression(GZipMiddleware):
    """Compresses answers; not files, which are compressed already and whose length a browser shows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/attachments/" in scope["path"]:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def refuse(error: DomainError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the page of the error."""
    from starlette.requests import Request

    request = Request(scope, receive)
    response = request.app.state.error_page(request, error)
    await response(scope, receive, send)
