"""Vectors that a service keeps (Milvus): connecting, feeding it from the table, and going on without it."""

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
from sqlmodel import Session

from backend.db import Database
from backend.matching import changes, lease
from backend.matching.sides import SIDES, Side, vectors_of
from backend.quiet import where
from embeddings.index import FaissIndex, IndexUnavailable, MilvusIndex, open_index
from embeddings.types import Ids, IndexMismatch, Vector

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
_NO_FILE = Path()
_ADDRESS = re.compile(r"milvus(\+https?)?://[^/]+/?|milvus\+file:///.+\.db")


def check_address(url: str | None) -> None:
    """Raises ValueError for an index that nobody knows, before anything is asked of it."""
    if is_remote(url) and not _ADDRESS.fullmatch(url or ""):
        # The value itself is not repeated: it may hold a password.
        raise ValueError("YIQIAO_INDEX is neither faiss nor the address of a Milvus service (milvus://host:19530).")


def is_remote(url: str | None) -> bool:
    """Whether a configured index is kept by a service."""
    return url is not None and url != "faiss"


class RemoteVectors:
    """The vectors of one side in a service. All methods may be called from several threads.

    After a failure nothing is searched until it has been fed again, and that is tried in the background: no page waits
    for a service that is gone. Every method but the properties and `close` may raise IndexUnavailable.
    """

    def __init__(self, url: str, name: str, *, dimension: int, model: str, retry_seconds: float = 15.0) -> None:
        self._url, self._name, self._dimension, self._model = url, name, dimension, model
        self._retry_seconds = retry_seconds
        self._connecting = threading.Lock()
        self._index: MilvusIndex | None = None
        self._failed_at: float | None = None
        self._is_compared = False
        self.fed_to = -1
        """The last change that this process knows to be in the service."""

    @property
    def is_available(self) -> bool:
        """Whether the service answered when it was last asked."""
        return self._failed_at is None

    @property
    def may_be_fed(self) -> bool:
        """Whether it is available, or has not been tried for a while."""
        return self._failed_at is None or time.monotonic() - self._failed_at >= self._retry_seconds

    def search(self, vectors: Vector, k: int, *, only: Ids | None = None) -> tuple[Ids, Vector]:
        """As MilvusIndex.search."""
        if not self.is_available:
            raise IndexUnavailable("the vector service did not answer when it was last asked")
        return self._ask(lambda index: index.search(vectors, k, only=only))

    def __len__(self) -> int:
        """Number of vectors stored."""
        return self._ask(len)

    def sequence(self) -> int:
        """The change up to which the service has been fed, by whichever process."""
        return self._ask(lambda index: index.sequence())

    def feed(self, session: Session, side: Side, upto: int, goes_on: Callable[[], bool]) -> None:
        """Bring the service up to a change of the table; goes on where the last feeder, of whichever process, ended.

        Storing and deleting twice does no harm, so a feeder that is interrupted loses nothing.

        Args:
            goes_on: asked before each step; False ends it, because another process has taken over.
        """
        self._ask(lambda index: self._feed(index, session, side, upto, goes_on))

    def _feed(self, index: MilvusIndex, session: Session, side: Side, upto: int, goes_on: Callable[[], bool]) -> None:
        at = index.sequence()
        if not self._is_compared:
            # Once: a restored backup is behind the service, and one that was emptied by hand is not.
            if at > upto or (at and len(index) != changes.checksum(session, side, at)[0] and at == upto):
                index.clear()
                at = 0
            self._is_compared = True
        while rows := changes.read(session, side, at, upto):
            if not goes_on():
                return
            live = [row for row in rows if not row.deleted and row.model == self._model]
            gone = [row.id for row in rows if row.deleted or row.model != self._model]
            if gone:
                index.delete(np.array(gone, dtype=np.int64))
            if live:
                index.upsert(np.array([row.id for row in live], dtype=np.int64), vectors_of(live))
            at = rows[-1].sequence
            index.save(_NO_FILE, at)
        if at < upto:
            index.save(_NO_FILE, upto)
        self.fed_to = upto

    def clear(self) -> None:
        """Forget everything, to be fed from the beginning."""
        self._ask(lambda index: index.clear())
        self.fed_to = -1

    def _ask(self, question: Callable[[MilvusIndex], Answer]) -> Answer:
        try:
            answer = question(self._connected())
        except IndexUnavailable:
            self._failed_at = time.monotonic()
            # It may come back empty: what it holds is looked at again.
            self._is_compared, self.fed_to = False, -1
            self.close()
            raise
        self._failed_at = None
        return answer

    def _connected(self) -> MilvusIndex:
        with self._connecting:
            if self._index is None:
                made = self._open()
                assert not isinstance(made, FaissIndex), "only a service has a url"
                self._index = made
            return self._index

    def _open(self) -> FaissIndex | MilvusIndex:
        try:
            return open_index(self._url, name=self._name, dimension=self._dimension, model=self._model)
        except (IndexMismatch, ValueError) as error:
            # Also a service of another shape, or an address that is none, is no reason for a page to fail.
            raise IndexUnavailable(str(error)) from error

    def close(self) -> None:
        """End the connection."""
        with self._connecting:
            if self._index is not None:
                with suppress(Exception):  # It may be broken in any way; there is nothing left to be lost.
                    self._index.close()
                self._index = None


class VectorService:
    """The service that keeps the vectors of all sides, if one is configured; without one nothing here does anything."""

    def __init__(self, holder: str, retry_seconds: float) -> None:
        self._holder = holder
        self._retry_seconds = retry_seconds
        self._feeding = threading.Lock()
        self.sides: Mapping[Side, RemoteVectors] = {}

    def connect(self, url: str | None, model: str, dimension: int, database_id: str) -> None:
        """Take note of the service; nothing is asked of it yet."""
        if url is None or not is_remote(url):
            return
        self.sides = {
            side: RemoteVectors(
                url,
                f"{side[0]}_{side[1]}_{database_id}",
                dimension=dimension,
                model=model,
                retry_seconds=self._retry_seconds,
            )
            for side in SIDES
        }

    @property
    def is_available(self) -> bool:
        """Whether it answered when it was last asked; true where there is none to be asked."""
        return all(side.is_available for side in self.sides.values())

    def feed(self, database: Database, upto: int) -> None:
        """Bring the service up to a change of the table: at once, or in the background where it did not answer before.

        One thread of one process does so at a time; what another leaves is done the next time.
        """
        due = [side for side, remote in self.sides.items() if remote.fed_to < upto and remote.may_be_fed]
        if due and self.is_available:
            self._feed(database, due, upto)
        elif due:
            threading.Thread(target=self._feed, args=(database, due, upto), name="index-feeder", daemon=True).start()

    def _feed(self, database: Database, due: Sequence[Side], upto: int) -> None:
        if not self._feeding.acquire(blocking=False):
            return
        try:
            if not lease.take(database, self._holder):
                return
            for side in due:
                with database.session() as session:
                    self.sides[side].feed(session, side, upto, lambda: lease.take(database, self._holder))
            lease.give_back(database, self._holder)
        except IndexUnavailable as error:
            log.warning("vectors are not searched until their service answers again (%s)", type(error).__name__)
        except Exception as error:
            log.error("vectors could not be brought to their service: %s", where(error))
        finally:
            self._feeding.release()

    def clear(self) -> None:
        """Have everything fed again from the beginning."""
        for remote in self.sides.values():
            with suppress(IndexUnavailable):
                remote.clear()

    def close(self) -> None:
        """End the connections."""
        for remote in self.sides.values():
            remote.close()
