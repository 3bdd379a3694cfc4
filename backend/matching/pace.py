"""How often one client may have a text encoded: it takes all cores for a moment, and anybody may search.

Counted in the memory of each process: a limit that is a little wider with several processes does no harm, and a search
writes nothing.
"""

import time

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from backend.client_address import client_address
from backend.config import Settings
from backend.errors import TooManyAttempts
from backend.organisations.policy import Viewer


class Pace:
    """The counts of one process."""

    def __init__(self, settings: Settings) -> None:
        self._visitor, self._user = settings.visitor_searches_per_minute, settings.user_searches_per_minute
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def spend(self, viewer: Viewer, address: str) -> None:
        """Count a search of a signed-in user, or of a visitor's address; raises TooManyAttempts."""
        most, about = (self._visitor, address) if viewer.user_id is None else (self._user, viewer.user_id)
        if most == 0:
            return
        limit = RateLimitItemPerMinute(most, namespace="searches")
        if not self._limiter.hit(limit, about):
            raise TooManyAttempts(round(self._limiter.get_window_stats(limit, about).reset_time - time.time()))


def spend_search(request: Request, viewer: Viewer) -> None:
    """Count what a request has encoded; raises TooManyAttempts."""
    pace: Pace = request.app.state.pace
    pace.spend(viewer, client_address(request))
