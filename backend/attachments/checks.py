"""What comes in as a file: is it what its name says, and what is kept of it."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import BinaryIO, cast

from backend.attachments import images, office, office_strip, pdf
from backend.attachments.errors import ChecksBusy, FileRefused, not_what_it_says
from backend.attachments.kinds import IMAGES, OFFICE, TEXTS, FileKind

CHUNK = 256 * 1024
IN_MEMORY = 2_000_000
AT_ONCE = 2
"""Files that are checked at a time in a process: each may need some hundred megabytes and a processor."""
PATIENCE = 20.0
"""Seconds that a file waits for its turn."""
_turns = BoundedSemaphore(AT_ONCE)
_CONTROL = frozenset(chr(code) for code in range(32) if chr(code) not in "\t\n\r\f\v\x1b")


@dataclass(frozen=True)
class Content:
    """A checked content and whether metadata about its makers is gone from it."""

    file: BinaryIO
    stripped: bool


def accept(file: BinaryIO, kind: FileKind, *, strip: bool) -> Content:
    """Check a file by its content and make of it what is kept; raises FileRefused or ChecksBusy.

    Images are always encoded anew; with `strip` the metadata of Office and PDF files goes; plain text has none.
    """
    if kind in TEXTS:
        _check_text(file, kind)
        return Content(file, True)
    with _turn():
        if kind in IMAGES or strip:
            return Content(_rewritten(file, kind), True)
        if kind in OFFICE:
            with office.opened(file, kind):
                return Content(file, False)
        with pdf.opened(file):
            return Content(file, False)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=PATIENCE):
        raise ChecksBusy
    try:
        yield
    finally:
        _turns.release()


def _rewritten(file: BinaryIO, kind: FileKind) -> BinaryIO:
    target = cast(BinaryIO, SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115 (the caller closes it)
    try:
        if kind in IMAGES:
            images.encode_again(file, kind, target)
        elif kind in OFFICE:
            office_strip.strip(file, kind, target)
        else:
            pdf.strip(file, target)
    except BaseException:
        target.close()
        raise
    return target


def _check_text(file: BinaryIO, kind: FileKind) -> None:
    """Text in UTF-8; raises FileRefused."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(CHUNK):
            if not _CONTROL.isdisjoint(decoder.decode(chunk)):
                raise not_what_it_says(kind)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise FileRefused(
            "文本不是 UTF-8 编码。请在记事本中“另存为”并选择 UTF-8，Excel 请另存为“CSV UTF-8”，然后再上传。",
            "The text is not UTF-8. Please save it as UTF-8 (in Excel: CSV UTF-8) and upload it again.",
        ) from error
