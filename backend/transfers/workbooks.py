"""Tables as files: Excel and csv, whose cells no program takes for formulas; and the template of an import."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties

from backend.i18n import gettext as _
from backend.taxonomies import device_categories, specialties
from backend.templating import LOCAL_ZONE
from backend.transfers.columns import TABLES
from backend.transfers.headings import Table
from backend.transfers.models import RowKind
from backend.transfers.values import FORMULA_STARTS

MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
CELL_LENGTH = 32_000
"""A cell of Excel holds 32,767 characters."""
EXPLAINED, LISTS = "说明", "选项"
TAXONOMIES = (("诊疗科目", specialties), ("器械类别", device_categories))
LAST_ROW = 10_001
_HEAD = PatternFill("solid", fgColor="DCEBEC")
USUAL_WIDTH = 8.43
A4 = 9
"""ECMA-376 part 1, 18.3.1.63: paperSize."""
LINE_HEIGHT = 15.0
READABLE = 220
"""Characters beside one another on a page of A4 across that can still be read."""
MOST_LINES = 8
"""A row is no higher than so many lines; what is longer is read in its cell."""
_WRAPPED = Alignment(wrap_text=True, vertical="top")


def plain(value: Any) -> str | int | float | date | None:
    """A value as a cell holds it: moments as local dates."""
    if isinstance(value, datetime):
        return value.astimezone(LOCAL_ZONE).date()
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, date):
        return value
    return str(ILLEGAL_CHARACTERS_RE.sub("", str(value)))[:CELL_LENGTH]


def for_print(sheet: Any, *, landscape: bool = True, heading: str = "", widths: Sequence[float] = ()) -> None:
    """Let a sheet be printed on A4, as wide as one page, or as few as its widths can be read on.

    `heading` are rows that each page repeats, as in "1:1".
    """
    sheet.page_setup.paperSize = A4
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    pages = max(1, math.ceil(sum(widths) / READABLE))
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = pages, 0
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.HeaderFooter.oddFooter.center.text = "&P / &N"
    if heading:
        sheet.print_title_rows = heading


def height_of(texts: Iterable[Any], widths: Sequence[float], most: int = MOST_LINES) -> float:
    """Points that a row needs for its texts in columns of these widths: programs do not reckon it for a file."""
    lines = 1
    for number, text in enumerate(texts):
        width = max(4.0, (widths[number] if number < len(widths) else USUAL_WIDTH) - 1)
        parts = str("" if text is None else text).split("\n")
        lines = max(lines, sum(max(1, math.ceil(sum(2 if ord(c) > 255 else 1 for c in p) / width)) for p in parts))
    return min(lines, most) * LINE_HEIGHT


def excel(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[int] = ()) -> bytes:
    """One sheet; every text is a text, whatever it begins with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = "A2"
    for_print(sheet, heading="1:1", widths=widths)

    def cell(value: Any, *, is_head: bool = False) -> Any:
        made = WriteOnlyCell(sheet, plain(value))
        made.alignment = _WRAPPED
        if isinstance(made.value, str):
            made.data_type = "s"
        if isinstance(made.value, date):
            made.number_format = "yyyy-mm-dd"
        if is_head:
            made.font, made.fill = Font(bold=True), _HEAD
        return made

    sheet.append([cell(head, is_head=True) for head in heads])
    for number, row in enumerate(rows, 2):
        cells = [cell(value) for value in row]
        texts = [made.value for made in cells]
        sheet.row_dimensions[number].height = height_of(texts, widths)
        sheet.append(cells)
    return saved(book)


