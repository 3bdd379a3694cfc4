"""The live line: server-sent events that say that something has changed, and never what.

The browser asks for the line again, under the policy of that moment. Each step of a stream looks with one short
transaction in threads of their own, so that open streams hold none of those that answer requests; it asks anew who is
signed in and what they may read. A stream ends after some minutes and the browser opens another one, from the stamp
that it saw last (WHATWG HTML, 9.2 "Server-sent events").
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from anyio import CapacityLimiter, to_thread

from backend.accounts import sessions
from backend.conversations import service
from backend.db import Database
from backend.errors import DomainError, NotSignedIn
from backend.organisations.service import viewer_of

STEP = 2.0
"""Seconds between two looks."""
LASTS = 300.0
RETRY_MS = 3000
QUIET_STEPS = 8
"""After so many looks without news a comment is sent, so that proxies keep the connection and a dead one is noticed."""
THREADS = 2
MOST = 400
"""Streams of one process; a browser that gets none shows the line when it is loaded again."""


@dataclass
class Live:
    """The streams of one process."""

    open: int = 0
    step: float = STEP
    lasts: float = LASTS
    _limiter: CapacityLimiter | None = field(default=None, repr=False)

    @property
    def is_full(self) -> bool:
        """Whether no more streams are taken."""
        return self.open >= MOST

    @property
    def limiter(self) -> CapacityLimiter:
        """The threads of all streams; made in the event loop that they run in."""
        if self._limiter is None:
            self._limiter = CapacityLimiter(THREADS)
        return self._limiter


def looker(database: Database, token: str | None, idle: timedelta, introduction_id: str) -> Callable[[], str]:
    """One look at a line by whoever the token is of at that moment; raises NotSignedIn, NotFound or NotOpenYet."""

    def look() -> str:
        with database.session() as session:
            user = sessions.find_user(session, token, idle)
            if user is None:
                raise NotSignedIn
            return service.stamp(session, viewer_of(session, user), introduction_id)

    return look


async def first(live: Live, look: Callable[[], str]) -> str:
    """The stamp of a line before its stream begins, so that a refusal has its true status; raises as `look` does."""
    return await to_thread.run_sync(look, limiter=live.limiter)


async def stream(live: Live, look: Callable[[], str], seen: str) -> AsyncIterator[str]:
    """The events of a line since the stamp `seen`; ends with `over` where the viewer may not read it any more."""
    live.open += 1
    try:
        yield f"retry: {RETRY_MS}\n\n"
        until, quiet = monotonic() + live.lasts, 0
        while monotonic() < until:
            try:
                stamp = await to_thread.run_sync(look, limiter=live.limiter)
            except DomainError:
                yield "event: over\ndata: -\n\n"
                return
            if stamp != seen:
                yield f"id: {stamp}\nevent: changed\ndata: -\n\n"
                seen, quiet = stamp, 0
            else:
                quiet += 1
                if quiet % QUIET_STEPS == 0:
                    yield ": \n\n"
            await asyncio.sleep(live.step)
    finally:
        live.open -= 1
