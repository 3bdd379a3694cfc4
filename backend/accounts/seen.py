"""When a session was last used, written after the answer has gone out.

A page that is read opens no writing transaction, and the transaction of a write is not to be entered by a second one;
so the time is noted on the request, and written once both are over.
"""

import logging
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.accounts import sessions
from backend.db import Database
from backend.quiet import where

log = logging.getLogger(__name__)

NOTE = "seen_session"
"""The name on the state of a request under which the id of a session stands that has to be touched."""


class SessionsSeen:
    """Middleware that writes down which session was used."""

    def __init__(self, app: ASGIApp, database: Callable[[], Database]) -> None:
        self.app = app
        self.database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        await self.app(scope, receive, send)
        if session_id := state.get(NOTE):
            await run_in_threadpool(self._touch, session_id)

    def _touch(self, session_id: str) -> None:
        try:
            with self.database().session(write=True) as session:
                sessions.touch(session, session_id)
        except Exception as error:
            log.warning("the use of a session could not be noted: %s", where(error))
