"""Evidence as pages show it: a sentence cut into marked and unmarked stretches."""

from collections.abc import Sequence
from dataclasses import dataclass


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
