"""What is wrong with a vocabulary file, or worth a second look, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embeddings.lexical_tokens import is_chinese
from embeddings.vocabulary import MOST_GROUPS, SHIPPED, canonical
from embeddings.vocabulary_file import Group, Member, VocabularyError, read_lines


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one line.

    Attributes:
        line: number from 1, 0 if the whole file is meant.
        message: in English, without the line.
        is_error: whether the file cannot be used because of it.
    """

    line: int
    message: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How many groups and different words a file has, and the remarks on it by line."""

    groups: int
    words: int
    remarks: tuple[Remark, ...]

    @property
    def is_usable(self) -> bool:
        """Whether no line is wrong."""
        return not any(remark.is_error for remark in self.remarks)


def check(path: Path, beside: Path | None = None) -> Report:
    """Read a vocabulary file to its end, whatever is wrong with it.

    Errors are lines that are not of the form. Told besides are words that stand in several groups, which are followed
    one by one and not merged; groups that add nothing; and words so short that they may mean something else.

    Args:
        beside: another file, searched together with this one.

    Raises:
        OSError: if a file cannot be read.
        VocabularyError: if `beside` cannot be used.
    """
    remarks: list[Remark] = []
    places: dict[str, str] = {}
    if beside is not None:
        for line, group in _groups(beside):
            for member in _members(group):
                places.setdefault(canonical(member.text), f"{beside.name}, line {line}")
    groups, words = 0, set[str]()
    try:
        for line, found in read_lines(path):
            if isinstance(found, VocabularyError):
                remarks.append(Remark(line, found.reason, is_error=True))
                continue
            groups += 1
            members = {canonical(member.text): member for member in _members(found)}
            words |= set(members)
            if len({key.replace(" ", "") for key in members}) == 1:
                remarks.append(Remark(line, "all words of the group are written alike, so it adds nothing"))
            for key, member in members.items():
                if key in places:
                    remarks.append(Remark(line, f"{member.text} stands in another group too ({places[key]})"))
                else:
                    places[key] = f"line {line}"
                if told := _shortness(key, member):
                    remarks.append(Remark(line, told))
    except VocabularyError as error:
        remarks.append(Remark(error.line, error.reason, is_error=True))
    if groups > MOST_GROUPS:
        remarks.append(Remark(0, f"more than {MOST_GROUPS} groups", is_error=True))
    return Report(groups, len(words), tuple(remarks))


def check_own(path: Path) -> Report:
    """As `check`, beside the shipped file unless it is that one."""
    return check(path, None if path.resolve() == SHIPPED.resolve() else SHIPPED)


def _groups(path: Path) -> list[tuple[int, Group]]:
    found: list[tuple[int, Group]] = []
    for line, group in read_lines(path):
        if isinstance(group, VocabularyError):
            raise group
        found.append((line, group))
    return found


def _members(group: Group) -> list[Member]:
    return [*group.known, *(member for member in group.added if member not in group.known)]


def _shortness(key: str, member: Member) -> str:
    """Why a word may be too short; empty if it is not."""
    if member.weight < 1:
        return ""
    if is_chinese(key):
        return f"{member.text} is one character: it counts only where it is a word of its own" if len(key) == 1 else ""
    if len(key) <= 2:
        return f'{member.text} is short: write "{member.text}?" if it may mean something else'
    return ""
