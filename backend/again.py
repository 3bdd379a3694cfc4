"""Transactions that met another one are run again: PostgreSQL refuses one of two that cannot both be as if alone.

Nothing of a refused transaction has happened, so whoever began it may begin it once more. SQLite lets writers wait
instead, and never comes here.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from random import SystemRandom
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.db import is_conflict

log = logging.getLogger(__name__)

TURNS = 9
KEPT_BYTES = 4_000_000
"""A request whose body is longer is not kept to be run again."""

Result = TypeVar("Result")


def pause(turn: int) -> float:
    """Seconds before the next turn: longer each time, and never the same for two that met."""
    return SystemRandom().uniform(0.2, 1.0) * 0.02 * 2.0**turn


def repeated(work: Callable[[], Result]) -> Result:
    """Do work that is a transaction of its own, again where it met another one."""
    for turn in range(TURNS - 1):
        try:
            return work()
        except Exception as error:
            if not is_conflict(error):
                raise
        time.sleep(pause(turn))
    return work()


class RunAgain:
    """Runs a request again whose transaction met another one, before anything of the answer has gone out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Kept(receive)
        began = False

        async def send_noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        # Each turn begins with what came in: a mounted application writes where it stands into its scope.
        asked = dict(scope)
        for turn in range(TURNS):
            attempt = {**asked, "state": dict(asked.get("state", {}))}
            try:
                await self.app(attempt, body.receive, send_noting)
                return
            except Exception as error:
                if began or turn == TURNS - 1 or not is_conflict(error) or not body.is_whole:
                    raise
            finally:
                # Who stands outside asks which route it was, and who was looking.
                scope.update(attempt)
            log.info("a request met another one and is run again")
            body.rewind()
            await asyncio.sleep(pause(turn))


class _Kept:
    """The messages of a request, kept to be given once more."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self._next = 0
        self._bytes = 0

    @property
    def is_whole(self) -> bool:
        """Whether all that was received is still here."""
        return self._bytes <= KEPT_BYTES

    def rewind(self) -> None:
        """Begin anew."""
        self._next = 0

    async def receive(self) -> Message:
        """The next message, from what is kept or from the server."""
        if self._next < len(self._messages):
            message = self._messages[self._next]
        else:
            message = dict[str, Any](await self._receive())
            self._bytes += len(message.get("body", b""))
            if message["type"] != "http.request":
                return message
            if self.is_whole:
                self._messages.append(message)
            else:
                self._messages.clear()
        self._next += 1
        return message
