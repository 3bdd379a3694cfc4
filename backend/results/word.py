"""The report of a quarter as a Word file, laid out as official documents are.

Source: GB/T 9704-2012, 党政机关公文格式: A4 with margins of 37 mm above and 28 mm on the left, a text of 156 × 225 mm;
titles in 小标宋 of size 2, text in 仿宋 of size 3 with 28 points a line, headings of the first level in 黑体.
"""

import io
from typing import TYPE_CHECKING, Any

import docx
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from backend.results.figures import Figure
from backend.results.report import Report, Table
from backend.templating import local_date

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TITLE, TEXT, HEADING = "方正小标宋简体", "仿宋_GB2312", "黑体"
SIZE_2, SIZE_3, SMALL = Pt(22), Pt(16), Pt(10.5)
LINE = Pt(28)
WIDTH = Mm(156)


def of_report(report: Report) -> bytes:
    """The file."""
    document = docx.Document()
    page = document.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.top_margin, page.left_margin = Mm(37), Mm(28)
    page.right_margin, page.bottom_margin = Mm(26), Mm(35)
    _plain_styles(document)
    document.core_properties.title = report.title
    document.core_properties.author = report.author
    _line(document, report.title, TITLE, SIZE_2, align=WD_ALIGN_PARAGRAPH.CENTER, style="Title")
    _line(document, report.subtitle, TEXT, SIZE_3, align=WD_ALIGN_PARAGRAPH.CENTER)
    _line(document, "", TEXT, SIZE_3)
    for section in report.sections:
        _line(document, section.heading, HEADING, SIZE_3, indent=True, style="Heading 1")
        for text in (*section.paragraphs, *section.words):
            _line(document, text, TEXT, SIZE_3, indent=True)
        for table in section.tables:
            if table.rows:
                _table(document, table)
    _line(document, "", TEXT, SIZE_3)
    for text in (report.author, local_date(report.moment)):
        _line(document, text, TEXT, SIZE_3, align=WD_ALIGN_PARAGRAPH.RIGHT)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _plain_styles(document: "Document") -> None:
    """Headings keep their place in the outline, without the colours and lines of the template."""
    for name in ("Title", "Heading 1"):
        style: Any = document.styles[name]
        style.font.color.rgb = None
        for border in style.element.findall(f".//{qn('w:pBdr')}"):
            border.getparent().remove(border)
        for colour in style.element.findall(f".//{qn('w:color')}"):
            colour.getparent().remove(colour)


def _line(
    document: "Document",
    text: str,
    font: str,
    size: Pt,
    *,
    align: WD_ALIGN_PARAGRAPH = WD_ALIGN_PARAGRAPH.JUSTIFY,
    indent: bool = False,
    style: str | None = None,
) -> None:
    paragraph = document.add_paragraph(style=style)
    form = paragraph.paragraph_format
    form.alignment = align
    form.line_spacing = LINE if size != SIZE_2 else Pt(36)
    form.space_before = form.space_after = Pt(0)
    if indent:
        form.first_line_indent = size * 2
    _run(paragraph, text, font, size)


def _run(paragraph: "Paragraph", text: str, font: str, size: Pt, *, bold: bool = False) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.font.bold = size, bold
    run.font.name = "Times New Roman"
    properties: Any = run._element.get_or_add_rPr()
    properties.get_or_add_rFonts().set(qn("w:eastAsia"), font)


def _table(document: "Document", table: Table) -> None:
    _line(document, table.caption, HEADING, Pt(12), align=WD_ALIGN_PARAGRAPH.CENTER)
    made = document.add_table(rows=1 + len(table.rows), cols=len(table.header), style="Table Grid")
    made.alignment, made.autofit = 1, False
    # Figures need less room than what they are figures of.
    first = max(len(str(row[0])) for row in (table.header, *table.rows)) * SMALL + Pt(14)
    first = min(max(first, WIDTH // len(table.header)), WIDTH * 2 // 5)
    for number, column in enumerate(made.columns):
        column.width = first if number == 0 else (WIDTH - first) // max(1, len(table.header) - 1)
    for number, row in enumerate([table.header, *table.rows]):
        for cell, value in zip(made.rows[number].cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
            cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
            is_figure = isinstance(value, Figure)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER if number == 0 or is_figure else WD_ALIGN_PARAGRAPH.LEFT
            text = value.text if isinstance(value, Figure) else value
            _run(paragraph, text, HEADING if number == 0 else TEXT, SMALL)
    properties: Any = made.rows[0]._tr.get_or_add_trPr()
    repeated = properties.makeelement(qn("w:tblHeader"), {qn("w:val"): "true"})
    properties.append(repeated)
    _line(document, "", TEXT, SMALL)
