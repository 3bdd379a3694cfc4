"""What the hard filters read and what they answer: plain data, and how a text is cut for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

QUOTED = 40
"""Characters of a clause that a filter quotes."""


LONGEST = 300
"""Characters of a clause that are read: a longer run without a mark states no figure, and would stall patterns."""


class State(StrEnum):
    """How a candidate stands to a demand."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class FilterName(StrEnum):
    """The hard filters, the most important question first."""

    KIND = "kind"
    CONFLICT = "conflict"
    REGISTRATION = "registration"
    CERTIFICATION = "certification"
    ORIGIN = "origin"
    MONEY = "money"
    ROUND = "round"
    REGION = "region"
    CLEANROOM = "cleanroom"
    LOAD = "load"
    HEIGHT = "height"
    AREA = "area"
    POWER = "power"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class NeedFacts:
    """What is known of a need, as far as the viewer may read it.

    `texts` are the parts that say what is wanted (title, summary, acceptance criteria, constraints, requirements), not
    those on the present practice or on what the author offers. `organisation_id` is None where the viewer must not
    learn the author.
    """

    kind: str
    region: str
    texts: tuple[str, ...] = ()
    organisation_id: str | None = None


@dataclass(frozen=True, slots=True)
class CapabilityFacts:
    """What is known of a capability, as far as the viewer may read it.

    Stage and certificate belong to the brief: they stay empty for a reader of the teaser. `related` are organisations
    known to have an interest in this one.
    """

    kind: str
    region: str
    texts: tuple[str, ...] = ()
    organisation_id: str | None = None
    stage: str | None = None
    certificate: str = ""
    related: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filter:
    """One line of the match card.

    `asked` and `found` quote the two texts and are empty where a side is silent; `code` is what a page puts into words
    instead of a quotation: a stage or a region. A wish ("优先") is not `hard`. `of_need` says that the capability makes
    the demand and the need has to answer it.
    """

    name: FilterName
    state: State
    asked: str = ""
    found: str = ""
    code: str | None = None
    hard: bool = True
    of_need: bool = False


_ENDS = re.compile(r"[，；;。！？!?\n]|,(?!\d{3})|\.(?=\s|$)")
_ITEMS = re.compile(r"[，；;。！？!?\n、]|,(?!\d{3})|\.(?=\s|$)")
_SOFT = re.compile(r"优先|最好|尽量|如能|更好|加分|预留|preferabl|ideally|preferred|nice to have", re.IGNORECASE)
_MUST = re.compile(
    r"必须|须|要求|需(?!求)|应(?:当|具|有|已|在)|只考虑|仅限|希望|(?<![主重])要|寻|找|"
    r"\b(?:must|should|needs?|required?|only|shall|looking for)\b",
    re.IGNORECASE,
)
_PRESENT = re.compile(
    r"现用|现有|现在|目前|正在用|原来|以前|过去|我们|我司|我院|本院|本公司|我方|自有|"
    r"\b(?:our|we have|currently|existing)\b",
    re.IGNORECASE,
)
_WAIVED = re.compile(
    r"不要求|无需|不需|不必|不限|不强制|没有|尚无|不接受|不考虑|"
    r"\b(?:not required|no need|without|need not|not necessary)\b",
    re.IGNORECASE,
)
_SEVERITY = (State.FAILED, State.UNKNOWN, State.PASSED)


def clauses(texts: Iterable[str], *, items: bool = False) -> list[str]:
    """The clauses of texts in order, cut at commas and full stops; with `items` at the mark of enumeration (、) too."""
    cut = _ITEMS if items else _ENDS
    return [clause for text in texts for piece in cut.split(text) if (clause := piece.strip()[:LONGEST])]


def quote(clause: str) -> str:
    """A clause as a filter quotes it."""
    return clause if len(clause) <= QUOTED else clause[: QUOTED - 1] + "…"


def is_wish(clause: str) -> bool:
    """Whether a demand is a wish: what does not meet it is said, but does not move down."""
    return _SOFT.search(clause) is not None


def is_stressed(clause: str) -> bool:
    """Whether a clause says by a word of its own that it demands: 须, 需要, 只考虑, must, only."""
    return _MUST.search(clause) is not None


def is_demand(clause: str) -> bool:
    """Whether a clause of a need asks for what it names, rather than waiving it or telling what there is today."""
    if _WAIVED.search(clause):
        return False
    return _PRESENT.search(clause) is None or is_stressed(clause)


def worst(states: Sequence[State]) -> State:
    """Failed before unknown before passed. Raises ValueError for no states."""
    return min(states, key=_SEVERITY.index)


def decisive(found: Sequence[Filter]) -> Filter | None:
    """Of several answers to one question the one to show: a demand before a wish, then the worst; None for none."""
    return min(found, key=lambda f: (not f.hard, _SEVERITY.index(f.state), f.asked), default=None)
