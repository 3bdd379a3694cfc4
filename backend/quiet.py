"""Errors in the log without what they say: messages of databases and encoders may hold the text that was worked on.

Nor does the log hold what was typed: the words of a search are part of its address.
"""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

LAST_PLACES = 4


def where(error: BaseException) -> str:
    """The kind of an error and the places in the code that it came through, without its message."""
    return f"{type(error).__name__} at {' > '.join(_places(error.__traceback__)[-LAST_PLACES:])}"


def trace(error: BaseException) -> str:
    """The whole way of an error and of those that led to it, the newest first, a line for each; without messages."""
    lines = (f"  {type(e).__name__} at {' > '.join(_places(e.__traceback__))}" for e in _chain(error))
    return "\n".join(["Traceback without messages, which may be private:", *lines])


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _places(steps: TracebackType | None) -> list[str]:
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(steps)]


def keep_server_quiet() -> None:
    """Keep private words out of the log of uvicorn, which writes addresses and errors in full. Twice does no harm."""
    logging.getLogger("uvicorn.access").addFilter(_without_query)
    logging.getLogger("uvicorn.error").addFilter(_without_message)
    keep_readers_quiet()


def keep_readers_quiet() -> None:
    """They tell of what stands in a file: metadata of images, broken parts of a PDF."""
    for reader in ("PIL", "pypdf"):
        logging.getLogger(reader).setLevel(logging.CRITICAL)


def _without_query(record: logging.LogRecord) -> bool:
    """Cut off what follows the path of an address."""
    if isinstance(record.args, tuple):
        record.args = tuple(a.partition("?")[0] if isinstance(a, str) else a for a in record.args)
    return True


def _without_message(record: logging.LogRecord) -> bool:
    """Put the way of an error in place of its traceback, which ends in the message."""
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.msg, record.args = f"{record.getMessage().strip()}: {trace(error)}", ()
    record.exc_info = record.exc_text = None
    return True
