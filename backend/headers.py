"""Middleware: security headers, HEAD as GET, and what a write has to be: from here, of a known kind, not too large."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.csrf import SAFE_METHODS, check_same_site
from backend.errors import BodyTooLarge, DomainError, UnexpectedContent

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
ASKED_FOR_HEAD = "yiqiao.head"
"""Where the scope of a request says that the client sent HEAD."""
API = "/api/"
API_HEADERS = {"Content-Disposition": 'attachment; filename="api.json"'}
"""An answer for programs that a browser is led to is saved, never shown (ASVS 14.4.2)."""
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class SecurityHeaders:
    """Adds the security headers to every answer, and to those of the API that it is to be saved."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        fixed = SECURITY_HEADERS | (API_HEADERS if scope["path"].startswith(API) else {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in fixed.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class SecureCookies:
    """Marks every cookie as one that goes by HTTPS alone, also those whose author did not think of it (ASVS 3.4.1)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [marked(name, value) for name, value in message["headers"]]}
            await send(message)

        await self.app(scope, receive, send_marked)


def marked(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header of an answer; a cookie with the attribute Secure."""
    if name.lower() != b"set-cookie" or b"secure" in {part.strip().lower() for part in value.split(b";")}:
        return name, value
    return name, value + b"; Secure"


def method_of(request: Request) -> str:
    """The method as the client sent it: a route is asked with GET where the client sent HEAD."""
    return "HEAD" if request.scope.get(ASKED_FOR_HEAD) else request.method


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
        scope[ASKED_FOR_HEAD] = True
        try:
            await self.app(scope, receive, send_without_body)
        finally:
            scope["method"] = "HEAD"


class RequestGuard:
    """Refuses writes from other sites, bodies of a kind that nobody asked for, and bodies over the limit.

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
        takes_files = self.uploads.fullmatch(scope["path"]) is not None
        limit = self.max_upload_bytes if takes_files else self.max_body_bytes
        try:
            check_same_site(scope["method"], headers)
            length = headers.get("content-length", "0")
            if not length.isascii() or not length.isdigit() or int(length) > limit:
                raise BodyTooLarge
            if scope["method"] not in SAFE_METHODS and not takes_files:
                check_kind(scope["path"], headers)
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


def check_kind(path: str, headers: Headers) -> None:
    """Raise UnexpectedContent for a body that is neither a form nor, for the API, JSON.

    Another kind would be read as a form without fields, and its sender told of fields that are missing.
    """
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    if not (is_json if path.startswith(API) else kind in FORMS):
        raise UnexpectedContent


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
