"""Checks a file and writes what is kept of it: a program of its own, which `checks` runs in a process apart.

Arguments: the kind of the file, and `strip` or `keep`. Answer: {"rewritten": true} where the target holds what is kept,
{"rewritten": false} where the file is kept as it is, {"refused": ["why in Chinese", "in English"]} where it is not.
"""

import sys
from pathlib import Path
from typing import Any, BinaryIO


def answer(source: BinaryIO, target: BinaryIO, kind: str, how: str) -> dict[str, Any]:
    """Whether the file is taken, and as what."""
    # A process apart is isolated and does not know where the application is.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from backend.attachments.errors import FileRefused
    from backend.attachments.inspection import inspect
    from backend.attachments.kinds import FileKind
    from backend.quiet import keep_readers_quiet

    keep_readers_quiet()
    try:
        return {"rewritten": inspect(source, FileKind(kind), target, strip=how == "strip")}
    except FileRefused as error:
        return {"refused": [error.zh, error.en]}
