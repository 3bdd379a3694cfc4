"""Reading figures of both sides: spellings that the parser does not know, and which of several figures counts.

Numbers and units themselves are read by `embeddings.quantities`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.matching.filter_facts import Filter, FilterName, State, clauses, is_demand, is_wish, quote
from embeddings.passages import normalise
from embeddings.quantities import Bound, Quantity, quantities

PER_AREA = r"(?:平方米|平米|m2)"
_MASS = r"(?:kg|千克|公斤|t|吨|tonnes?)"


def _product(match: re.Match[str]) -> str:
    """2×2500 as 5000: several lines of supply."""
    return str(int(match[1]) * int(match[2]))


# Spellings that the parser of figures does not know, in an equivalent that it does. 1 kN/m² is 1 kPa.
_SPELLINGS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), to)
    for pattern, to in (
        (r"(\d+)\s*[×x*]\s*(\d+)(?=\s*(?:千伏安|kVA|千瓦|kW))", _product),
        (r"\b(?:sq\.? ?m|sqm|square met(?:er|re)s?)\b", "平方米"),
        (r"(?<=[\d一二三四五六七八九十百千万])\s*(?:来|多)?平(?![米方均行台面分时板整安])", "平方米"),
        (rf"(?:kN|千牛)\s*(?:/|每|per )\s*{PER_AREA}", "kPa"),
        (rf"(每{PER_AREA}[^，,。]*?)(?:kN|千牛)", r"\1kPa"),
        (rf"({_MASS})\s*(?:/|每|per )\s*{PER_AREA}", r"\1"),
        (r"\btonnes?\b", "吨"),
        (r"(?<=\d)\s*(?:met(?:er|re)s?)\b", "m"),
        (r"(?:RMB|CNY|¥)\s*([\d.]+)\s*(?:(?:to|-|–)\s*(?:RMB|CNY|¥)?\s*([\d.]+)\s*)?million", r"\1百万元至\2百万元"),
    )
)
_MILLION = re.compile(r"([\d.]+)百万元(?:至(?:([\d.]+)百万元)?)?")


@dataclass(frozen=True, slots=True)
class Stated:
    """A figure and the clause that states it."""

    low: float
    high: float
    bound: Bound
    clause: str


Reader = Callable[[str], list[Quantity]]
"""The figures of one kind in a clause."""


def figures_of(text: str) -> list[Quantity]:
    """The figures of a text, also those in spellings of rooms and money that the parser does not know."""
    text = normalise(text)
    for pattern, to in _SPELLINGS:
        text = pattern.sub(to, text)
    text = _MILLION.sub(_in_wan, text)
    return quantities(text)


def _in_wan(match: re.Match[str]) -> str:
    """RMB 3 to 5 million as 300万元至500万元."""
    return "至".join(f"{float(amount) * 100:g}万元" for amount in match.groups() if amount)


def reader(measure: str, scale: float, cue: re.Pattern[str] | None = None) -> Reader:
    """A reader of the figures of one measure, times `scale`, in clauses that hold the cue."""

    def read(clause: str) -> list[Quantity]:
        if cue is not None and not cue.search(normalise(clause)):
            return []
        return [
            Quantity(measure, q.low * scale, q.high * scale, q.bound)
            for q in figures_of(clause)
            if q.measures == measure
        ]

    return read


def stated(texts: Sequence[str], read: Reader, *, demands: bool = False) -> list[Stated]:
    """The figures that a reader finds in texts; with `demands` only those that are asked for."""
    return [
        Stated(q.low, q.high, q.bound, clause)
        for clause in clauses(texts, items=True)
        if not demands or is_demand(clause)
        for q in read(clause)
    ]


def strictest(demands: Sequence[Stated]) -> Stated | None:
    """Of the figures that a text repeats ("三百平米", "300平方米以上") the one with limits, then the largest."""
    return max(
        demands,
        key=lambda d: (not is_wish(d.clause), d.bound is not Bound.EXACT or d.high > d.low, d.low, d.clause),
        default=None,
    )


def best(offers: Sequence[Stated]) -> Stated:
    """The largest of what is offered. Raises ValueError for nothing."""
    return max(offers, key=lambda o: (o.high, o.clause))


def line(name: FilterName, demand: Stated, state: State, offer: Stated | None) -> Filter:
    """The line on a figure, quoting both clauses."""
    found = quote(offer.clause) if offer else ""
    return Filter(name, state, quote(demand.clause), found, hard=not is_wish(demand.clause))


def reaches(demand: float, offers: Sequence[Stated]) -> State:
    """Whether the best offer reaches a figure: "3米以上" may be more than it says, so it cannot fail."""
    if not offers:
        return State.UNKNOWN
    if best(offers).high >= demand * (1 - 1e-6):
        return State.PASSED
    return State.UNKNOWN if any(offer.bound is Bound.AT_LEAST for offer in offers) else State.FAILED
