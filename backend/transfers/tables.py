"""From the cells of a sheet to rows of a known kind: which row is the header, and what its headings mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.transfers.columns import IGNORED, TABLES
from backend.transfers.headings import Column, Table
from backend.transfers.models import RowKind
from backend.transfers.reading import Cell, Sheet
from backend.transfers.values import folded

HEADER_ROWS = 15
"""The header stands among the first rows that are not empty: titles and notes come before it."""
NOTE_COLUMNS = 3
NOT_FOR_IMPORT = frozenset({"说明", "选项", "诊疗科目", "器械类别"})
"""Sheets of the template that hold no rows."""

_MARKS = re.compile(r"[（(【\[].*?[)）】\]]|[*＊:：※]|必填|选填")


@dataclass(frozen=True)
class Row:
    """A row of a sheet: its cells by the name of their column. `is_note` has but one cell: a section line, a sum."""

    kind: RowKind
    sheet: str
    line: int
    cells: Mapping[str, Cell]
    is_note: bool = False


@dataclass(frozen=True)
class Taken:
    """What was found in a file. `ignored` are sheets of no known kind, `unknown` headings that no column takes."""

    rows: Sequence[Row] = ()
    ignored: Sequence[str] = ()
    unknown: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Header:
    table: Table
    columns: Mapping[int, Column]
    first: int
    unknown: Sequence[str]

    @property
    def score(self) -> tuple[bool, int]:
        names = {column.name for column in self.columns.values()}
        return self.table.title in names, len(names)


def take(sheets: Sequence[Sheet], only: RowKind | None = None) -> Taken:
    """The rows of all sheets, in the order in which their kinds are taken in; `only` says what a file holds."""
    found: list[Row] = []
    ignored: list[str] = []
    unknown: dict[str, Sequence[str]] = {}
    for sheet in sheets:
        header = _header(sheet, only) if sheet.name not in NOT_FOR_IMPORT else None
        if header is None:
            if sheet.rows and sheet.name not in NOT_FOR_IMPORT:
                ignored.append(sheet.name)
            continue
        rows = list(_rows(sheet, header))
        found += rows
        if header.unknown and rows:
            unknown[sheet.name] = header.unknown
    order = list(RowKind)
    found.sort(key=lambda row: order.index(row.kind))
    return Taken(found, ignored, unknown)


def _plain(cell: Cell) -> str:
    return folded(_MARKS.sub("", cell)) if isinstance(cell, str) else ""


def _header(sheet: Sheet, only: RowKind | None) -> _Header | None:
    """The header of a sheet as that kind which explains most of it; None where no kind does."""
    tables = [TABLES[only]] if only else _by_name(sheet.name) or list(TABLES.values())
    head = [cells for _line, cells in sheet.rows[: HEADER_ROWS + 1]]
    tried = [_at(table, head, n) for table in tables for n in range(min(HEADER_ROWS, len(head)))]
    good = [h for h in tried if h.score[0] and h.score[1] >= 2]
    return max(good, key=lambda h: h.score, default=None)


def _by_name(name: str) -> list[Table]:
    """The kind that the name of a sheet says, whatever number stands before it."""
    word = re.sub(r"^[\d.、\-_（(]+|[)）\d]+$", "", _plain(name))
    exact = [t for t in TABLES.values() if word in {folded(w) for w in (t.label, *t.also)}]
    return exact if len(exact) == 1 else []


def _at(table: Table, head: Sequence[Sequence[Cell]], at: int) -> _Header:
    """The header that a row would be, with what the rows above and below add to it where headings span several."""
    columns = _known(table, head[at])
    above = _known(table, head[at - 1]) if at else {}
    below = _known(table, head[at + 1]) if at + 1 < len(head) else {}
    words_below = [n for n, cell in enumerate(head[at + 1]) if _plain(cell)] if at + 1 < len(head) else []
    # A second row of headings holds headings alone; the first row of data does not.
    is_second = bool(words_below) and all(n in below or _plain(head[at + 1][n]) in IGNORED for n in words_below)
    merged = {n: c for n, c in above.items() if n not in columns and not _text_at(head[at], n)} | columns
    if is_second:
        merged = merged | below
    used: set[str] = set()
    kept: dict[int, Column] = {}
    for n in sorted(merged):
        if merged[n].name not in used:
            used.add(merged[n].name)
            kept[n] = merged[n]
    titles = head[at + 1] if is_second else head[at]
    unknown = [
        str(cell) for n, cell in enumerate(titles) if n not in kept and _plain(cell) and _plain(cell) not in IGNORED
    ]
    return _Header(table, kept, at + (2 if is_second else 1), unknown)


def _text_at(cells: Sequence[Cell], n: int) -> str:
    return _plain(cells[n]) if n < len(cells) else ""


def _known(table: Table, cells: Sequence[Cell]) -> dict[int, Column]:
    found = {}
    for n, cell in enumerate(cells):
        column = table.by_heading.get(_plain(cell)) if _plain(cell) else None
        if column is not None:
            found[n] = column
    return found


def _rows(sheet: Sheet, header: _Header) -> list[Row]:
    rows = []
    for line, cells in sheet.rows[header.first :]:
        named = {c.name: cells[n] for n, c in header.columns.items() if n < len(cells) and cells[n] is not None}
        if not named or set(_known(header.table, cells)) >= set(header.columns):
            # Nothing that is asked for, or the header once more, as on every printed page.
            continue
        is_note = len(header.columns) >= NOTE_COLUMNS and sum(cell is not None for cell in cells) == 1
        rows.append(Row(header.table.kind, sheet.name[:60], line, named, is_note))
    return rows
