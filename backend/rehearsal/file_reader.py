"""Reads a Word or PDF file and answers with its lines and rows: a program of its own.

It runs in a process apart, with limits on memory and time, since such files come from anywhere: a damaged or hostile
one can then cost no more than its own process. It imports nothing of the application.

Answer: {"blocks": [{"text": "...", "heading": true} | {"cells": ["...", "..."]}]} or {"error": "a code of reading.py"}.
"""

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

UNPACKED = 80_000_000
TIMES = 200
"""A part of a Word file that is so many times larger than its packed form is no text."""
PARTS = 3_000
PAGES = 30
LONGEST = 60_000
"""Characters taken from a file."""

# Kangxi radicals and compatibility ideographs stand for characters of their own in the text of printed PDFs.
_COMPATIBLE = re.compile(r"[\u2f00-\u2fdf\u2e80-\u2eff\uf900-\ufaff\ufb00-\ufb06\u00a0\u3000]")
# Radicals of simplified characters have no decomposition in Unicode: EquivalentUnifiedIdeograph.txt of version 15.
_SIMPLIFIED = dict(
    zip(
        "⺌⺍⺠⺼⺾⻁⻅⻆⻉⻋⻑⻒⻓⻔⻘⻙⻚⻛⻜⻝⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻳",
        "小小民肉艹虎见角贝车長镸长门青韦页风飞食饣马骨鬼鱼鸟卤麦黄黾齐齿龙龟",
        strict=True,
    )
)
_LINE_GAP = re.compile(r"[ \t]+")


class Unreadable(Exception):
    """The file cannot be read; the argument is a code of reading.py."""


def plain(text: str) -> str:
    """Text with characters for shapes replaced by those that are meant."""
    text = _COMPATIBLE.sub(lambda m: _SIMPLIFIED.get(m[0]) or unicodedata.normalize("NFKC", m[0]), text)
    return _LINE_GAP.sub(" ", text).strip()


def read(content: bytes) -> list[dict[str, Any]]:
    """The blocks of a file by its content, whatever its name says; raises Unreadable."""
    if content.startswith(b"%PDF-"):
        return list(_limited(_pdf(content)))
    if content.startswith(b"PK\x03\x04"):
        return list(_limited(_word(content)))
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        # An encrypted Word file is one of these too.
        raise Unreadable("encrypted" if b"E\0n\0c\0r\0y\0p\0t" in content else "old-word")
    raise Unreadable("type")


def _limited(blocks: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    left = LONGEST
    for block in blocks:
        left -= sum(map(len, block.get("cells", [block.get("text", "")])))
        if left < 0:
            return
        yield block


def _check_parts(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
        raise Unreadable("too-much")
    if any(part.file_size > TIMES * max(part.compress_size, 1) and part.file_size > 1_000_000 for part in parts):
        raise Unreadable("too-much")
    if "word/document.xml" not in archive.namelist():
        raise Unreadable("type")


def _word(content: bytes) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_parts(archive)
    import docx
    from docx.table import Table

    document = docx.Document(io.BytesIO(content))
    for item in document.iter_inner_content():
        if isinstance(item, Table):
            yield from _rows(item)
            continue
        text = plain(item.text)
        if text:
            style = item.style.name or "" if item.style is not None else ""
            is_bold = bool(item.runs) and all(run.bold for run in item.runs if run.text.strip())
            for line in filter(None, map(str.strip, item.text.splitlines())):
                yield {"text": plain(line), "heading": style.startswith(("Heading", "Title", "标题")) or is_bold}


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        cells, seen = [], set()
        for cell in row.cells:
            # A cell that spans several columns comes once for each.
            if id(cell._tc) in seen:
                continue
            seen.add(id(cell._tc))
            lines = [plain(p.text) for p in cell.paragraphs]
            for inner in cell.tables:
                lines += ["：".join(block["cells"]) for block in _rows(inner)]
            cells.append("\n".join(line for line in lines if line))
        if any(cells):
            yield {"cells": cells}


def _pdf(content: bytes) -> Iterator[dict[str, Any]]:
    import pdfplumber
    import pypdf

    reader = pypdf.PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("encrypted")
    if not reader.pages:
        raise Unreadable("no-text")
    found = False
    with pdfplumber.open(io.BytesIO(content), password="") as document:
        for page in document.pages[:PAGES]:
            for block in _page(page):
                found = True
                yield block
            page.close()
    if not found:
        raise Unreadable("no-text")


def _page(page: Any) -> Iterator[dict[str, Any]]:
    """Lines and rows of a page from its top to its foot."""
    tables = [t for t in page.find_tables() if len(t.rows) > 1 or len(t.rows[0].cells) > 1]
    boxes = [t.bbox for t in tables]

    def outside(thing: Any) -> bool:
        middle = (thing["top"] + thing["bottom"]) / 2
        return not any(x0 <= thing["x0"] <= x1 and top <= middle <= bottom for x0, top, x1, bottom in boxes)

    found: list[tuple[float, dict[str, Any]]] = []
    for line in page.filter(lambda o: o["object_type"] != "char" or outside(o)).extract_text_lines(return_chars=True):
        text = plain(line["text"])
        if text:
            bold = all("bold" in c["fontname"].lower() for c in line["chars"] if c["text"].strip())
            found.append((line["top"], {"text": text, "heading": bold, "right": line["x1"] / float(page.width)}))
    for table in tables:
        top = table.bbox[1]
        for number, cells in enumerate(table.extract()):
            kept = ["\n".join(filter(None, map(plain, (cell or "").split("\n")))) for cell in cells if cell is not None]
            if any(kept):
                found.append((top + number / 1000, {"cells": kept}))
    for _top, block in sorted(found, key=lambda f: f[0]):
        yield block


def answer(source: BinaryIO, _target: BinaryIO) -> dict[str, Any]:
    """In any case: what goes wrong inside the file is said by a code, never by a message."""
    try:
        return {"blocks": read(source.read())}
    except Unreadable as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "too-much"}
    except Exception:
        return {"error": "damaged"}
