"""What is told of every request: a line in the log and figures, by the template of its route, never by what was typed.

The line names method, route, status, duration and the id of the user. Neither addresses with their queries nor forms,
names or texts are in it.
"""

import logging
import os
import re
import time
from contextvars import ContextVar
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.db import new_id

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes of one `serve` put their figures together; prometheus-client reads it when it is imported."""
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The number of the request that is worked on; every line of the log bears it."""
_ACCEPTED = re.compile(r"[0-9A-Za-z_.-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "-"
QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics", "/static"})
"""Asked all the time: their lines are written at DEBUG."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "yiqiao_requests", "Requests by method, route and status.", ["method", "route", "status"], registry=REGISTRY
)
DURATIONS = Histogram(
    "yiqiao_request_seconds",
    "Time until a request was answered.",
    ["method", "route"],
    registry=REGISTRY,
    buckets=SECONDS,
)


def is_one_of_several() -> bool:
    """Whether this process puts its figures together with those of others."""
    return MULTIPROCESS in os.environ


def request_id(scope: Scope) -> str:
    """The number of a request: that of the proxy where it gave a plausible one, else a new one."""
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ACCEPTED.fullmatch(given) else new_id()


def route_of(scope: Scope) -> str:
    """The template of the route that answered, `-` where none did."""
    found = getattr(scope.get("route"), "path", None)
    if isinstance(found, str) and found:
        # The API is mounted: its routes do not begin with its address.
        return f"{scope.get('root_path', '')}{found}"
    # A mounted application of files has no route of its own.
    return "/static" if scope.get("root_path", "").endswith("/static") else UNKNOWN


class Observed:
    """Gives every request a number, and tells of it when it has been answered. It stands outermost."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = request_id(scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = number
        # Not taken back: an error is told of outside of all middleware, and each request has a context of its own.
        REQUEST_ID.set(number)
        began = time.perf_counter()
        status = 500

        async def send_numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = number
            await send(message)

        try:
            await self.app(scope, receive, send_numbered)
        finally:
            _tell(scope, status, time.perf_counter() - began)


def _tell(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else UNKNOWN
    route = route_of(scope)
    REQUESTS.labels(method, route, str(status)).inc()
    DURATIONS.labels(method, route).observe(seconds)
    viewer = scope.get("state", {}).get("viewer")
    user_id = getattr(viewer, "user_id", None) or UNKNOWN
    milliseconds = round(seconds * 1000, 1)
    log.log(
        logging.DEBUG if route in QUIET_ROUTES and status < 500 else logging.INFO,
        "%s %s %d in %s ms, user %s",
        method,
        route,
        status,
        milliseconds,
        user_id,
        extra={
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": milliseconds,
            "user_id": user_id,
        },
    )
