"""What has changed between two versions of a text, field by field and word by word, worded as the form words it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from wtforms import BooleanField, SelectField, SelectMultipleField

from backend.disclosure.forms import SubjectForm
from backend.disclosure.versions import Fields
from backend.i18n import gettext as _

Wording = Callable[[str], str]

AROUND = 24
"""Characters of unchanged text that are shown on either side of a change."""
WORDS_AT_ONCE = 1_500
"""Words of one changed passage that are compared; a longer one is shown as taken out and put in as a whole."""
# Figures and Latin words stay whole; of Chinese each character is a word of its own.
WORD = re.compile(r"[A-Za-z0-9]+(?:[.,:/%-][A-Za-z0-9]+)*%?|\s+|.", re.DOTALL)
SENTENCE = re.compile(r"[^。！？；;\n]*[。！？；;\n]+|[^。！？；;\n]+")


class Sort(StrEnum):
    """What has become of a piece of text. `GAP` stands for unchanged text that is left out."""

    SAME = "same"
    OUT = "out"
    IN = "in"
    GAP = "gap"


@dataclass(frozen=True)
class Piece:
    """A run of text of one sort."""

    sort: Sort
    text: str


@dataclass(frozen=True)
class FieldChange:
    """A field that differs between two versions."""

    label: str
    pieces: tuple[Piece, ...]


def compare(
    form: SubjectForm, before: Fields, after: Fields, names: Mapping[str, Wording] | None = None
) -> list[FieldChange]:
    """The fields that differ, in the order of `after`, with the labels of the form.

    `names` words the values of fields whose choices the form does not hold.
    """
    changes = []
    for name in after:
        if before.get(name) != after.get(name) and name in form:
            word = (names or {}).get(name)
            former, present = (worded(form, name, fields.get(name), word) for fields in (before, after))
            if former != present:
                changes.append(FieldChange(form[name].label.text, tuple(shortened(pieces(former, present)))))
    return changes


def worded(form: SubjectForm, name: str, value: Any, word: Wording | None = None) -> str:
    """The value of a field as pages show it."""
    field = form[name]
    if isinstance(field, BooleanField):
        return _("是") if value else _("否")
    if isinstance(value, list):
        choices = _choices(field)
        return "\n".join(choices.get(str(item), str(item)) for item in value)
    if not value:
        return ""
    if word is not None:
        return word(str(value))
    return _choices(field).get(str(value), str(value))


def _choices(field: Any) -> dict[str, str]:
    if not isinstance(field, SelectField | SelectMultipleField):
        return {}
    return {str(choice[0]): str(choice[1]).strip() for choice in field.iter_choices()}


def pieces(before: str, after: str) -> list[Piece]:
    """The way from one text to another: sentences are compared first, then the words of those that differ."""
    found: list[Piece] = []
    old, new = SENTENCE.findall(before), SENTENCE.findall(after)
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        left, right = "".join(old[a:b]), "".join(new[c:d])
        found += [Piece(Sort.SAME, left)] if tag == "equal" else _by_words(left, right)
    return list(_joined(found))


def _by_words(before: str, after: str) -> list[Piece]:
    old, new = WORD.findall(before), WORD.findall(after)
    if not old or not new or max(len(old), len(new)) > WORDS_AT_ONCE:
        return [Piece(Sort.OUT, before), Piece(Sort.IN, after)]
    found: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Piece(Sort.SAME, "".join(old[a:b])))
        else:
            found += [Piece(Sort.OUT, "".join(old[a:b])), Piece(Sort.IN, "".join(new[c:d]))]
    return found


def _joined(found: Sequence[Piece]) -> Iterator[Piece]:
    """Neighbours of one sort as one piece, without empty ones."""
    held: Piece | None = None
    for piece in found:
        if not piece.text:
            continue
        if held is not None and held.sort is piece.sort:
            held = Piece(held.sort, held.text + piece.text)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def shortened(found: Sequence[Piece]) -> Iterator[Piece]:
    """Long unchanged runs with their middle left out, so that changes are found on a phone as well."""
    for number, piece in enumerate(found):
        if piece.sort is not Sort.SAME or len(piece.text) <= 3 * AROUND:
            yield piece
            continue
        if number > 0:
            yield Piece(Sort.SAME, piece.text[:AROUND])
        yield Piece(Sort.GAP, "……")
        if number < len(found) - 1:
            yield Piece(Sort.SAME, piece.text[-AROUND:])
