"""What comes in as a file: is it what its name says, and what is kept of it."""

import codecs
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from backend.apart import runner
from backend.attachments.errors import ChecksBusy, FileRefused, not_what_it_says, too_complex
from backend.attachments.kinds import TEXTS, FileKind

CHUNK = 256 * 1024
INSPECTOR = Path(__file__).with_name("inspector.py")
LIMITS = runner.Limits(written=300_000_000)
_CONTROL = frozenset(chr(code) for code in range(32) if chr(code) not in "\t\n\r\f\v\x1b")


@dataclass(frozen=True)
class Content:
    """A checked content and whether metadata about its makers is gone from it."""

    file: BinaryIO
    stripped: bool


def accept(file: BinaryIO, kind: FileKind, *, strip: bool) -> Content:
    """Check a file by its content and make of it what is kept; raises FileRefused or ChecksBusy.

    Images are always encoded anew; with `strip` the metadata of Office and PDF files goes; plain text has none. All but
    plain text is read in a process apart: parsers meet files from anywhere.
    """
    if kind in TEXTS:
        _check_text(file, kind)
        return Content(file, True)
    target = cast(BinaryIO, TemporaryFile())  # noqa: SIM115 (the caller closes it)
    try:
        how = "strip" if strip else "keep"
        said = runner.run(INSPECTOR, kind.value, how, source=file, target=target, limits=LIMITS)
        if "refused" in said:
            raise FileRefused(*said["refused"])
    except BaseException as error:
        target.close()
        raise _for_user(error, kind) from error
    if said["rewritten"]:
        return Content(target, True)
    target.close()
    return Content(file, False)


def _for_user(error: BaseException, kind: FileKind) -> BaseException:
    if isinstance(error, runner.Busy):
        return ChecksBusy()
    if isinstance(error, runner.TooMuch):
        return too_complex()
    return not_what_it_says(kind) if isinstance(error, runner.Failed) else error


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
