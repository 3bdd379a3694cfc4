"""From the cells of a sheet to values: what people write for a date, a region or a kind, and what programs make of it.

Each function takes a cell and returns its value, None for an empty one, and raises BadCell with a wording.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from backend.forms import REPLACEMENT_CHARACTER, clean, clean_line, strip_numbering
from backend.i18n import gettext as _
from backend.organisations import credit_code
from backend.organisations.forms import CODE_PROBLEMS, PHONE
from backend.taxonomies import Taxonomy, regions
from backend.transfers.reading import Cell

Parse = Callable[[Cell], Any]

EPOCH = date(1899, 12, 30)
"""Day 0 of Excel's serial numbers, as they count since March 1900 (ECMA-376 part 1, 18.17.4.1)."""
FIRST_SERIAL, LAST_SERIAL = 20_000, 80_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so is run as a formula (OWASP, CSV Injection); spreadsheets take the wide ones for the narrow."""
PRECISE = 10**15
"""From here on a number in a cell has lost digits: a double holds 15 of them."""
NOTHING = frozenset({"", "无", "—", "-", "--", "/", "\\", "暂无", "不详", "N/A", "n/a", "待定", "空"})
YES = frozenset({"是", "√", "✓", "对", "y", "yes", "true", "1", "匿名", "需要", "有"})
NO = frozenset({"否", "×", "✗", "x", "n", "no", "false", "0", "不匿名", "实名", "公开", "不需要"})

_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2})\s*[日号]?|\s*月?)(?:[\sT]+\d{1,2}:.*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SEPARATORS = re.compile(r"[、,，;；/|\n]+")
_PROVINCES = re.compile(r"^(?:中国)?(?:上海市?|江苏省?)(?=.)")


class BadCell(ValueError):
    """The cell holds what its column cannot; the argument is for whoever wrote it."""


def folded(text: str) -> str:
    """A word as words are compared: half width, without spaces, in small letters."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def written(cell: Cell) -> str:
    """What a cell says, as a text; raises BadCell for an error of the sheet and for a formula without a result."""
    if cell is None:
        return ""
    if isinstance(cell, dict):
        if "date" in cell:
            return str(cell["date"])
        if "formula" in cell:
            raise BadCell(_("公式没有计算结果。请在 Excel 或 WPS 中打开并保存一次，或改为填写文字。"))
        raise BadCell(_("公式出错（%(error)s），请更正。") % {"error": cell.get("error", "")})
    if isinstance(cell, bool):
        return _("是") if cell else _("否")
    if isinstance(cell, int | float):
        if abs(cell) >= PRECISE:
            raise BadCell(_("长数字已被表格软件改写，末几位不再可靠。请把这一列设为文本后重新填写。"))
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if REPLACEMENT_CHARACTER in cell:
        raise BadCell(_("有无法识别的字符（显示为 �），可能是编码错误。请更正。"))
    # An apostrophe keeps a program from taking what follows for a formula.
    return cell[1:] if cell[:1] == "'" and cell[1:].lstrip(" ").startswith(FORMULA_STARTS) else cell


def _short(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}…"


def _checked(text: str, maximum: int) -> str | None:
    if len(text) > maximum:
        words = {"maximum": f"{maximum:,}", "length": f"{len(text):,}"}
        raise BadCell(_("最多 %(maximum)s 个字，现有 %(length)s 个字，请删减。") % words)
    return text or None


def line(maximum: int) -> Parse:
    """One line of text."""
    return lambda cell: _checked(clean_line(written(cell)), maximum)


def area(maximum: int) -> Parse:
    """A text of several lines."""
    return lambda cell: _checked(clean(written(cell)), maximum)


def points(number: int, length: int) -> Parse:
    """Statements, one on each line or parted by semicolons, without their numbers."""

    def parse(cell: Cell) -> tuple[str, ...] | None:
        parts = re.split(r"[\n；;]+", clean(written(cell)))
        found = tuple(filter(None, (strip_numbering(part) for part in parts)))
        if len(found) > number:
            raise BadCell(_("需求要点最多 12 条，请合并或删减。"))
        for position, text in enumerate(found, 1):
            if len(text) > length:
                raise BadCell(_("第 %(number)s 条超过 200 字，请拆分或删减。") % {"number": position})
        return found or None

    return parse


def choice(labels: Mapping[Any, str], more: Mapping[str, Any] | None = None) -> Parse:
    """One of an enumeration: by its wording, by a word that offices use for it, or by its code."""
    known: dict[str, Any] = {folded(word): value for word, value in (more or {}).items()}
    known |= {folded(str(value)): value for value in labels} | {folded(label): v for v, label in labels.items()}

    def parse(cell: Cell) -> Any:
        text = written(cell)
        if text.strip() in NOTHING:
            return None
        word = folded(text)
        for tried in (word, word.removesuffix("类"), word.removesuffix("需求"), word.removesuffix("型")):
            if tried in known:
                return known[tried]
        listed = "、".join(labels.values())
        raise BadCell(_("“%(text)s”不在可选范围内。可填：%(listed)s。") % {"text": _short(text), "listed": listed})

    return parse


