"""Files of words that mean the same: one group a line, as the head of vocabulary.txt describes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from embeddings.normal import fold
from embeddings.types import EmbeddingsError

LONGEST_MEMBER = 80
AMBIGUOUS = 0.5
"""Weight of a member that is marked as ambiguous, when it is found and when it is added."""


class VocabularyError(EmbeddingsError, ValueError):
    """A vocabulary file cannot be used; the message names the file and the line.

    Attributes:
        path: the file.
        line: number from 1, 0 if the whole file is meant.
        reason: the message without file and line.
    """

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}, line {line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line
        self.reason = message


@dataclass(frozen=True, slots=True)
class Member:
    """One writing in a group, as it stands in the file, and its weight: 1, or AMBIGUOUS."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Group:
    """Words that are looked for together.

    Attributes:
        known: members that find the group when a text holds one of them.
        added: members that are then looked for; the same tuple as `known` unless the line has a ">".
    """

    known: tuple[Member, ...]
    added: tuple[Member, ...]


def read_lines(path: Path) -> Iterator[tuple[int, Group | VocabularyError]]:
    """Line number and group of every line that has one, or what is wrong with it.

    Raises:
        VocabularyError: for a file that is not UTF-8.
        OSError: if the file cannot be read.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise VocabularyError(path, 0, f"the file is not UTF-8 ({error.reason} at byte {error.start})") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                yield number, _group(line)
            except ValueError as error:
                yield number, VocabularyError(path, number, str(error))


def _group(line: str) -> Group:
    sides = line.split(">")
    if len(sides) > 2:
        raise ValueError("a group has at most one >")
    members = [_members(side.split("|")) for side in sides]
    if len(members) == 1 and len(members[0]) < 2:
        raise ValueError("a group needs at least two members, separated by |")
    return Group(members[0], members[-1])


def _members(pieces: Sequence[str]) -> tuple[Member, ...]:
    members = tuple(_member(piece.strip()) for piece in pieces)
    _check_distinct(member.text for member in members)
    return members


def _member(piece: str) -> Member:
    ambiguous = piece.endswith("?")
    text = piece.rstrip("?").strip()
    if not any(char.isalnum() for char in text):
        raise ValueError("a member is empty, or has no letter and no digit")
    if len(text) > LONGEST_MEMBER:
        raise ValueError(f"a member is longer than {LONGEST_MEMBER} characters: {text[:20]}…")
    return Member(text, AMBIGUOUS if ambiguous else 1.0)


def _check_distinct(texts: Iterable[str]) -> None:
    seen: set[str] = set()
    for text in texts:
        key = fold(text)
        if key in seen:
            raise ValueError(f"the member {text!r} stands twice in the group")
        seen.add(key)
