"""Who may use the model now: somebody who waits for an answer goes before a long import."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A semaphore of two classes: whoever is urgent takes the next free slot, however many others wait."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._urgent_waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, *, urgent: bool) -> Iterator[None]:
        """Hold a slot while the block runs. Hold it for one batch, not for all of them."""
        with self._changed:
            self._urgent_waiting += urgent
            try:
                self._changed.wait_for(lambda: self._free > 0 and (urgent or not self._urgent_waiting))
                self._free -= 1
            finally:
                self._urgent_waiting -= urgent
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()