def comma_separated(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """As UTF-8 with the mark by which Excel knows it; an apostrophe goes before what would be a formula."""

    def cell(value: Any) -> str:
        text = plain(value)
        text = text.isoformat() if isinstance(text, date) else "" if text is None else str(text)
        return f"'{text}" if isinstance(value, str) and text.lstrip(" ").startswith(FORMULA_STARTS) else text

    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow([cell(head) for head in heads])
    writer.writerows([cell(value) for value in row] for row in rows)
    return target.getvalue().encode("utf-8-sig")


def template(kinds: Sequence[RowKind]) -> bytes:
    """The template of an import: a sheet for each kind with lists to choose from, and one that explains them."""
    book = Workbook()
    explained = book.active
    assert explained is not None
    explained.title = EXPLAINED
    tables = [TABLES[kind] for kind in kinds]
    _explain(explained, tables)
    lists = book.create_sheet(LISTS)
    lists.sheet_state = "hidden"
    column = 0
    for table in tables:
        sheet = book.create_sheet(table.label)
        sheet.freeze_panes = "A2"
        for_print(sheet, heading="1:1", widths=[spec.width for spec in table.columns])
        for number, spec in enumerate(table.columns, 1):
            letter = get_column_letter(number)
            head = sheet.cell(1, number, spec.label)
            head.font, head.fill = Font(bold=True, color="B42318" if spec.required else "000000"), _HEAD
            sheet.column_dimensions[letter].width = spec.width
            if spec.name in ("credit_code", "contact_phone", "key"):
                # Else a program makes a number of it, and long ones lose their last digits.
                sheet.column_dimensions[letter].number_format = "@"
            if spec.listed:
                column += 1
                for row, word in enumerate(spec.listed, 1):
                    lists.cell(row, column, word)
                source = get_column_letter(column)
                rule = DataValidation(
                    type="list",
                    formula1=f"'{LISTS}'!${source}$1:${source}${len(spec.listed)}",
                    allow_blank=True,
                    showErrorMessage=True,
                    errorTitle=spec.label,
                    error=_("请从列表中选择。"),
                )
                rule.add(f"{letter}2:{letter}{LAST_ROW}")
                sheet.add_data_validation(rule)
    for name, terms in TAXONOMIES:
        sheet = book.create_sheet(name)
        sheet.append([_("代码"), _("名称")])
        for term in terms().terms.values():
            sheet.append([term.code, term.zh])
        sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 12, 60
        for head in sheet[1]:
            head.font, head.fill = Font(bold=True), _HEAD
        sheet.freeze_panes = "A2"
        for_print(sheet, landscape=False, heading="1:1")
    return saved(book)


def _explain(sheet: Any, tables: Sequence[Table]) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 14, 22
    sheet.column_dimensions["C"].width, sheet.column_dimensions["D"].width = 10, 80
    for_print(sheet, landscape=False)
    for text in (
        _("一、每类内容一页，用不到的页可以空着或删去；各页第一行是列标题，列的顺序可以调整，标题文字请勿改动。"),
        _("二、原有的表格也可以直接上传：平台按列标题识别，标题行以上的表名和说明、没有用到的列都不影响。"),
        _("三、再次导入时按“编号”认行，没有编号的按单位和标题；没有变化的行略过，空白格不会清除平台上已有的内容。"),
        _("四、上传后先预览，确认后才写入；导入以后可以整批撤销。"),
    ):
        sheet.append([text])
        row = sheet.max_row
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=4)
        sheet.cell(row, 1).alignment = _WRAPPED
        sheet.row_dimensions[row].height = height_of([text], [126])
    sheet.append([])
    sheet.append([_("页"), _("列"), _("必填"), _("说明")])
    for cell in sheet[sheet.max_row]:
        cell.font, cell.fill = Font(bold=True), _HEAD
    for table in tables:
        for spec in table.columns:
            listed = _("可填：") + "、".join(spec.listed) if spec.listed else ""
            hint = " ".join(filter(None, (spec.hint, listed)))
            sheet.append([table.label, spec.label, _("是") if spec.required else "", hint])
            row = sheet.max_row
            sheet.row_dimensions[row].height = height_of(["", "", "", hint], [14, 22, 10, 80])
            for cell in sheet[row]:
                cell.alignment = _WRAPPED


def saved(book: Workbook) -> bytes:
    """The bytes of a workbook."""
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()
