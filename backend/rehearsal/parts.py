"""The parts of a text that was written elsewhere, by the fields of a need that they belong to.

Labels are data: what offices write at the head of a paragraph or in the left column of a table, by field. Nothing that
is not said to be open goes into the open part: a description without more goes to the closed one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.disclosure.models import TITLE_LENGTH
from backend.forms import clean, strip_numbering
from backend.rehearsal.part_labels import BESIDE, KEEPS_LABEL, LABELS, LEFT_OUT
from backend.rehearsal.reading import Block

_BRACKETS = re.compile(r"[（(].*?[）)]")
_AROUND = re.compile(r"^[【\[《〔*※\s]+|[】\]》〕*※\s:：]+$")
_COLON = re.compile(r"^(.{1,24}?)[：:]\s*(.*)$", re.DOTALL)
_BRACKETED = re.compile(r"^[【\[〔](.{1,20}?)[】\]〕][：:]?\s*(.*)$", re.DOTALL)


def _key(label: str) -> str:
    return re.sub(r"[\s\u3000]+", "", label).casefold()


_FIELDS = {_key(label): name for name, labels in LABELS.items() for label in labels} | dict.fromkeys(
    map(_key, LEFT_OUT), ""
)
_INLINE = re.compile(
    "(?:^|(?<=[\\s。；;！!？?，,、)）】]))(?:[（(]?[一二三四五六七八九十\\d]{1,2}[、.．)）]\\s*)?[【\\[]?("
    + "|".join(sorted(map(re.escape, (*(x for v in LABELS.values() for x in v), *LEFT_OUT)), key=len, reverse=True))
    + ")[】\\]]?\\s*[：:]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """A piece of the text under its label; `field` is None for text without a label, "" where no field takes it."""

    field: str | None
    label: str
    text: str


@dataclass(frozen=True)
class Parts:
    """A text, taken apart: by field what goes there, and what was left out with its label."""

    fields: Mapping[str, str]
    left_out: tuple[Part, ...] = ()


def field_of(label: str, *, alone: bool = False) -> str | None:
    """The field that a label stands for, "" for one that is left out, None for a text that is no label.

    `alone` says that nothing but its place tells that it is one: then it has to be a label word by word.
    """
    bare = _AROUND.sub("", _BRACKETS.sub("", strip_numbering(label)))
    key = _key(bare)
    if not key or len(key) > 20 or (alone and bare in BESIDE):
        return None
    if key in _FIELDS:
        return _FIELDS[key]
    if alone:
        return None
    # 目前存在的主要问题, 拟达到的主要技术指标: the longest label that it ends in.
    ends = [known for known in _FIELDS if len(known) > 1 and key.endswith(known)]
    return _FIELDS[max(ends, key=len)] if ends and len(key) <= 14 else None


def parts_of(blocks: Sequence[Block]) -> Iterator[Part]:
    """The parts of a document: rows of label and text, paragraphs with a label before a colon, headings."""
    name: str | None = None
    label, lines = "", list[str]()
    for part in _labelled(blocks):
        if part.field is None and not part.label:
            lines.append(part.text)
            continue
        if lines:
            yield Part(name, label, "\n".join(lines))
        name, label, lines = part.field, part.label, [part.text] if part.text else []
    if lines:
        yield Part(name, label, "\n".join(lines))


def _labelled(blocks: Sequence[Block]) -> Iterator[Part]:
    """Each line as a part of its own, with a label where one begins."""
    for block in _joined(blocks):
        if block.cells:
            yield from _row(block.cells)
            continue
        for line in _cut(block.text):
            yield _line(line, is_heading=block.is_heading)


def _row(cells: Sequence[str]) -> Iterator[Part]:
    """A row of a form: label | text, once or several times; a cell that holds everything; any other row as a line."""
    filled = [cell for cell in cells if cell.strip()]
    found = [field_of(cell) if len(cell) <= 24 else None for cell in cells]
    if len(filled) == 1 and found[cells.index(filled[0])] is None:
        for line in filled[0].split("\n"):
            for piece in _cut(line):
                yield _line(piece, is_heading=False)
        return
    place = 0
    while place < len(cells):
        name, cell = found[place], cells[place]
        following = cells[place + 1] if place + 1 < len(cells) else ""
        if name is not None:
            yield Part(name, _tidy(cell), following)
            place += 2
        else:
            if cell.strip():
                yield Part(None, "", cell)
            place += 1


def _line(line: str, *, is_heading: bool) -> Part:
    for pattern in (_BRACKETED, _COLON):
        match = pattern.match(strip_numbering(line) if pattern is _COLON else line)
        if match:
            name = field_of(match[1])
            if name is not None:
                return Part(name, _tidy(match[1]), match[2].strip())
    name = field_of(line, alone=not is_heading)
    return Part(name, _tidy(line), "") if name is not None else Part(None, "", line)


def _tidy(label: str) -> str:
    return _AROUND.sub("", strip_numbering(label)).replace("\n", "")


def _cut(line: str) -> Iterator[str]:
    """A line in which several labels run on, before each of them."""
    starts = [m.start() for m in _INLINE.finditer(line)]
    if len(starts) < 2 and not (starts and starts[0] > 0 and line[starts[0] - 1] in "。；;！!？?\t "):
        yield line
        return
    for start, end in zip([0, *starts], [*starts, len(line)], strict=True):
        if line[start:end].strip():
            yield line[start:end].strip()


def _joined(blocks: Sequence[Block]) -> Iterator[Block]:
    """Printed lines that reach the right edge go on in the next one, unless that begins with a label."""
    waiting: Block | None = None
    for block in blocks:
        if waiting is not None:
            goes_on = bool(block.text) and not block.is_heading and _line(block.text, is_heading=False).field is None
            if goes_on and strip_numbering(block.text) == block.text.strip():
                block = Block(waiting.text + block.text, (), waiting.is_heading, block.is_full)
            else:
                yield waiting
        waiting = block if block.is_full and block.text else None
        if waiting is None:
            yield block
    if waiting is not None:
        yield waiting


def lines_of(text: str) -> list[Block]:
    """Pasted text as blocks. A tab between two columns, as Word and Excel copy a table, makes a row."""
    rows = (line.strip() for line in clean(text).split("\n"))
    return [Block(cells=tuple(row.split("\t"))) if "\t" in row else Block(row) for row in rows if row]


def labels_in(text: str) -> int:
    """How many fields a text has labels for: from two on it is worth taking apart."""
    return len({part.field for part in parts_of(lines_of(text)) if part.field})


def take_apart(blocks: Iterable[Block], *, has_title: bool = False) -> Parts:
    """What goes into which field. Without any label the first line is the title and the rest the problem.

    `has_title` says that there is a title already. Parts longer than their field are left as they are: the form says
    so, and nothing is cut.
    """
    fields: dict[str, list[str]] = {}
    left_out: list[Part] = []
    found = list(parts_of(list(blocks)))
    names = [part.field for part in found if part.field]
    for part in found:
        if part.field == "":
            left_out.append(part)
        elif part.field is None:
            _unlabelled(part.text, fields, has_title=has_title or "title" in names)
        elif part.text:
            text = part.text
            if part.field in KEEPS_LABEL and names.count(part.field) > 1:
                text = f"{part.label}：{part.text}"
            fields.setdefault(part.field, []).append(text)
    joined = {name: clean("\n".join(texts)) for name, texts in fields.items()}
    if len(joined.get("title", "")) > TITLE_LENGTH or "\n" in joined.get("title", ""):
        _shorten_title(joined)
    return Parts({name: text for name, text in joined.items() if text}, tuple(left_out))


def _unlabelled(text: str, fields: dict[str, list[str]], *, has_title: bool) -> None:
    """Text before the first label: its first line is the title, if there is none, the rest tells of the problem."""
    first, _newline, rest = text.partition("\n")
    if not has_title and "title" not in fields and len(first) <= TITLE_LENGTH:
        fields["title"] = [first.strip("。 ")]
        text = rest
    if text.strip():
        fields.setdefault("problem", []).append(text)


def _shorten_title(fields: dict[str, str]) -> None:
    """A title of several lines or sentences: the first is the title, all of it tells of the problem."""
    whole = fields["title"]
    first = re.split(r"[\n。；;]", whole, maxsplit=1)[0].strip()
    fields["title"] = first[:TITLE_LENGTH]
    fields["problem"] = "\n".join(filter(None, [whole, fields.get("problem", "")]))
