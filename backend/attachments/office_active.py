"""What in an Office file would fetch or start something by itself: ways to other places, fields, DDE, data sources.

One walk over each part, without a tree: it also tells a part that is no XML, or has a document type.
Sources: ECMA-376 part 1 (17.16 fields, 18.14 external links, 18.13 connections), part 2 (relationships).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import unquote

from lxml import etree

from backend.attachments.errors import FileRefused, active, too_complex

_FETCHING_FIELDS = {
    *("dde", "ddeauto", "include", "includepicture", "includetext", "import", "link", "database", "rd"),
    "macrobutton",
}
_SOURCES = {"ddelink", "mailmerge", "dbpr", "webpr", "olappr", "textpr", "altchunk"}
"""Elements whose only use is to bring something from elsewhere."""
_FETCHING_PARTS = ("/afchunk",)
_WITH_ADDRESS = {"imagedata", "fill", "stroke", "image", "use", "feimage"}
"""Elements of VML and SVG that name a picture by its address."""
_ADDRESSES = {"src", "href", "althref"}
_STARTING = ("ppaction://program", "ppaction://macro", "ppaction://ole")
_LOCAL = re.compile(r"file:///(?!/)(?:[a-z]:/)?|[a-z]:/", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
_FIELD_NAME = re.compile(r"[^A-Za-z]*([A-Za-z]+)")
MAX_ELEMENTS = 500_000
"""In all parts of a file together, and in those of files inside of it: some hundred pages, or 150,000 cells."""
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_FETCHING_FORMULA = re.compile(r"\||\b(?:WEBSERVICE|RTD|IMAGE)\s*\(", re.IGNORECASE)


@dataclass
class Budget:
    """How many elements a file may have yet."""

    left: int = field(default_factory=lambda: MAX_ELEMENTS)

    def spend(self) -> None:
        """Count an element; raises FileRefused."""
        self.left -= 1
        if self.left < 0:
            raise too_complex()


def leads_elsewhere(target: str) -> bool:
    """Whether a target is anything but a part of the file or a path on the reader's own drives.

    A path of a network share sends the reader's name and the digest of the password to whoever owns the share.
    """
    plain = unquote(target).strip().replace("\\", "/")
    local = _LOCAL.match(plain)
    rest = plain[local.end() :] if local else plain
    return "//" in rest or (local is not None and rest.startswith("/")) or _SCHEME.match(rest) is not None


def check_relationships(tree: etree._Element) -> None:
    """Nothing that is fetched when the file is opened; what a reader has to click (links) may lead elsewhere."""
    for relation in tree.iter(etree.Element):
        kind, target = str(relation.get("Type", "")).lower(), str(relation.get("Target", ""))
        if kind.endswith(_FETCHING_PARTS) or (not kind.endswith("/hyperlink") and leads_elsewhere(target)):
            raise _elsewhere()


def check_part(part: IO[bytes], budget: Budget, *, recover: bool = False) -> None:
    """Walk over a part; raises FileRefused and etree.XMLSyntaxError."""
    fields = _Fields()
    events = etree.iterparse(
        part,
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=recover,
    )
    is_first = True
    for event, element in events:
        if is_first:
            is_first = False
            if element.getroottree().docinfo.doctype:
                raise too_complex()
        name = str(element.tag).rpartition("}")[2].lower()
        if event == "start":
            budget.spend()
            _check_element(name, element.attrib)
            fields.start(name, element)
            continue
        fields.end(name, element)
        if name in ("f", "definedname", "formula1", "formula2", "formula"):
            _check_formula(element.text or "")
        # What has been looked at is let go, else a part becomes a tree many times its size.
        element.clear(keep_tail=False)
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]
    fields.finish()


def _check_element(name: str, attributes: Mapping[str | bytes, str | bytes]) -> None:
    if name in _SOURCES:
        raise _elsewhere()
    for key, value in attributes.items():
        local, text = str(key).rpartition("}")[2].lower(), str(value)
        if local == "action" and text.lower().startswith(_STARTING):
            raise active("点击即启动程序的动作", "actions that start programs")
        if name in _WITH_ADDRESS and local in _ADDRESSES and not text.startswith("data:") and leads_elsewhere(text):
            raise _elsewhere()


def _check_formula(formula: str) -> None:
    """DDE is the only use of a bar in a formula; names of sheets and texts stand in quotes."""
    if _FETCHING_FORMULA.search(_QUOTED.sub("", formula)):
        raise active("取用其他程序或网址的公式", "formulas that ask other programs or sites")


@dataclass
class _Field:
    """A field whose code is being read, until what it shows begins."""

    in_code: bool = True
    code: list[str] = field(default_factory=list)


class _Fields:
    """The fields of a Word part: their codes may be split over runs, and hold fields of their own."""

    def __init__(self) -> None:
        self._open: list[_Field] = []
        self._stray: list[str] = []
        self._at: Mapping[str, Callable[[etree._Element], None]] = {"begin": self._begin, "separate": self._separate}

    def start(self, name: str, element: etree._Element) -> None:
        """An element begins."""
        if name == "fldsimple":
            _check_field(_attribute(element, "instr"))
        elif name == "fldchar":
            self._at.get(_attribute(element, "fldchartype").lower(), self._end)(element)

    def end(self, name: str, element: etree._Element) -> None:
        """An element ends, with its text."""
        if name in ("instrtext", "delinstrtext", "t", "deltext"):
            inside = next((f for f in reversed(self._open) if f.in_code), None)
            if inside is not None:
                inside.code.append(element.text or "")
            elif name.endswith("instrtext"):
                self._stray.append(element.text or "")
        elif name == "p":
            for each in self._open:
                each.code.append(" ")
            self._check_stray()

    def finish(self) -> None:
        """The part ends; fields that do not are looked at as they are."""
        self._check_stray()
        for each in self._open:
            _check_field("".join(each.code))

    def _begin(self, _element: etree._Element) -> None:
        if self._open and self._open[-1].in_code and not "".join(self._open[-1].code).strip():
            # A field whose very name is made by another one has something to hide.
            raise _fetching_field()
        self._open.append(_Field())

    def _separate(self, _element: etree._Element) -> None:
        if self._open and self._open[-1].in_code:
            _check_field("".join(self._open[-1].code))
            self._open[-1].in_code = False

    def _end(self, element: etree._Element) -> None:
        self._separate(element)
        if self._open:
            self._open.pop()

    def _check_stray(self) -> None:
        _check_field("".join(self._stray))
        self._stray.clear()


def _attribute(element: etree._Element, local: str) -> str:
    return next((str(v) for k, v in element.attrib.items() if str(k).rpartition("}")[2].lower() == local), "")


def _check_field(code: str) -> None:
    found = _FIELD_NAME.match(code)
    if found and found[1].lower() in _FETCHING_FIELDS:
        raise _fetching_field()


def _fetching_field() -> FileRefused:
    return active(
        "会自动取用其他文件、程序或网址的域（可全选后按 Ctrl+Shift+F9 转为普通内容）",
        "fields that fetch other files, programs or sites (select all, Ctrl+Shift+F9 turns them into plain content)",
    )


def _elsewhere() -> FileRefused:
    return active(
        "指向外部网址、共享文件夹的模板、图片或数据源", "templates, images or data from other sites or shared folders"
    )
