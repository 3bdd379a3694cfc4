"""Amounts and rounds of money: what a project seeks and what a fund gives to one project."""

from __future__ import annotations

import re

from backend.matching.filter_facts import (
    CapabilityFacts,
    Filter,
    FilterName,
    NeedFacts,
    State,
    clauses,
    is_demand,
    is_wish,
    quote,
)
from backend.matching.filter_figures import Reader, Stated, best, figures_of, line, stated, strictest
from backend.needs.models import NeedKind
from embeddings.passages import normalise
from embeddings.quantities import Bound, Quantity

_BARE_MONEY = re.compile(
    r"(?<=[\d一二三四五六七八九十百千])([万亿])(?=\s*(?:$|[，。；、,.;：:）)]|到|至|左右|以[上内下]))"
)
_ASKED_MONEY = re.compile(
    r"融|募|单笔|额度|资助|投资|出资|轮|交易金额|\b(?:rais(?:e|ing)|seeking|round|ticket)\b", re.IGNORECASE
)
_TICKET = re.compile(
    r"单笔|首轮|单户|单个项目|每个项目|每项|单项|投资|每家|\b(?:ticket|per project|cheque|we invest|invests?)\b",
    re.IGNORECASE,
)
_OTHER_MONEY = re.compile(
    r"规模|总额|利润|剩余|销售|收入|营收|估值|租金|预算|\b(?:revenue|valuation|fund size)\b", re.IGNORECASE
)
_ROUNDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("proof", r"概念验证|proof of concept"),
        ("seed", r"种子轮|天使(?:轮|投资)|种子期|\b(?:seed|angel)\b"),
        ("early", r"(?<![A-Z])(?:Pre-?)?A\+?轮|\b(?:pre-)?series A\b"),
        ("growth", r"(?<![A-Z])[BC]\+?轮|成长期|\bseries [BC]\b|growth (?:stage|equity)"),
        ("late", r"(?<![A-Z])D轮|Pre-?IPO|\bseries D\b"),
        ("buyout", r"并购|控股|收购|buy-?out|acquisition"),
    )
)


def money(need: NeedFacts, capability: CapabilityFacts) -> list[Filter]:
    """The lines on amount and round; none for needs of other kinds than capital."""
    if need.kind != NeedKind.CAPITAL:
        return []
    return [found for found in (_amount(need, capability), _rounds(need, capability)) if found is not None]


def _amount(need: NeedFacts, capability: CapabilityFacts) -> Filter | None:
    """Amount in 万元: what is sought must lie within what is given to one project."""

    def reader(cue: re.Pattern[str]) -> Reader:
        def read(clause: str) -> list[Quantity]:
            if not cue.search(clause) or _OTHER_MONEY.search(clause):
                return []
            text = _BARE_MONEY.sub(r"\1元", normalise(clause))
            return [q for q in figures_of(text) if q.measures == "money"]

        return read

    demand = strictest(stated(need.texts, reader(_ASKED_MONEY), demands=True))
    if demand is None:
        return None
    offers = stated(capability.texts, reader(_TICKET))
    fitting = [offer for offer in offers if _overlap(demand, offer)]
    state = State.PASSED if fitting else State.FAILED if offers else State.UNKNOWN
    shown = best(fitting or offers) if offers else None
    return line(FilterName.MONEY, demand, state, shown)


def _overlap(demand: Stated, offer: Stated) -> bool:
    low = 0.0 if offer.bound is Bound.AT_MOST else offer.low
    high = float("inf") if offer.bound is Bound.AT_LEAST else offer.high
    least = 0.0 if demand.bound is Bound.AT_MOST else demand.low
    most = float("inf") if demand.bound is Bound.AT_LEAST else demand.high
    return low <= most and least <= high


def _rounds(need: NeedFacts, capability: CapabilityFacts) -> Filter | None:
    """Round of financing: seed and angel, A, B and C, later, buyout."""
    wanted = [(name, c) for c in clauses(need.texts) if is_demand(c) for name, p in _ROUNDS if p.search(c)]
    if not wanted:
        return None
    offered = [(name, c) for c in clauses(capability.texts) for name, p in _ROUNDS if p.search(c)]
    names = {name for name, _ in wanted}
    common = [clause for name, clause in offered if name in names]
    state = State.PASSED if common else State.FAILED if offered else State.UNKNOWN
    clause = wanted[0][1]
    shown = common[0] if common else offered[0][1] if offered else ""
    return Filter(FilterName.ROUND, state, quote(clause), quote(shown), hard=not is_wish(clause))