def choices(labels: Mapping[Any, str]) -> Parse:
    """Several of an enumeration."""
    one = choice(labels)

    def parse(cell: Cell) -> list[str] | None:
        found = [one(part) for part in _SEPARATORS.split(clean(written(cell))) if part.strip()]
        kept = [str(value) for value in dict.fromkeys(found) if value is not None]
        return kept or None

    return parse


def truth(cell: Cell) -> bool | None:
    """Yes or no."""
    text = written(cell)
    word = folded(text)
    if word in YES:
        return True
    if word in NO:
        return False
    if text.strip() in NOTHING:
        return None
    raise BadCell(_("请填“是”或“否”。"))


def day(cell: Cell) -> date | None:
    """A date: as a date, as its serial number, or in any of the ways in which it is written."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if FIRST_SERIAL <= cell <= LAST_SERIAL:
            return EPOCH + timedelta(days=int(cell))
        if cell != int(cell):
            raise _no_date(str(cell))
    text = unicodedata.normalize("NFKC", written(cell)).strip()
    if text in NOTHING:
        return None
    if text.isascii() and text.isdigit() and FIRST_SERIAL <= int(text) <= LAST_SERIAL:
        return EPOCH + timedelta(days=int(text))
    found = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    if found is None:
        raise _no_date(text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError as error:
        raise _no_date(text) from error


def _no_date(text: str) -> BadCell:
    return BadCell(_("“%(text)s”不是日期。可写作 2026-03-01 或 2026年3月1日。") % {"text": _short(text)})


def code(cell: Cell) -> str | None:
    """统一社会信用代码."""
    text = written(cell)
    if text.strip() in NOTHING:
        return None
    found = credit_code.normalise(text)
    if problem := credit_code.problem(found):
        raise BadCell(CODE_PROBLEMS[problem] % {"length": len(found)})
    return found


def phone(cell: Cell) -> str | None:
    """A telephone number."""
    text = clean_line(unicodedata.normalize("NFKC", written(cell)))
    if text in NOTHING:
        return None
    if not PHONE.fullmatch(text):
        raise BadCell(_("电话格式不正确，应类似 021-6200 0000 转 12。"))
    return text


def email(cell: Cell) -> str | None:
    """An address for mail."""
    text = clean_line(unicodedata.normalize("NFKC", written(cell)))
    if text in NOTHING:
        return None
    local, _at, domain = text.rpartition("@")
    if not local or "." not in domain or re.search(r"[\s<>,;]|\.\.", text) or len(text) > 254:
        raise BadCell(_("邮箱格式不正确，应类似 name@example.com。"))
    return text


@lru_cache
def _names(taxonomy: Taxonomy) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for term in taxonomy.terms.values():
        found.setdefault(folded(term.zh), term.code)
    return found


def term(taxonomy: Callable[[], Taxonomy]) -> Parse:
    """A term of a taxonomy: by its code or name."""

    def parse(cell: Cell) -> str | None:
        text = written(cell)
        if text.strip() in NOTHING or folded(text) in ("不限", "不确定", "全科"):
            return None
        word = folded(text)
        if word in taxonomy():
            return word
        # As the template writes it: the code before the name.
        head = re.match(r"[\d.\-]+", word)
        if head and head[0] in taxonomy():
            return head[0]
        names = _names(taxonomy())
        for tried in (word, word.removesuffix("科"), f"{word}科", f"{word}专业"):
            if tried in names:
                return names[tried]
        raise BadCell(_("平台没有“%(text)s”这一项，请按模板“说明”页中的名称或代码填写。") % {"text": _short(text)})

    return parse


@lru_cache
def _region_names() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code_, term_ in regions().terms.items():
        name = folded(term_.zh)
        found.setdefault(name, code_)
        found.setdefault(re.sub(r"(?:新区|区|市|省)$", "", name), code_)
    return found


def region(cell: Cell) -> str | None:
    """行政区划: by its code of 6 or 12 digits, or its name with or without what stands around it."""
    text = written(cell)
    if text.strip() in NOTHING:
        return None
    word = folded(text)
    if word.isascii() and word.isdigit() and len(word) in (6, 9, 12) and word[:6] in regions():
        return word[:6]
    names = _region_names()
    for tried in (word, _PROVINCES.sub("", word), _PROVINCES.sub("", re.sub(r"^\d{6}", "", word))):
        if tried in names:
            return names[tried]
        bare = re.sub(r"(?:新区|区|市|省)$", "", tried)
        if bare in names:
            return names[bare]
    raise BadCell(
        _("没有“%(text)s”这个地区，请填区或市的名称（如 嘉定区）或六位代码（如 310114）。") % {"text": _short(text)}
    )
