"""Sheets as programs write them: found, read, and told what is wrong with them."""

import datetime
import io
import time
from typing import Any

import openpyxl
import pytest

from backend.needs.models import NeedKind
from backend.organisations.models import OrganisationKind
from backend.taxonomies import device_categories, specialties
from backend.transfers import values, workbooks
from backend.transfers.columns import NEEDS, TABLES
from backend.transfers.models import RowKind
from backend.transfers.planning import guessed_kind
from backend.transfers.reading import LARGEST, PROBLEMS, UnreadableTable, read
from backend.transfers.tables import take
from backend.transfers.values import BadCell
from tests import files, sheets

TITLES = ["穿刺针不能弯曲", "术中定位反复透视"]


def titles(content: bytes) -> list[Any]:
    """The titles of the rows of a file."""
    return [row.cells[TABLES[row.kind].title] for row in take(read(content)).rows if not row.is_note]


@pytest.mark.parametrize(
    "content",
    [
        sheets.workbook({"需求": sheets.NEEDS}),
        sheets.workbook({"Sheet1": sheets.NEEDS}),
        sheets.office(),
        sheets.wps(),
        sheets.numbers(),
        sheets.text(sheets.NEEDS),
        sheets.text(sheets.NEEDS, "utf-8"),
        sheets.text(sheets.NEEDS, "gbk"),
        sheets.text(sheets.NEEDS, "gb18030", ";"),
        sheets.text(sheets.NEEDS, "utf-16", "\t"),
        sheets.text(sheets.NEEDS, "utf-16-le", "\t"),
        b"sep=;\r\n" + sheets.text(sheets.NEEDS, "utf-8", ";"),
    ],
    ids=["excel", "unnamed", "office", "wps", "numbers", "bom", "utf-8", "gbk", "gb18030", "utf-16", "no mark", "sep"],
)
def test_every_manner_of_writing_is_read(content: bytes) -> None:
    assert titles(content) == TITLES


def test_merged_cells_and_headers_of_two_rows_are_read_as_they_are_meant() -> None:
    rows = take(read(sheets.office())).rows
    assert [row.cells.get("organisation") for row in rows[:2]] == ["示例·仁济医院"] * 2
    assert rows[0].cells["problem"] == "针尖上滑，穿刺点移位。"
    assert rows[0].cells["contact_name"] == "示例联系人"
    # The sum below stands in a column that nobody asks for.
    assert [row.line for row in rows] == [5, 6]


def test_a_line_with_one_cell_is_a_note() -> None:
    rows = [*sheets.NEEDS, ("二、企业需求",), ("合计：3 项",)]
    taken = take(read(sheets.workbook({"需求": rows}))).rows
    assert [row.is_note for row in taken] == [False, False, True, True]


def test_formulas_give_their_result_and_say_where_they_have_none() -> None:
    assert titles(sheets.with_formulas(cached=True))[0] == "由公式得出的标题"
    with pytest.raises(BadCell, match="没有计算结果"):
        NEEDS.column("title").parse(take(read(sheets.with_formulas(cached=False))).rows[0].cells["title"])


def test_all_kinds_of_a_file_are_taken_in_their_order_and_other_sheets_named() -> None:
    book = sheets.workbook(
        {
            "引荐记录": sheets.INTRODUCTIONS,
            "能力": sheets.CAPABILITIES,
            "通讯录": [["姓名"], ["示例"]],
            "需求": sheets.NEEDS,
            "单位": sheets.ORGANISATIONS,
        }
    )
    taken = take(read(book))
    kinds = [row.kind for row in taken.rows]
    assert kinds == sorted(kinds, key=list(RowKind).index)
    assert set(kinds) == set(RowKind)
    assert list(taken.ignored) == ["通讯录"]


def test_headings_that_no_column_takes_are_named() -> None:
    rows = [(*row, "甲") for row in sheets.NEEDS]
    rows[0] = (*sheets.NEEDS[0], "内部评分")
    assert take(read(sheets.workbook({"需求": rows}))).unknown == {"需求": ["内部评分"]}


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ({"date": "2026-03-01"}, (2026, 3, 1)),
        ("2026年3月1日", (2026, 3, 1)),
        ("２０２６年３月１日", (2026, 3, 1)),
        ("2026/3/1", (2026, 3, 1)),
        ("2026.03.01", (2026, 3, 1)),
        ("20260301", (2026, 3, 1)),
        ("2026年3月", (2026, 3, 1)),
        ("2026-03-01 09:30:00", (2026, 3, 1)),
        (46082, (2026, 3, 1)),
        ("46082", (2026, 3, 1)),
    ],
)
def test_dates_are_read_in_every_way_of_writing_them(cell: Any, day: tuple[int, int, int]) -> None:
    assert values.day(cell) == datetime.date(*day)


@pytest.mark.parametrize("cell", ["2026年2月30日", "去年", "3月1日", 12.5])
def test_what_is_no_date_is_said(cell: Any) -> None:
    with pytest.raises(BadCell):
        values.day(cell)


@pytest.mark.parametrize(
    "cell", ["嘉定", "嘉定区", "上海市嘉定区", "310114", 310114.0, "３１０１１４", "310114000000", "上海 嘉定区"]
)
def test_regions_are_known_by_name_and_code(cell: Any) -> None:
    assert values.region(cell) == "310114"


