"""保密承诺 as it was accepted, as a PDF: the text, its version and digest, for which organisation, by whom and when.

The font is one that PDF readers bring along for Chinese (Adobe-GB1), named and not embedded; see decision record 0039.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape
from io import BytesIO
from typing import Any

from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

from backend.introductions import undertaking
from backend.introductions.models import Signature
from backend.working_days import CHINA

FONT = "STSong-Light"
TITLE = "保密承诺书"
MARGIN = 25 * mm
LAST_OF_BASIC_PLANE = "\uffff"


@lru_cache
def _font() -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    return FONT


def _style(name: str, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(name, **{"fontName": _font(), "fontSize": 11, "leading": 19, "wordWrap": "CJK", **more})


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    # The font has no characters beyond the basic plane.
    return Paragraph(escape("".join(c if c <= LAST_OF_BASIC_PLANE else "〓" for c in text), quote=False), style)


def in_china(moment: datetime) -> str:
    """A moment to the second, as written in China."""
    local = moment.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M:%S}（北京时间）"


def write(case_id: str, signatures: Sequence[Signature]) -> bytes:
    """One PDF with a page or more for each signature, in the order in which they were given."""
    content = BytesIO()
    document = SimpleDocTemplate(
        content,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=TITLE,
        author="医桥 Yiqiao",
        subject=case_id,
        lang="zh-CN",
    )
    story: list[Any] = []
    for number, signature in enumerate(signatures):
        story += [PageBreak()] if number else []
        story += _signed(case_id, signature)
    document.build(story)
    return content.getvalue()


def _signed(case_id: str, signature: Signature) -> Iterator[Any]:
    yield _paragraph(TITLE, _style("title", fontSize=18, leading=30, alignment=TA_CENTER))
    yield Spacer(1, 6 * mm)
    text = undertaking.find(signature.version)
    for number, clause in enumerate(text.zh if text else ()):
        yield _paragraph(clause, _style("clause", firstLineIndent=22 if number == 0 else 0, spaceAfter=6))
    yield Spacer(1, 8 * mm)
    lines = (
        f"承诺单位：{signature.organisation_name}",
        f"承诺人：{signature.signed_name}",
        f"接受时间：{in_china(signature.signed_at)}",
        f"引荐编号：{case_id}",
        f"文本版本：{signature.version}",
        "文本校验值（SHA-256）：",
    )
    for line in lines:
        yield _paragraph(line, _style("line"))
    # Small enough to stand on one line, so that it can be searched for and copied whole.
    yield _paragraph(signature.digest, _style("digest", fontSize=10))
    yield Spacer(1, 4 * mm)
    note = "本文件由医桥平台根据接受记录生成。校验值由上列正文各段以换行符相连、按 UTF-8 编码计算。"
    yield _paragraph(note, _style("note", fontSize=9, leading=15))
