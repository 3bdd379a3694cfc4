"""Figures of rooms and work: floor load, height, electricity, area, cleanliness, throughput."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
from backend.matching.filter_figures import (
    PER_AREA,
    Reader,
    Stated,
    best,
    figures_of,
    line,
    reaches,
    reader,
    stated,
    strictest,
)
from backend.needs.models import NeedKind
from embeddings.passages import normalise
from embeddings.quantities import Bound, Quantity, quantities

_ROOM = frozenset({NeedKind.SPACE})
_ROOM_OR_WORK = frozenset({NeedKind.SPACE, NeedKind.SERVICE, NeedKind.SUPPLY})
_WORK = frozenset({NeedKind.SERVICE, NeedKind.SUPPLY, NeedKind.VALIDATION, NeedKind.SCENARIO})

_LOAD = re.compile(rf"荷载|荷重|承重|floor load|每{PER_AREA}|[/每]\s*{PER_AREA}|per (?:m2|sq)", re.IGNORECASE)
_NO_LOAD = re.compile(r"货梯|电梯|行车|吊车|叉车|承重墙|\b(?:lift|elevator|crane)\b", re.IGNORECASE)
_HEIGHT = re.compile(r"层高|净高|檐高|梁下|净空|挑高|clear height|ceiling|headroom", re.IGNORECASE)
_POWER = re.compile(r"供电|用电|配电|电力|电容量|power supply|electrical", re.IGNORECASE)
_RATE = re.compile(
    r"(每天|每日|日产|日均|per day|daily|a day)|(每周|per week|a week)|(每月|月产|月均|per month|monthly|a month)|"
    r"(每年|年产|全年|per year|annual(?:ly)?|a year)",
    re.IGNORECASE,
)
_DAYS = (1.0, 7.0, 30.4, 365.0)
_RATE_UNIT = re.compile(
    r"[\d一二三四五六七八九十百千万]\s*(例|台|张|件|个|次|份|颗|支|套|盒|units?|pieces?|samples?|cases?)", re.IGNORECASE
)
_ENGLISH_UNIT = re.compile(r"(?<=\d)\s*(?:units?|pieces?|samples?|cases?)\b|(?<=[\d万])\s*[套盒]", re.IGNORECASE)

_CLEAN_WORDS = {"百": 5.0, "千": 6.0, "万": 7.0, "十万": 8.0, "三十万": 8.5}
_CLEAN = re.compile(
    r"(三十万|十万|万|千|百)级|(?<!\d)(100,?000|10,?000|1,?000|100)\s?级|(?<![A-Za-z])ISO\s?(?:Class\s?)?([5-8])(?!\d)|"
    r"(?<![A-Za-z])class\s(100,?000|10,?000|1,?000|100)(?!\d)|(?<![A-Za-z])([A-D])级(?=洁净|背景|灌装|区|净化|车间|环境)",
    re.IGNORECASE,
)
_CLEAN_FIGURES = {"100": 5.0, "1000": 6.0, "10000": 7.0, "100000": 8.0}
_GRADES = {"A": 5.0, "B": 5.0, "C": 7.0, "D": 8.0}
"""GMP grade → ISO 14644-1 class at rest (Chinese GMP of 2010, annex 1)."""


def rooms(need: NeedFacts, capability: CapabilityFacts) -> list[Filter]:
    """The lines on figures of rooms and work that the need demands, at most one of each name."""
    found = [
        _at_least(need, capability, FilterName.LOAD, _load),
        _at_least(need, capability, FilterName.HEIGHT, _height),
        _power(need, capability),
        _area(need, capability),
        _cleanroom(need, capability),
        _capacity(need, capability),
    ]
    return [found_line for found_line in found if found_line is not None]


_height = reader("length", 1e-3, _HEIGHT)
_square_metres = reader("area", 1.0)


def _load(clause: str) -> list[Quantity]:
    """Floor loads in kN/m²; a tonne is taken for 10 kN, as the trade does."""
    text = normalise(clause)
    if not _LOAD.search(text) or (_NO_LOAD.search(text) and not re.search(PER_AREA, text)):
        return []
    scales = {"mass": 1e-5, "pressure": 1 / 7.5006}
    return [
        Quantity("load", q.low * scales[q.measures], q.high * scales[q.measures], q.bound)
        for q in figures_of(clause)
        if q.measures in scales
    ]


def _at_least(need: NeedFacts, capability: CapabilityFacts, name: FilterName, read: Reader) -> Filter | None:
    """A figure of which more is better; "净高8米" asks for at least as much."""
    if need.kind not in _ROOM:
        return None
    demand = strictest([d for d in stated(need.texts, read, demands=True) if d.bound is not Bound.AT_MOST])
    if demand is None:
        return None
    offers = stated(capability.texts, read)
    return line(name, demand, reaches(demand.low, offers), best(offers) if offers else None)


def _power(need: NeedFacts, capability: CapabilityFacts) -> Filter | None:
    """Electricity at hand. kW of a supply are at least as many kVA, kVA at most as many kW."""
    if need.kind not in _ROOM:
        return None
    kva, kw = (reader(measure, scale, _POWER) for measure, scale in (("apparent power", 1.0), ("power", 1e-3)))
    wanted = {read: strictest(stated(need.texts, read, demands=True)) for read in (kva, kw)}
    for read, other in ((kva, kw), (kw, kva)):
        demand = wanted[read]
        if demand is None:
            continue
        same, converted = stated(capability.texts, read), stated(capability.texts, other)
        state = reaches(demand.low, same)
        if not same and converted:
            reached = reaches(demand.low, converted)
            certain = State.PASSED if read is kva else State.FAILED
            state = reached if reached is certain else State.UNKNOWN
        offers = same or converted
        return line(FilterName.POWER, demand, state, best(offers) if offers else None)
    return None


def _area(need: NeedFacts, capability: CapabilityFacts) -> Filter | None:
    """Floor area in m². A larger area than demanded may be divisible: that has to be asked."""
    if need.kind not in _ROOM:
        return None
    demand = strictest(stated(need.texts, _square_metres, demands=True))
    if demand is None:
        return None
    offers = stated(capability.texts, _square_metres)
    if not offers:
        return line(FilterName.AREA, demand, State.UNKNOWN, None)
    low = 0.0 if demand.bound is Bound.AT_MOST else demand.low * (0.9 if demand.bound is Bound.EXACT else 1.0)
    if demand.bound is Bound.AT_MOST or demand.high > demand.low:
        most = demand.high
    else:
        most = demand.high * 1.5 if demand.bound is Bound.EXACT else float("inf")
    fitting = [offer for offer in offers if offer.high >= low and _smallest(offer) <= most]
    if fitting:
        return line(FilterName.AREA, demand, State.PASSED, min(fitting, key=lambda o: (o.high, o.clause)))
    # A range says how small a part is let; a single figure does not.
    too_large = [offer for offer in offers if offer.low < offer.high and offer.low > most]
    may_do = any(offer.high >= low or offer.bound is Bound.AT_LEAST for offer in offers)
    if too_large:
        return line(FilterName.AREA, demand, State.FAILED, min(too_large, key=lambda o: (o.low, o.clause)))
    return line(FilterName.AREA, demand, State.UNKNOWN if may_do else State.FAILED, best(offers))


def _smallest(offer: Stated) -> float:
    return 0.0 if offer.bound is Bound.AT_MOST else offer.low


def _cleanroom(need: NeedFacts, capability: CapabilityFacts) -> Filter | None:
    """Cleanliness by ISO 14644-1: a lower number is cleaner and does as well."""
    if need.kind not in _ROOM_OR_WORK:
        return None
    demands = [(grade, c) for c in clauses(need.texts) if is_demand(c) for grade in _cleanliness(c)]
    if not demands:
        return None
    wanted, clause = min(demands, key=lambda d: (is_wish(d[1]), d[0], d[1]))
    offers = [(grade, c) for c in clauses(capability.texts) for grade in _cleanliness(c)]
    best = min(offers, default=None)
    state = State.UNKNOWN if best is None else State.PASSED if best[0] <= wanted else State.FAILED
    return Filter(FilterName.CLEANROOM, state, quote(clause), quote(best[1]) if best else "", hard=not is_wish(clause))


def _cleanliness(clause: str) -> list[float]:
    """The ISO classes that a clause names."""
    found = []
    for match in _CLEAN.finditer(normalise(clause)):
        word, level, iso, figure, grade = match.groups()
        if word:
            found.append(_CLEAN_WORDS[word])
        elif iso:
            found.append(float(iso))
        elif grade:
            found.append(_GRADES[grade.upper()])
        else:
            found.append(_CLEAN_FIGURES[(level or figure).replace(",", "")])
    return found


def _capacity(need: NeedFacts, capability: CapabilityFacts) -> Filter | None:
    """Throughput a day. Only a demand with a bound counts: "每季300件" tells the size of an order."""
    if need.kind not in _WORK:
        return None
    demands = [(unit, d) for unit, d in _rates(need.texts) if d.bound is Bound.AT_LEAST and is_demand(d.clause)]
    if not demands:
        return None
    unit, demand = max(demands, key=lambda item: (not is_wish(item[1].clause), item[1].low, item[1].clause))
    offers = [offer for offered, offer in _rates(capability.texts) if offered == unit]
    return line(FilterName.CAPACITY, demand, reaches(demand.low, offers), best(offers) if offers else None)


def _rates(texts: Sequence[str]) -> list[tuple[str, Stated]]:
    """(unit, figure a day) of the clauses that count something in a time."""
    found = []
    for clause in clauses(texts, items=True):
        text = normalise(clause)
        period, unit = _RATE.search(text), _RATE_UNIT.search(text)
        if not period or not unit:
            continue
        days = _DAYS[next(number for number, group in enumerate(period.groups()) if group)]
        counts = [q for q in quantities(_ENGLISH_UNIT.sub("件", text)) if q.measures == "count"]
        name = unit[1].lower().rstrip("s")
        found += [(name, Stated(q.low / days, q.high / days, q.bound, clause)) for q in counts[-1:]]
    return found
