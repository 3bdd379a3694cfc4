"""Who works off the outbox in one process: the caller while it is little, a thread when it is an import."""

import logging
import threading
from collections.abc import Callable, Mapping

from backend.db import Database, new_id
from backend.matching import indexing, lease
from backend.matching.documents import Subject
from backend.matching.indexing import SUBJECTS, Progress
from backend.quiet import where
from embeddings.types import Encoder

log = logging.getLogger(__name__)

BACKGROUND_SUBJECTS = 32
"""Subjects of a batch while pages wait as well: a second or two."""


class Importer:
    """The outbox of one process. All methods may be called from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.name = new_id()
        """The holder of leases."""
        # One thread at a time encodes what waits, so that none does it twice.
        self._encoding = threading.Lock()
        self._purging = threading.Lock()
        self._purged_to = 0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def waiting(self) -> int:
        """Rows of the outbox that wait, counted a little beyond `SUBJECTS`."""
        with self._database.session() as session:
            return indexing.waiting(session, SUBJECTS + 1)

    def purge(self) -> int:
        """Take out of the table what waiting subjects have no more; returns how many rows changed."""
        with self._purging:
            changed, self._purged_to = indexing.purge(self._database, self._purged_to)
        return changed

    def work_off(
        self,
        encoder: Encoder,
        at_hand: Mapping[str, bytes] | None = None,
        progress: Progress | None = None,
        *,
        patience: float = -1,
    ) -> bool:
        """Encode and write what waits, newest first.

        Args:
            at_hand: as in `indexing.write_batch`.
            patience: seconds to wait for another thread that is at it; below 0 as long as it takes.

        Returns:
            Whether it was this thread's turn within that time.
        """
        if not self._encoding.acquire(timeout=patience):
            return False
        try:
            total = 0
            if progress:
                with self._database.session() as session:
                    total = indexing.waiting_subjects(session)
            done, left = 0, set[Subject]()
            while subjects := self._one_batch(encoder, SUBJECTS, left, at_hand):
                done += subjects
                if progress:
                    progress(min(done, total), total)
        finally:
            self._encoding.release()
        return True

    def _one_batch(
        self, encoder: Encoder, subjects: int, left: set[Subject], at_hand: Mapping[str, bytes] | None = None
    ) -> int:
        """Write one batch but for the subjects in `left`, where those are added whose turn comes again."""
        if self._stop.is_set():
            return 0
        with self._database.session() as session:
            batch = indexing.next_batch(session, subjects, left)
        if batch.last_row:
            left |= indexing.write_batch(self._database, batch, encoder, at_hand).left
        return len(batch.last_row)

    def hand_over(self, encoder: Encoder, after_batch: Callable[[], None]) -> None:
        """Let a thread do what a page cannot wait for, unless another thread or process is at it."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._in_background, args=(encoder, after_batch), name="index-import", daemon=True
            )
            self._thread.start()

    def _in_background(self, encoder: Encoder, after_batch: Callable[[], None]) -> None:
        left: set[Subject] = set()
        try:
            while lease.take(self._database, self.name):
                with self._encoding:
                    done = self._one_batch(encoder, BACKGROUND_SUBJECTS, left)
                after_batch()
                # Locks are not fair: who waits for one gets it here.
                if not done or self._stop.wait(0.01):
                    break
            lease.give_back(self._database, self.name)
        except Exception as error:
            log.error("indexing in the background ended: %s", where(error))

    def close(self) -> None:
        """End after the present batch; the rest waits in the outbox."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
