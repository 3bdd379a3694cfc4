"""When snapshots are written: soon after something was purged, now and then otherwise, and never while a page waits."""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path

from backend.matching import snapshots
from backend.matching.sides import SIDES, Side, SideIndex, Sides
from backend.quiet import where

log = logging.getLogger(__name__)

SAVE_EVERY = 500
"""Changes of a side after which its snapshot is renewed."""
QUIET_SECONDS = 2.0
"""After the first change that makes a snapshot due: others follow often."""
SHARE_OF_TIME = 10
"""A pause before saving in the background is at least so many times as long as the last saving took."""


class SnapshotKeeper:
    """The snapshots of one process. The engine tells what has changed; nothing here changes an index.

    Args:
        unchanged: while it is held nobody changes an index.
        sides: gives the indexes as they are now.
    """

    def __init__(self, index_dir: Path, unchanged: AbstractContextManager[object], sides: Callable[[], Sides]) -> None:
        self._index_dir = index_dir
        self._sides = sides
        self._unchanged = unchanged
        self._saving = threading.Lock()
        self._unsaved: dict[Side, int] = {}
        self._purges: dict[Side, int] = {}
        self._due: set[Side] = set()
        self._seconds = 0.0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        # No snapshot is begun while the interpreter goes away.
        atexit.register(self._stop.set)
        self.database_id = ""

    def folder(self, side: Side) -> Path:
        """Where the snapshots of a side are."""
        return snapshots.folder_of(self._index_dir, side, self.database_id)

    def changed(self, side: Side, rows: int, *, purged: bool) -> None:
        """Note what was applied to a side. Snapshots that hold what was purged are removed at once."""
        self._unsaved[side] = self._unsaved.get(side, 0) + rows
        if purged:
            self._purges[side] = self._purges.get(side, 0) + 1
            snapshots.discard(self.folder(side))
        if purged or self._unsaved[side] >= SAVE_EVERY:
            self._due.add(side)

    def discard(self) -> None:
        """Remove the snapshots of all sides."""
        for side in SIDES:
            snapshots.discard(self.folder(side))

    def save_what_is_due(self, model: str, dimension: int) -> None:
        """Have a thread save what is due."""
        if self._due and (self._thread is None or not self._thread.is_alive()) and not self._stop.is_set():
            self._thread = threading.Thread(
                target=self._save_later, args=(model, dimension), name="index-snapshots", daemon=True
            )
            self._thread.start()

    def _save_later(self, model: str, dimension: int) -> None:
        while self._due and not self._stop.wait(max(QUIET_SECONDS, SHARE_OF_TIME * self._seconds)):
            self.save(self._due.copy(), model, dimension)

    def save(self, sides: Collection[Side], model: str, dimension: int) -> None:
        """Write snapshots of sides; a failure costs time at the next start and nothing else.

        The caller must not hold `unchanged`.
        """
        with self._saving:
            start = time.monotonic()
            for side in sides:
                if index := self._sides().get(side):
                    self._save_one(side, index, model, dimension)
            self._seconds = time.monotonic() - start

    def _save_one(self, side: Side, index: SideIndex, model: str, dimension: int) -> None:
        purges, unsaved = self._purges.get(side, 0), self._unsaved.get(side, 0)
        self._due.discard(side)
        try:
            saved = snapshots.save(
                index,
                self.folder(side),
                model,
                dimension,
                self._unchanged,
                is_wanted=lambda: self._purges.get(side, 0) == purges,
            )
        except OSError as error:
            log.warning("index snapshot could not be saved: %s", error.strerror or type(error).__name__)
        except Exception as error:
            log.error("index snapshot could not be saved: %s", where(error))
        else:
            if saved:
                self._unsaved[side] = self._unsaved.get(side, 0) - unsaved
            else:
                self._due.add(side)

    def unsaved(self) -> set[Side]:
        """The sides that have changed since their last snapshot."""
        return {side for side, rows in self._unsaved.items() if rows}

    def close(self) -> None:
        """Let no more snapshot be begun in the background."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
