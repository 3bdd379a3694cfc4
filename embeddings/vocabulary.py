"""Medical words that mean the same: the shipped list, an operator's own, and what a text asks for by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from embeddings.lexical_tokens import CJK, cut, is_chinese
from embeddings.normal import fold, stem
from embeddings.vocabulary_file import Group, Member, VocabularyError, read_lines

__all__ = [
    "SHIPPED",
    "Expansion",
    "Group",
    "Member",
    "Vocabulary",
    "VocabularyError",
    "canonical",
    "load_vocabulary",
    "shipped_vocabulary",
    "use",
    "vocabulary_in_use",
]

SHIPPED = Path(__file__).with_name("vocabulary.txt")

MOST_GROUPS = 100_000
_SEPARATORS = re.compile(r"[-/\s_·]+")
_LATIN = re.compile(r"[a-z]+")
_CHINESE = re.compile(rf"[{CJK}]+")
_BETWEEN_CHINESE = re.compile(rf"(?<=[{CJK}]) (?=[{CJK}])")
_SHORT_COMPACT = 10


@dataclass(frozen=True, slots=True)
class Expansion:
    """A group that a text has found.

    Attributes:
        found: the member found, as it stands in the file.
        added: the other words of the group, with the weight of each between 0 and 1.
    """

    found: str
    added: tuple[Member, ...]


@dataclass(frozen=True)
class Vocabulary:
    """Groups of words and the search for them. Immutable; may be used from several threads."""

    groups: tuple[Group, ...] = ()
    _places: dict[str, list[tuple[int, Member]]] = field(init=False, repr=False, compare=False)
    _lengths: dict[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places: dict[str, list[tuple[int, Member]]] = {}
        for number, group in enumerate(self.groups):
            for member in group.known:
                for key in _keys(member.text):
                    places.setdefault(key, []).append((number, member))
        lengths: dict[str, set[int]] = {}
        for key in places:
            lengths.setdefault(key[0], set()).add(len(key))
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "_lengths", {k: tuple(sorted(v, reverse=True)) for k, v in lengths.items()})

    def __len__(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @cached_property
    def stems(self) -> dict[str, str]:
        """The Latin words of all members by their stems."""
        return {stem(word): word for text in self._texts() for word in _LATIN.findall(fold(text))}

    @cached_property
    def gaps(self) -> dict[str, frozenset[str]]:
        """Chinese words of two to four characters with a "*" for one of them, and which characters fill it."""
        gaps: dict[str, set[str]] = {}
        for text in self._texts():
            for run in _CHINESE.findall(fold(text)):
                for word in {run, *cut(run)}:
                    for at in range(len(word) if 2 <= len(word) <= 4 else 0):
                        gaps.setdefault(f"{word[:at]}*{word[at + 1 :]}", set()).add(word[at])
        return {gap: frozenset(chars) for gap, chars in gaps.items()}

    def _texts(self) -> set[str]:
        return {member.text for group in self.groups for side in (group.known, group.added) for member in side}

    def find(self, text: str) -> list[Expansion]:
        """The groups whose members the text holds, in order of appearance, each once.

        At every place the longest member counts and what lies inside it does not (in 支架内再狭窄 not also 支架). Latin
        members end at word borders, in singular or plural, with space, hyphen or nothing between their parts. A
        Chinese member may not cut through words at both of its ends, and a single character must be a word of its own.
        """
        found: dict[int, Expansion] = {}
        for key in self._keys_in(canonical(text)):
            for number, member in self._places[key]:
                if number in found:
                    continue
                added = tuple(
                    Member(other.text, member.weight * other.weight)
                    for other in self.groups[number].added
                    if key not in _keys(other.text)
                )
                if added:
                    found[number] = Expansion(member.text, added)
        return list(found.values())

    def expand(self, text: str) -> tuple[str, ...]:
        """The words that a search for `text` also looks for, each once, those of the first group first.

        Ambiguous words are left out: a page that says "also searched" shall not puzzle its readers.
        """
        held = canonical(text)
        words: dict[str, str] = {}
        for expansion in self.find(text):
            for member in expansion.added:
                key = canonical(member.text)
                if member.weight == 1 and key not in held:
                    words.setdefault(key, member.text)
        return tuple(words.values())

    def _keys_in(self, text: str) -> Iterator[str]:
        borders: set[int] | None = None
        at = 0
        while at < len(text):
            step = 1
            for length in self._lengths.get(text[at], ()):
                key = text[at : at + length]
                if key not in self._places:
                    continue
                end = at + length
                if borders is None:
                    borders = _borders(text)
                if not _latin_border(text, at) or not _latin_border(text, end):
                    continue
                if is_chinese(key) and not _fits(borders, at, end):
                    continue
                yield key
                step = length
                break
            at += step


def _fits(borders: set[int], start: int, end: int) -> bool:
    if end - start == 1:
        return start in borders and end in borders
    return start in borders or end in borders


def _borders(text: str) -> set[int]:
    borders, at = {0}, 0
    for word in cut(text):
        at += len(word)
        borders.add(at)
    return borders


def _latin_border(text: str, at: int) -> bool:
    """Whether no Latin word or number runs through the place `at`."""
    return not (0 < at < len(text) and _latin(text[at - 1]) and _latin(text[at]))


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


@cache
def _keys(member: str) -> tuple[str, ...]:
    """The canonical writings that find a member: as it is and, if Latin and short, without its spaces."""
    key = canonical(member)
    compact = key.replace(" ", "")
    return (key, compact) if compact != key and key.isascii() and len(compact) <= _SHORT_COMPACT else (key,)


def canonical(text: str) -> str:
    """Folded, hyphens and slashes as spaces, English words as stems, no space between Chinese characters."""
    spaced = _SEPARATORS.sub(" ", fold(text)).strip()
    return _BETWEEN_CHINESE.sub("", _LATIN.sub(lambda match: stem(match.group()), spaced))


def load_vocabulary(path: Path | None = None, extra: Path | None = None) -> Vocabulary:
    """The vocabulary of a file, and of a second one added to it; the head of vocabulary.txt describes the form.

    Groups are never merged, also those that share a member or stand in both files: each is followed for itself.

    Args:
        path: instead of the shipped file.
        extra: to add to it.

    Raises:
        VocabularyError: for a line that is not of the form, or a file that is not UTF-8.
        OSError: if a file cannot be read.
    """
    files = [path or SHIPPED, *([extra] if extra else [])]
    groups = tuple(group for file in files for group in _read(file))
    if len(groups) > MOST_GROUPS:
        raise VocabularyError(files[-1], 0, f"more than {MOST_GROUPS} groups")
    return Vocabulary(groups)


@cache
def shipped_vocabulary() -> Vocabulary:
    """The shipped vocabulary, read once."""
    return load_vocabulary()


_in_use: list[Vocabulary] = []


def use(vocabulary: Vocabulary | None) -> None:
    """Have every search by words that was given no vocabulary of its own go by this one; None for the shipped one."""
    _in_use[:] = [] if vocabulary is None else [vocabulary]


def vocabulary_in_use() -> Vocabulary:
    """The vocabulary that `use` was told of, else the shipped one: one object for all indexes of a process."""
    held = tuple(_in_use)  # `use` may be called meanwhile.
    return held[0] if held else shipped_vocabulary()


def _read(path: Path) -> Iterator[Group]:
    for _line, found in read_lines(path):
        if isinstance(found, VocabularyError):
            raise found
        yield found
