"""The rows of an import that are wrong, as a file under the headings of the template, with the reason beside them."""

from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from backend.i18n import gettext as _
from backend.transfers.columns import TABLES
from backend.transfers.models import ImportRow, RowAction, RowKind
from backend.transfers.workbooks import for_print, height_of, plain, saved

PROBLEM = _("问题")
_WRONG = PatternFill("solid", fgColor="FDE7E5")


def workbook(rows: Sequence[ImportRow]) -> bytes:
    """A sheet for each kind; cells that are wrong are marked. Uploading it again takes in what has been corrected."""
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for kind in RowKind:
        wrong = [row for row in rows if row.kind is kind and row.action is RowAction.ERROR and row.cells]
        if not wrong:
            continue
        table = TABLES[kind]
        used = [c for c in table.columns if c.required or any(c.name in row.cells for row in wrong)]
        sheet = book.create_sheet(table.label)
        sheet.append([PROBLEM, *(column.label for column in used)])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        widths = [60, *(column.width for column in used)]
        for number, width in enumerate(widths, 1):
            sheet.column_dimensions[get_column_letter(number)].width = width
        sheet.freeze_panes = "B2"
        for_print(sheet, heading="1:1", widths=widths)
        for row in wrong:
            words = "；".join(f"{label}：{message}" if label else message for label, message in row.problems)
            line = sheet.max_row + 1
            labels = {label for label, _message in row.problems}
            for number, value in enumerate([words, *(_shown(row.cells.get(c.name)) for c in used)], 1):
                cell = sheet.cell(line, number, plain(value))
                cell.alignment = Alignment(wrap_text=True, vertical="top")
                if isinstance(cell.value, str):
                    cell.data_type = "s"
                if number > 1 and used[number - 2].label in labels:
                    cell.fill = _WRONG
            sheet.row_dimensions[line].height = height_of([cell.value for cell in sheet[line]], widths)
    if not book.worksheets:
        book.create_sheet(_("没有需更正的行"))
    return saved(book)


def _shown(cell: Any) -> Any:
    """A cell as it was read, for a cell that is written."""
    if isinstance(cell, dict):
        return cell.get("date") or cell.get("error") or ""
    return cell