def test_kinds_specialties_and_yes_are_known_by_the_words_of_offices() -> None:
    kind = NEEDS.column("need_kind").parse
    assert [kind(word) for word in ("临床", "临床需求", "技术攻关类", "CLINICAL", "融资")] == [
        *(NeedKind.CLINICAL, NeedKind.CLINICAL, NeedKind.TECHNICAL, NeedKind.CLINICAL, NeedKind.CAPITAL),
    ]
    with pytest.raises(BadCell, match="可填：临床需求、技术攻关"):
        kind("杂项")
    assert values.term(specialties)("心血管内科") == values.term(specialties)("03.04 心血管内科") == "03.04"
    assert values.term(device_categories)("无") is None
    assert [values.truth(cell) for cell in (True, "√", "否", "", None)] == [True, True, False, None, None]
    assert guessed_kind("示例·仁济医院（东院）") is OrganisationKind.HOSPITAL
    assert guessed_kind("示例工作室") is None


def test_long_numbers_that_lost_digits_are_refused() -> None:
    with pytest.raises(BadCell, match="文本"):
        values.code(913101071322029540.0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (sheets.bomb(50_000_000), "too-much"),
        (sheets.bomb(250_000_000), "too-much"),
        (b"\0" * 50_000_000, "too-large"),
        (b"PK\x03\x04" + b"x" * 100, None),
        (files.pdf(), "type"),
        (files.word(), "type"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 600, "old-excel"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le") + b"x" * 600, "encrypted"),
        (sheets.text([["需求名称"], *([f"第 {n} 项"] for n in range(20_001))]), "too-many"),
        (sheets.workbook({"需求": []}), "empty"),
    ],
    ids=["empty", "bomb", "larger bomb", "50 MB", "broken", "pdf", "word", "xls", "password", "too many", "no rows"],
)
def test_what_cannot_be_read_is_refused_with_its_reason(content: bytes, code: str | None) -> None:
    began = time.monotonic()
    with pytest.raises(UnreadableTable) as refused:
        read(content)
    assert refused.value.zh == (PROBLEMS[code] if code else UnreadableTable.zh)
    assert time.monotonic() - began < 60


def test_the_limit_of_a_file_lies_below_what_a_request_may_bring() -> None:
    assert LARGEST <= 20_000_000


def test_the_template_is_read_as_it_is_written() -> None:
    """Every heading leads to its column, and a filled template brings its rows."""
    content = workbooks.template(list(RowKind))
    # Nothing but headings and explanations: no row of any kind.
    assert not take(read(content)).rows
    book = openpyxl.load_workbook(io.BytesIO(content))
    for table in TABLES.values():
        heads = [cell.value for cell in book[table.label][1]]
        assert heads == [column.label for column in table.columns]
        lists = {str(rule.formula1) for rule in book[table.label].data_validations.dataValidation}
        assert len(lists) == sum(1 for column in table.columns if column.listed)
    sheet = book["需求"]
    for number, column in enumerate(NEEDS.columns, 1):
        if column.name in ("organisation", "title", "problem"):
            sheet.cell(2, number, "填写的内容")
    taken = take(read(sheets.saved(book)))
    assert [row.cells for row in taken.rows] == [dict.fromkeys(("organisation", "title", "problem"), "填写的内容")]
    assert not taken.ignored


def test_files_are_printed_on_pages_that_can_be_read() -> None:
    long = "房间隔穿刺时针尖容易上滑，希望改进。" * 40
    content = workbooks.excel("表", ["标题", "说明"], [["短", "短"], ["短", long]], [20, 60])
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet.page_setup.orientation == "landscape" and sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$1:$1" and sheet["B3"].alignment.wrap_text
    heights = [sheet.row_dimensions[number].height for number in (2, 3)]
    assert heights == [workbooks.LINE_HEIGHT, workbooks.MOST_LINES * workbooks.LINE_HEIGHT]
    wide = workbooks.excel("表", list("abcdef"), [], [100] * 6)
    assert openpyxl.load_workbook(io.BytesIO(wide)).active.page_setup.fitToWidth == 3


def test_no_cell_of_an_export_is_a_formula() -> None:
    rows = [["=1+1", "+8613800000000", "-2", "＠SUM(A1)", -5, datetime.datetime(2026, 3, 1, 20, tzinfo=datetime.UTC)]]
    content = workbooks.excel("表", list("abcdef"), rows)
    cells = next(iter(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=2)))
    assert [cell.data_type for cell in cells] == ["s", "s", "s", "s", "n", "d"]
    # Half past three in the morning in China is the next day there.
    assert cells[5].value.date() == datetime.date(2026, 3, 2)
    text = workbooks.comma_separated(list("abcdef"), rows)
    assert text.startswith(b"\xef\xbb\xbf")
    assert text.decode("utf-8-sig").splitlines()[1] == "'=1+1,'+8613800000000,'-2,'＠SUM(A1),-5,2026-03-02"
    assert values.line(20)("'=1+1") == "=1+1" and values.line(20)("'＠SUM(A1)") == "＠SUM(A1)"
    assert workbooks.comma_separated(["a"], [[" =1+1"]]).decode("utf-8-sig").splitlines()[1] == "' =1+1"
    assert values.line(20)("'tis") == "'tis"
