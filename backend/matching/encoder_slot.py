"""The encoder of one process: loaded on first use, looked for again after a while where it was missing."""

import logging
import threading
import time
from collections.abc import Callable

from embeddings.types import Encoder, EncoderUnavailable

log = logging.getLogger(__name__)


class EncoderSlot:
    """Holds the encoder. All methods may be called from several threads."""

    def __init__(self, load: Callable[[], Encoder], retry_seconds: float) -> None:
        self._load = load
        self._retry_seconds = retry_seconds
        # Loading takes seconds to minutes, so it has a lock of its own: writes go on meanwhile.
        self._lock = threading.Lock()
        self._failed_at: float | None = None
        self.loaded: Encoder | None = None
        self.problem: str | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it could not be loaded when it was last tried."""
        return self._failed_at is not None

    def get(self) -> Encoder:
        """The encoder; raises EncoderUnavailable, and tries again only after a while."""
        if self.loaded is not None:
            return self.loaded
        with self._lock:
            if self.loaded is not None:
                return self.loaded
            if self._failed_at is not None and time.monotonic() - self._failed_at < self._retry_seconds:
                raise EncoderUnavailable(self.problem or "The encoder could not be loaded.")
            try:
                encoder = self._load()
            except EncoderUnavailable as error:
                self._failed_at, self.problem = time.monotonic(), str(error)
                log.warning("encoder unavailable: %s", error)
                raise
            self._failed_at = self.problem = None
            self.loaded = encoder
            return encoder
