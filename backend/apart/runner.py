"""Programs that read files from anywhere, each in a process of its own with limits on memory and time.

A damaged or hostile file then costs no more than that process, which knows neither the settings nor the database.
"""

import json
import logging
import os
import shutil
import subprocess  # nosec B404
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import BoundedSemaphore
from typing import IO, Any, BinaryIO

log = logging.getLogger(__name__)

LAUNCHER = Path(__file__).with_name("launcher.py")
AT_ONCE = 2
"""Programs that run at a time beside one process of the site: each may need a processor and much memory."""
PATIENCE = 20.0
"""Seconds that a file waits for its turn."""
_turns = BoundedSemaphore(AT_ONCE)
_KEPT_ENVIRONMENT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR")
"""Of the rest some are secrets."""


@dataclass(frozen=True)
class Limits:
    """What a program may use: bytes of memory, seconds of a processor, seconds by the clock, bytes that it writes."""

    memory: int = 1_500_000_000
    cpu_seconds: int = 20
    seconds: float = 40.0
    written: int = 0


class Busy(Exception):
    """Others had all turns for too long."""


class TooMuch(Exception):
    """The program was ended by one of its limits, or by what the file did to it."""


class Failed(Exception):
    """The program met an error that it does not know; the log says where."""


def run(
    program: Path, *arguments: str, source: IO[bytes], target: BinaryIO | None = None, limits: Limits | None = None
) -> Any:
    """The answer of a program, see `launcher`, about a file that is read from its beginning.

    `target` is a fresh temporary file of the system, into which the program writes. Raises Busy, TooMuch or Failed.
    """
    bounds = limits or Limits()
    numbers = (bounds.memory, bounds.cpu_seconds, bounds.written)
    with _turn(), TemporaryFile() as content, open(os.devnull, "r+b") as nothing:
        # A copy: two processes that read the same open file would move each other's place in it.
        source.seek(0)
        shutil.copyfileobj(source, content)
        content.flush()
        os.lseek(content.fileno(), 0, os.SEEK_SET)
        try:
            # Isolated: neither the environment nor the folder of the caller counts.
            done = subprocess.run(  # noqa: S603  # nosec B603
                [sys.executable, "-I", "-W", "ignore", str(LAUNCHER), str(program), *map(str, numbers), *arguments],
                stdin=content,
                stdout=nothing if target is None else target,
                stderr=subprocess.PIPE,
                env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
                timeout=bounds.seconds,
                check=False,
            )
            said = json.loads(done.stderr)
        except (subprocess.TimeoutExpired, ValueError) as error:
            # Killed, or dead without a word.
            raise TooMuch from error
    if "too_much" in said:
        raise TooMuch
    if "fault" in said:
        log.error("%s failed over a file: %s", program.name, said["fault"])
        raise Failed
    return said["answer"]


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=PATIENCE):
        raise Busy
    try:
        yield
    finally:
        _turns.release()
