"""How often one client may ask: for pages and lists, and for what takes all cores for a moment.

Counted in the memory of each process: a limit that is a little wider with several processes does no harm, and a page
that is read writes nothing.
"""

import time
from enum import StrEnum

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from backend.client_address import client_address
from backend.config import Settings
from backend.errors import TooManyAttempts, TooManyRequests


class Asked(StrEnum):
    """What is counted apart: texts that are encoded, and any page or list that visitors may read."""

    SEARCH = "searches"
    REQUEST = "requests"


class Pace:
    """The counts of one process."""

    def __init__(self, settings: Settings) -> None:
        self._most = {
            Asked.SEARCH: (settings.visitor_searches_per_minute, settings.user_searches_per_minute),
            Asked.REQUEST: (settings.visitor_requests_per_minute, settings.user_requests_per_minute),
        }
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def spend(self, what: Asked, user_id: str | None, address: str) -> None:
        """Count one of a signed-in user, or of a visitor's address; raises TooManyAttempts or TooManyRequests."""
        visitor, user = self._most[what]
        most, about = (visitor, address) if user_id is None else (user, user_id)
        if most == 0:
            return
        limit = RateLimitItemPerMinute(most, namespace=what)
        if not self._limiter.hit(limit, about):
            seconds = round(self._limiter.get_window_stats(limit, about).reset_time - time.time())
            raise (TooManyAttempts if what is Asked.SEARCH else TooManyRequests)(seconds)


def spend(request: Request, what: Asked, user_id: str | None) -> None:
    """Count what a request asks for; raises TooManyAttempts or TooManyRequests."""
    pace: Pace = request.app.state.pace
    pace.spend(what, user_id, client_address(request))
