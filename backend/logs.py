"""The log of a process: lines to read, or JSON for programs, with the number of the request, without private words."""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from backend.config import Settings
from backend.observing import REQUEST_ID
from backend.quiet import trace

NOISY = ("httpx", "sentence_transformers", "alembic", "faiss", "huey", "peewee")
"""Libraries that tell of every step."""
FIELDS = {"method", "route", "status", "duration_ms", "user_id"}
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the standard error of the moment, whatever it has been when the log was set up."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        pass


def configure(settings: Settings) -> None:
    """Set up the log of this process; done again, it replaces what was set up. A log of somebody else's stays."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Stderr)]:
        root.removeHandler(handler)
    if root.handlers:
        return
    handler = _Stderr()
    handler.setFormatter(formatter(settings.log_format))
    root.addHandler(handler)
    root.setLevel(settings.log_level)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def formatter(log_format: str) -> logging.Formatter:
    """Turns any record, of whichever library, into one line."""
    return _json() if log_format == "json" else _Text(TEXT)


class _Text(logging.Formatter):
    """A line to read; the way of an error follows it without messages, and its request stands at the end."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        plain = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        line = super().format(plain)
        number = REQUEST_ID.get()
        return line + (f": {trace(error)}" if error else "") + (f" [{number}]" if number else "")


def _json() -> logging.Formatter:
    processors: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=FIELDS),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request,
        _error_without_message,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=processors,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True),
        ],
    )


def _add_request(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    if number := REQUEST_ID.get():
        event["request_id"] = number
    return event


def _error_without_message(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Put the way of an error in place of its traceback, which would end in the message."""
    record: Any = event.get("_record")
    event.pop("stack_info", None)
    event.pop("stack", None)
    given = event.pop("exc_info", None) or getattr(record, "exc_info", None)
    error = given[1] if isinstance(given, tuple) else None
    if error is not None:
        event["trace"] = trace(error)
    return event
