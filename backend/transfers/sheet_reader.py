"""Reads an Excel or CSV file from standard input and writes its cells as JSON: a program of its own.

It runs in a process apart, with limits on memory and time, since such files come from anywhere: a damaged or hostile
one can then cost no more than its own process. It imports nothing of the application.

Output: {"sheets": [{"name": "...", "rows": [[line, [cell, ...]], ...]}]} or {"error": "a code of reading.py"}.
A cell is a text, a number, true or false, null, {"date": "2026-03-01"}, {"error": "#N/A"} or {"formula": true}: the
last is a formula whose result the program that wrote the file has not kept.
"""

import csv
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

MEMORY = 1_500_000_000
SECONDS = 60
UNPACKED = 200_000_000
TIMES = 300
"""A part that is so many times larger than its packed form is no sheet that people write."""
SMALL = 2_000_000
PARTS = 2_000
SHEETS = 20
ROWS = 20_000
COLUMNS = 100
CELLS = 1_000_000
CELL_LENGTH = 8_000
GAP = 2_000
"""Empty rows in a row after which nothing more is looked for: formats often reach down to the last row there can be."""
MERGED = 50_000
"""Cells into which the value of a merged range is written."""

_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})")
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_USUAL = re.compile(r"[\t\r\n\x20-\x7e\u2010-\u203b\u3000-\u303f\u4e00-\u9fff\uff00-\uffef·]")
_SPACES = re.compile(r"[\s\u3000]+")


class Unreadable(Exception):
    """The file cannot be read; the argument is a code of reading.py."""


def read(content: bytes) -> list[dict[str, Any]]:
    """The sheets of a file by its content, whatever its name says; raises Unreadable."""
    if content.startswith(b"PK\x03\x04"):
        return list(_excel(content))
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        # An encrypted workbook is one of these too.
        raise Unreadable("encrypted" if b"E\0n\0c\0r\0y\0p\0t" in content else "old-excel")
    if content.startswith((b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"{\\rtf", b"<")):
        raise Unreadable("type")
    return [{"name": "", "rows": _csv(content)}]


def _excel(content: bytes) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_parts(archive)
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    budget = [CELLS, MERGED]
    for sheet in book.worksheets[:SHEETS]:
        if sheet.sheet_state != "visible":
            continue
        # What some programs write there does not fit what follows.
        sheet.reset_dimensions()
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(sheet._worksheet_path) as part:
            merged, formulas = _notes(part)
        rows = _rows(sheet, formulas, budget)
        _fill_merged(rows, merged, budget)
        yield {"name": sheet.title, "rows": rows}


