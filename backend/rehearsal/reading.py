"""From an uploaded Word or PDF file to its lines and rows, read in a process apart."""

import io
from dataclasses import dataclass
from pathlib import Path

from backend.apart import runner
from backend.errors import DomainError
from backend.i18n import gettext as _

LARGEST = 20_000_000
PROGRAM = Path(__file__).with_name("file_reader.py")


class UnreadableFile(DomainError):
    """The file cannot be taken; shown beside its field."""

    status = 422
    zh = "这个文件无法读取，可能已损坏。请用 Word 重新另存为 .docx 后再试，或直接粘贴文字。"
    en = "The file cannot be read. Save it as .docx again, or paste its text."


PROBLEMS = {
    "type": _("只能读取 Word（.docx）和 PDF 文件，请另存为其中一种后再试，或直接粘贴文字。"),
    "old-word": _("这是旧版 Word 文件（.doc）。请在 Word 中另存为 .docx 后再试。"),
    "encrypted": _("文件设有密码，无法读取。请取消密码后再试。"),
    "no-text": _("文件中没有可以读取的文字，可能是扫描件。请改用文字版，或直接粘贴文字。"),
    "too-much": _("文件解开后过大，未予读取。请只保留文字部分后再试。"),
    "busy": _("正在读取其他用户的文件，请稍后再试，或直接粘贴文字。"),
    "too-large": _("文件超过 20 MB。请删去图片后再试，或直接粘贴文字。"),
    "empty": _("文件是空的，请重新选择。"),
}


@dataclass(frozen=True)
class Block:
    """A line of text, or a row of a table. `is_full` is a printed line that reaches the right edge and may go on."""

    text: str = ""
    cells: tuple[str, ...] = ()
    is_heading: bool = False
    is_full: bool = False


def read(content: bytes) -> list[Block]:
    """The lines and rows of a Word or PDF file; raises UnreadableFile with wording for its author."""
    if not content:
        raise UnreadableFile(PROBLEMS["empty"])
    if len(content) > LARGEST:
        raise UnreadableFile(PROBLEMS["too-large"])
    try:
        answer = runner.run(PROGRAM, source=io.BytesIO(content))
    except runner.Busy as error:
        raise UnreadableFile(PROBLEMS["busy"]) from error
    except runner.TooMuch as error:
        raise UnreadableFile(PROBLEMS["too-much"]) from error
    except runner.Failed as error:
        raise UnreadableFile from error
    if "error" in answer:
        raise UnreadableFile(PROBLEMS.get(answer["error"]))
    blocks = [
        Block(row.get("text", ""), tuple(row.get("cells", ())), bool(row.get("heading")), row.get("right", 0.0) > 0.85)
        for row in answer["blocks"]
    ]
    if not any(block.text or any(block.cells) for block in blocks):
        raise UnreadableFile(PROBLEMS["no-text"])
    return blocks
