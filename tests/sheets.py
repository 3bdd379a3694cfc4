"""Real tables as programs write them: Excel, WPS and Numbers, each with its habits, and csv in every encoding."""

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

Rows = Sequence[Sequence[Any]]

NEEDS: Rows = (
    ("单位名称", "科室", "需求名称", "需求类型", "诊疗科目", "所在地区", "摘要", "问题描述", "提出日期"),
    (
        "示例·仁济医院",
        "心血管内科",
        "穿刺针不能弯曲",
        "临床",
        "心血管内科",
        "普陀区",
        "房间隔穿刺时针尖容易上滑。",
        "针尖上滑，穿刺点移位，可能损伤心脏。",
        "2026年3月1日",
    ),
    (
        "示例·仁济医院",
        "骨科",
        "术中定位反复透视",
        "临床需求",
        "骨科",
        "310107",
        "希望减少术中透视次数。",
        "每台手术透视二十次以上，医护受照剂量高。",
        46082,
    ),
)
ORGANISATIONS: Rows = (
    ("单位名称", "统一社会信用代码", "单位类型", "所在地区", "联系人", "联系电话", "单位简介"),
    ("示例·仁济医院", "", "医院", "普陀", "示例联系人", "021-62000000", "综合性医院。"),
    ("示例·微创器械有限公司", "", "企业", "普陀区", "", "", "研发介入器械。"),
)
CAPABILITIES: Rows = (
    ("企业名称", "产品名称", "能力类型", "研发阶段", "产品简介", "工作原理"),
    ("示例·微创器械有限公司", "可调弯穿刺系统", "产品", "已上市", "弯度可以在心脏内调节。", "以拉索调节前端的弯度。"),
)
INTRODUCTIONS: Rows = (
    ("需求名称", "需求单位", "对接单位", "能力名称", "引荐日期", "结果", "未达成的原因", "备注"),
    (
        "穿刺针不能弯曲",
        "示例·仁济医院",
        "示例·微创器械有限公司",
        "可调弯穿刺系统",
        date(2025, 5, 6),
        "签约",
        "",
        "合同已签",
    ),
    ("术中定位反复透视", "示例·仁济医院", "示例·微创器械有限公司", "", "2025/6/7", "婉拒", "方向不符", "不做骨科"),
)


def workbook(sheets: Mapping[str, Rows]) -> bytes:
    """An Excel file with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    """The bytes of a workbook."""
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def whole() -> bytes:
    """A file with all four kinds."""
    return workbook({"单位": ORGANISATIONS, "需求": NEEDS, "能力": CAPABILITIES, "引荐记录": INTRODUCTIONS})


def office() -> bytes:
    """As an office makes it: a title over merged cells, a header of two rows, one hospital over several rows, a sum."""
    book = openpyxl.Workbook()
    sheet: Worksheet = book.active
    sheet.title = "2026年需求汇总表"
    for row in (
        ["2026年普陀区临床需求汇总表"],
        ["填报时间：2026年3月"],
        ["序号", "单位名称", "需求信息", None, None, "联系人"],
        [None, None, "需求名称", "需求描述", "需求类别", None],
        [1, "示例·仁济医院", "穿刺针不能弯曲", "针尖上滑，穿刺点移位。", "临床", "示例联系人"],
        [2, None, "术中定位反复透视", "透视次数多。", "临床", "示例联系人"],
        ["合计：2 项"],
    ):
        sheet.append(row)
    for merged in ("A1:F1", "A3:A4", "B3:B4", "C3:E3", "F3:F4", "B5:B6"):
        sheet.merge_cells(merged)
    return saved(book)


def with_formulas(*, cached: bool) -> bytes:
    """A title made by a formula, with the result that Excel keeps, or without, as other programs leave it."""
    content = workbook({"需求": [NEEDS[0], *NEEDS[1:]]})
    value = "<v>由公式得出的标题</v>" if cached else ""
    cell = f'<c r="C2" t="str"><f>"由公式"&amp;"得出"</f>{value}</c>' if cached else '<c r="C2"><f>A2&amp;B2</f></c>'
    return _rewritten(content, "xl/worksheets/sheet1.xml", lambda text: re.sub(r'<c r="C2".*?</c>', cell, text))


def wps() -> bytes:
    """With the range that WPS writes when a sheet was filled after it was saved: one cell."""
    content = workbook({"需求": NEEDS})
    return _rewritten(
        content, "xl/worksheets/sheet1.xml", lambda text: re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1"', text)
    )


def numbers() -> bytes:
    """As Numbers exports: a summary first, each table a sheet of its own with its name in the first row."""
    return workbook(
        {
            "导出摘要": [("此文稿是从 Numbers 导出的。", None), ("Numbers 工作表名称", "Excel 工作表名称")],
            "工作表 1 - 需求": [("需求",), *NEEDS],
        }
    )


def _rewritten(content: bytes, name: str, change: Any) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            data = old.read(part)
            new.writestr(part, change(data.decode()).encode() if part == name else data)
    return target.getvalue()


def text(rows: Rows, encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    """A csv file in an encoding."""
    target = io.StringIO()
    csv.writer(target, delimiter=delimiter).writerows([["" if c is None else c for c in row] for row in rows])
    return target.getvalue().encode(encoding)


def bomb(size: int) -> bytes:
    """An Excel file of some kilobytes whose sheet unpacks to so many bytes."""
    content = workbook({"需求": NEEDS})
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != "xl/worksheets/sheet1.xml":
                new.writestr(part, old.read(part))
        with new.open("xl/worksheets/sheet1.xml", "w") as sheet:
            start = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
            sheet.write(start)
            row = b"<row>" + b'<c t="inlineStr"><is><t>0</t></is></c>' * 1000 + b"</row>"
            for _n in range(size // len(row) + 1):
                sheet.write(row)
            sheet.write(b"</sheetData></worksheet>")
    return target.getvalue()


PARTS = (
    "房间隔",
    "冠状动脉",
    "脊柱",
    "膝关节",
    "甲状腺",
    "前列腺",
    "输尿管",
    "角膜",
    "鼻窦",
    "颅底",
    "肝静脉",
    "胆总管",
)
FAULTS = (
    "穿刺针弯度不足",
    "透视次数过多",
    "视野被血液遮挡",
    "缝合线易断",
    "术后渗液",
    "定位误差大",
    "导管打折",
    "电极移位",
)


def many(count: int) -> Rows:
    """Needs of a hundred hospitals, each with a text of its own."""
    rows: list[Sequence[Any]] = [NEEDS[0]]
    for n in range(count):
        part, fault = PARTS[n % len(PARTS)], FAULTS[n // len(PARTS) % len(FAULTS)]
        rows.append(
            (
                f"示例·第{n % 100 + 1}医院",
                "外科",
                f"{part}手术{fault}（{n + 1}）",
                "临床",
                "外科",
                "普陀区",
                f"{part}手术中{fault}，第 {n + 1} 号记录希望改进器械。",
                f"在{part}手术中，{fault}，平均每月发生 {n % 9 + 1} 次。"
                f"要求误差不超过 {n % 7 + 1} mm，能重复使用 {n % 50 + 5} 次。",
                date(2026, 1 + n % 9, 1 + n % 28),
            )
        )
    return rows
