"""Reads JSON Lines with errors that name the line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embeddings.types import EmbeddingsError


def json_lines(path: Path, error_class: type[EmbeddingsError]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place ("file, line n") and object of each line of a JSON Lines file in UTF-8; empty lines are skipped.

    Raises:
        error_class: if the file cannot be read, or a line is no JSON object; the message names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise error_class(f"cannot read {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise error_class(f"{place}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise error_class(f"{place}: not a JSON object")
        yield place, row
