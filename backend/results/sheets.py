"""Figures as workbooks for Excel and WPS."""

import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from backend.i18n import gettext as _
from backend.results.figures import Figure, Row
from backend.results.report import NONE, Cell, Report
from backend.results.service import Results, name_of
from backend.results.wordings import STAGES, UNITS, WAITS
from backend.taxonomies import specialties
from backend.templating import local_time
from backend.transfers.workbooks import for_print, height_of

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEAD = PatternFill("solid", fgColor="E8F2F2")
WIDEST = 60
PAGE = 74
"""Characters that a page of A4 holds beside one another."""
THIN = Side(style="thin", color="9DB4B6")
FRAME = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
WIDE = re.compile(r"[^\x00-\xff]")


def of_results(results: Results) -> bytes:
    """What the page of results shows, a sheet for each table."""
    asked = results.asked
    book = Workbook()
    about = _first(book, _("说明"))
    basis = _("按需求发布时间同批跟踪") if asked.by_need else _("按发生时间")
    rows: list[tuple[Cell, ...]] = [
        (_("地区"), name_of(asked.region)),
        (_("时间"), asked.quarter.label if asked.quarter else _("全部时间")),
        (_("诊疗科目"), specialties().name(asked.specialty) or _("全部")),
        (_("统计方式"), basis),
        (_("导出时间"), local_time(results.moment)),
    ]
    if results.hides:
        rows.append((_("说明"), _("为避免推知匿名单位，小于 3 的数字不显示。")))
    _write(about, (), rows)
    header = (_("环节"), _("单位"), _("数量"), _("按分成折算"), _("涉及需求"), _("占发布需求（%）"))
    stages: list[tuple[Cell, ...]] = [
        (
            STAGES[line.stage],
            UNITS[line.stage],
            line.count,
            line.credit,
            line.needs,
            "" if line.part is None else Figure(line.part),
        )
        for line in results.lines
    ]
    _write(book.create_sheet(_("漏斗")), header, stages)
    broken_down = (
        (_("按地区"), results.by_region),
        (_("按诊疗科目"), results.by_specialty),
        (_("按季度"), results.by_quarter),
    )
    for name, table in broken_down:
        _write(book.create_sheet(name), (_("类别"), *STAGES.values()), _rows(table))
    waits = [(WAITS[line.kind], line.count, line.median or NONE) for line in results.waits]
    _write(book.create_sheet(_("办理用时")), (_("事项"), _("件数"), _("中位数（工作日）")), waits)
    ended = (_("结束原因"), _("合计"), _("需求方"), _("能力方"))
    _write(book.create_sheet(_("结束原因")), ended, _rows(results.reasons))
    return _bytes(book)


def of_report(report: Report) -> bytes:
    """The report of a quarter: its words on the first sheet, each table on one of its own."""
    book = Workbook()
    sheet = _first(book, _("报告正文"))
    lines = [report.title, report.subtitle]
    for section in report.sections:
        lines += [section.heading, *section.paragraphs, *section.words]
    lines += [report.author, _("数据截至 %(moment)s") % {"moment": local_time(report.moment)}]
    headings = {report.title, *(section.heading for section in report.sections)}
    for number, line in enumerate(lines, 1):
        _put(sheet, number, 1, line)
        sheet.cell(number, 1).font = Font(bold=line in headings, size=16 if line == report.title else 11)
        side = "center" if number <= 2 else "right" if number > len(lines) - 2 else "left"
        indent = 0 if number <= 2 or number > len(lines) - 2 or line in headings else 2
        sheet.cell(number, 1).alignment = Alignment(
            wrap_text=True, vertical="bottom" if line in headings else "top", horizontal=side, indent=indent
        )
        space = 12 if number == 1 or line in headings else 4
        sheet.row_dimensions[number].height = height_of([line], [PAGE - 2 * indent], most=27) + space
    sheet.column_dimensions["A"].width = PAGE
    for_print(sheet, landscape=False)
    for section in report.sections:
        for table in section.tables:
            _write(book.create_sheet(table.caption.split("　")[0]), table.header, table.rows, caption=table.caption)
    return _bytes(book)


def _rows(rows: Iterable[Row]) -> list[tuple[Cell, ...]]:
    return [(row.label, *row.cells) for row in rows]


def _first(book: Workbook, title: str) -> "Worksheet":
    sheet = book.active
    sheet.title = title
    return sheet


def _put(sheet: "Worksheet", row: int, column: int, value: Cell) -> None:
    cell = sheet.cell(row, column)
    cell.value = value.cell if isinstance(value, Figure) else value
    if isinstance(cell.value, str):
        # Else what begins with a sign of equality is run as a formula.
        cell.data_type = "s"


def _write(sheet: "Worksheet", header: Sequence[str], rows: Sequence[Sequence[Cell]], *, caption: str = "") -> None:
    """A table; its columns are as wide as what stands in them."""
    start = 1
    if caption:
        _put(sheet, 1, 1, caption)
        sheet.cell(1, 1).font = Font(bold=True)
        start = 2
    listed: list[Sequence[Cell]] = [header, *rows] if header else list(rows)
    for number, row in enumerate(listed, start):
        for column, value in enumerate(row, 1):
            _put(sheet, number, column, value)
            sheet.cell(number, column).border = FRAME
            if isinstance(value, Figure):
                sheet.cell(number, column).alignment = Alignment(horizontal="right")
    for_print(sheet, heading=f"{start}:{start}" if header else "")
    for column in range(1, len(header) + 1):
        sheet.cell(start, column).font = Font(bold=True)
        sheet.cell(start, column).fill = HEAD
        sheet.cell(start, column).alignment = Alignment(horizontal="center")
    if header:
        sheet.freeze_panes = sheet.cell(start + 1, 2)
    for column, letter in enumerate("ABCDEFGHIJ", 1):
        texts = [str(row[column - 1]) if column <= len(row) else "" for row in map(_texts, listed)]
        width = max((len(WIDE.sub("xx", text)) for text in texts), default=0)
        if width:
            sheet.column_dimensions[letter].width = min(WIDEST, width + 3)


def _texts(row: Sequence[Cell]) -> list[str]:
    return [value.text if isinstance(value, Figure) else value for value in row]


def _bytes(book: Workbook) -> bytes:
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
