"""Evidence as pages show it: sentences cut into marked and unmarked stretches, and the table of a match."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from backend.matching.ranker import Grade


@dataclass(frozen=True)
class Segment:
    """A stretch of a sentence; `marked` where its words are those of the query."""

    text: str
    marked: bool


def segments(sentence: str, spans: Sequence[tuple[int, int]]) -> tuple[Segment, ...]:
    """Cut a sentence at the spans (start, end), which are sorted and do not overlap."""
    cut: list[Segment] = []
    at = 0
    for start, end in spans:
        cut += [Segment(sentence[at:start], False), Segment(sentence[start:end], True)]
        at = end
    cut.append(Segment(sentence[at:], False))
    return tuple(segment for segment in cut if segment.text)


class Shown(StrEnum):
    """How far the other side's text shows that a requirement is met; the values are those of the library."""

    COVERED = "covered"
    PARTLY = "partly"
    NOT_SHOWN = "not shown"


class Found(Protocol):
    """What the library found for a requirement: `embeddings.evidence.Row`."""

    @property
    def requirement(self) -> str: ...
    @property
    def sentence(self) -> str | None: ...
    @property
    def grade(self) -> str: ...
    @property
    def spans(self) -> Sequence[tuple[int, int]]: ...
    @property
    def contrary(self) -> bool: ...


@dataclass(frozen=True)
class EvidenceRow:
    """One requirement beside the sentence that shows it best, () where none does.

    `contrary` says that the sentence seems to state the opposite; such a requirement counts as not shown.
    """

    requirement: str
    sentence: tuple[Segment, ...]
    shown: Shown
    contrary: bool = False


def table(found: Iterable[Found]) -> tuple[EvidenceRow, ...]:
    """The rows of a table for a page, in the order of the requirements."""
    return tuple(
        EvidenceRow(
            row.requirement, segments(row.sentence, row.spans) if row.sentence else (), Shown(row.grade), row.contrary
        )
        for row in found
    )


def shown_grade(grade: Grade, rows: Sequence[EvidenceRow]) -> Grade:
    """The grade of a match beside its table: what seems to state the opposite of a requirement is no strong match."""
    return Grade.POSSIBLE if grade is Grade.STRONG and any(row.contrary for row in rows) else grade


def covered(rows: Sequence[EvidenceRow]) -> int:
    """How many requirements are covered."""
    return sum(row.shown is Shown.COVERED for row in rows)
