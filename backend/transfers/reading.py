"""From an uploaded Excel or CSV file to its cells, read in a process apart."""

import json
import subprocess  # nosec B404
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from backend.errors import DomainError
from backend.i18n import gettext as _

LARGEST = 20_000_000
PATIENCE = 100.0
"""Seconds for the whole process, on a busy machine."""
AT_ONCE = 2
"""Files that are read at a time in a process of the site."""
WAIT = 20.0
PROGRAM = Path(__file__).with_name("sheet_reader.py")
_turns = BoundedSemaphore(AT_ONCE)

Cell = str | int | float | bool | dict[str, Any] | None


class UnreadableTable(DomainError):
    """The file cannot be taken; shown beside its field."""

    status = 422
    zh = "这个文件无法读取，可能已损坏。请用 Excel 或 WPS 打开，另存为 .xlsx 后再试。"
    en = "The file cannot be read. Open it, save it as .xlsx again, and try once more."


PROBLEMS = {
    "type": _("只能读取 Excel（.xlsx）和 CSV 文件，请另存为其中一种后再试。"),
    "old-excel": _("这是旧版 Excel 文件（.xls 或 .et）。请另存为 .xlsx 后再试。"),
    "encrypted": _("文件设有密码，无法读取。请取消密码后再试。"),
    "encoding": _("文件的文字编码无法识别。请在 Excel 或 WPS 中另存为 .xlsx 后再试。"),
    "too-much": _("文件解开后过大，未予读取。请只保留表格、删去图片后再试。"),
    "too-many": _("表格过大：最多 20,000 行、1,000,000 个单元格。请拆成几个文件分次导入。"),
    "too-large": _("文件超过 20 MB。请删去图片，或拆成几个文件分次导入。"),
    "empty": _("文件是空的，请重新选择。"),
    "busy": _("正在读取其他用户的文件，请稍后再试。"),
}


@dataclass(frozen=True)
class Sheet:
    """A sheet: its rows that are not empty, each with its number as the program shows it."""

    name: str
    rows: Sequence[tuple[int, Sequence[Cell]]]


def read(content: bytes) -> list[Sheet]:
    """The sheets of an Excel or CSV file; raises UnreadableTable with wording for whoever sent it."""
    if not content:
        raise UnreadableTable(PROBLEMS["empty"])
    if len(content) > LARGEST:
        raise UnreadableTable(PROBLEMS["too-large"])
    if not _turns.acquire(timeout=WAIT):
        raise UnreadableTable(PROBLEMS["busy"])
    try:
        # Isolated: neither the environment nor the folder of the caller counts.
        done = subprocess.run(  # noqa: S603  # nosec B603
            [sys.executable, "-I", "-W", "ignore", str(PROGRAM)],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise UnreadableTable(PROBLEMS["too-much"]) from error
    finally:
        _turns.release()
    if "error" in answer:
        raise UnreadableTable(PROBLEMS.get(answer["error"]))
    sheets = [Sheet(s["name"], [(line, cells) for line, cells in s["rows"]]) for s in answer["sheets"]]
    if not any(sheet.rows for sheet in sheets):
        raise UnreadableTable(PROBLEMS["empty"])
    return sheets