def _check_parts(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
        raise Unreadable("too-much")
    if any(part.file_size > TIMES * max(part.compress_size, 1) and part.file_size > SMALL for part in parts):
        raise Unreadable("too-much")
    if any(part.flag_bits & 0x1 for part in parts):
        raise Unreadable("encrypted")
    if not any(name.startswith("xl/") for name in archive.namelist()):
        raise Unreadable("type")


def _notes(part: Any) -> tuple[list[str], set[tuple[int, int]]]:
    """The merged ranges of a sheet, and the (row, column) of its formulas without a result."""
    from lxml import etree

    merged: list[str] = []
    formulas: set[tuple[int, int]] = set()
    tags = [f"{space}{name}" for space in (_SHEET, _STRICT) for name in ("c", "mergeCell", "row")]
    for _event, element in etree.iterparse(part, tag=tags, resolve_entities=False, no_network=True, huge_tree=False):
        name = etree.QName(element).localname
        if name == "mergeCell":
            merged.append(element.get("ref", ""))
        elif name == "c" and len(element):
            children = {etree.QName(child).localname: child for child in element}
            value = children.get("v")
            if "f" in children and (value is None or not value.text) and element.get("t") != "str":
                found = _CELL.fullmatch(element.get("r", ""))
                if found:
                    formulas.add((int(found[2]), _column(found[1])))
        elif name == "row":
            element.clear()
            # What has been read is let go, or a long sheet would stay in memory as a whole.
            while element.getprevious() is not None:
                del element.getparent()[0]
    return merged, formulas


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _rows(sheet: Any, formulas: set[tuple[int, int]], budget: list[int]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    gap = 0
    for line, values in enumerate(sheet.iter_rows(max_col=COLUMNS, values_only=True), 1):
        cells = [_cell(value) for value in values]
        for column in range(1, len(cells) + 1):
            if cells[column - 1] is None and (line, column) in formulas:
                cells[column - 1] = {"formula": True}
        while cells and cells[-1] is None:
            cells.pop()
        if not cells:
            gap += 1
            if gap > GAP:
                break
            continue
        gap = 0
        _spend(rows, cells, budget)
        rows.append([line, cells])
    return rows


def _spend(rows: list[list[Any]], cells: list[Any], budget: list[int]) -> None:
    budget[0] -= len(cells)
    if len(rows) >= ROWS or budget[0] < 0:
        raise Unreadable("too-many")


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"date": value.date().isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time | timedelta):
        return str(value)
    if isinstance(value, bool | int | float):
        return value
    if value is None:
        return None
    text = str(value)[:CELL_LENGTH]
    if not _SPACES.sub("", text):
        return None
    return {"error": text} if text in ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!") else text


def _fill_merged(rows: list[list[Any]], merged: list[str], budget: list[int]) -> None:
    """Write the value of a merged range into each row that it spans, as it is meant to be read."""
    at: dict[int, list[Any]] = {row[0]: row[1] for row in rows}
    for found in filter(None, map(_RANGE.fullmatch, merged)):
        left, top, right, bottom = _column(found[1]), int(found[2]), _column(found[3]), int(found[4])
        cells = at.get(top)
        value = cells[left - 1] if cells is not None and len(cells) >= left else None
        if value is None or bottom == top:
            continue
        for line in range(top + 1, min(bottom, top + ROWS) + 1):
            if line not in at:
                continue
            for column in range(left, min(right, left) + 1):
                budget[1] -= 1
                if budget[1] < 0:
                    raise Unreadable("too-many")
                below = at[line]
                below.extend([None] * (column - len(below)))
                if below[column - 1] is None:
                    below[column - 1] = value


def _csv(content: bytes) -> list[list[Any]]:
    text = _decoded(content)
    if text.startswith("sep=") and "\n" in text:
        text = text.partition("\n")[2]
    head = text[:20_000]
    # Of the first lines, quoted parts left out: a comma inside of a text is no delimiter.
    plain = re.sub(r'"[^"]*"', "", head)
    delimiter = max(",\t;，", key=plain.count)
    csv.field_size_limit(200_000)
    rows: list[list[Any]] = []
    budget = [CELLS]
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
        for line, values in enumerate(reader, 1):
            cells = [_cell(value) for value in values[:COLUMNS]]
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                _spend(rows, cells, budget)
                rows.append([line, cells])
    except csv.Error as error:
        raise Unreadable("damaged") from error
    return rows


def _decoded(content: bytes) -> str:
    """The text of a CSV file in the encoding that it is in; raises Unreadable."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    if b"\0" in content:
        # UTF-16 without the mark of its order, or no text at all.
        for encoding in ("utf-16-le", "utf-16-be"):
            with suppress(UnicodeDecodeError):
                text = content.decode(encoding)
                if len(_USUAL.findall(text[:4000])) > 0.9 * len(text[:4000]):
                    return text
        raise Unreadable("type")
    for encoding in ("utf-8-sig", "gb18030"):
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    raise Unreadable("encoding")


def _limit() -> None:
    """No more memory and time than a table needs; where the system knows no limits, the caller's clock ends it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    """Read, and answer in any case: what goes wrong inside the file is said by a code, never by a message."""
    _limit()
    answer: dict[str, Any]
    try:
        answer = {"sheets": read(sys.stdin.buffer.read())}
    except Unreadable as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "too-much"}
    except UnicodeDecodeError:
        answer = {"error": "encoding"}
    except Exception:
        answer = {"error": "damaged"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
