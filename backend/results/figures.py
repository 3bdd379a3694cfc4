"""Figures made of what happened, without a database: counts by stage, medians of waiting, reasons, small ones hidden.

Counts are kept in percents of a case, so that shares add up exactly; `Figure` writes them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from statistics import median
from typing import Protocol

from backend.i18n import gettext as _
from backend.introductions.models import Side
from backend.results.periods import Period
from backend.results.sources import WHOLE, Ending, Happening, Stage, Subject, Wait, WaitKind
from backend.working_days import is_working_day, today

FEWEST = 3
"""Of fewer than this many it could be told who they are."""


@dataclass(frozen=True)
class Figure:
    """A count, or a number of working days; None where it is hidden, as it would tell of whom. `word` stands there."""

    value: float | None
    word: str = ""

    @property
    def text(self) -> str:
        """As it is written: a whole number, or the decimals that shares leave."""
        if self.value is None:
            return self.word
        return f"{self.value:.2f}".rstrip("0").rstrip(".")

    @property
    def cell(self) -> float | int | str:
        """As it stands in a spreadsheet: a number where it is one."""
        if self.value is None:
            return self.text
        return int(self.value) if self.value == int(self.value) else round(self.value, 2)


HIDDEN = Figure(None, _("不足 3"))
WITHHELD = Figure(None, _("不显示"))
"""In a column nobody shall tell a small figure from one that is hidden with it."""


class Counted(Protocol):
    """What is counted: when it was, of which need, and the shares of the regions."""

    @property
    def at(self) -> datetime: ...
    @property
    def subject(self) -> Subject: ...
    @property
    def shares(self) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class Scope:
    """What is looked at. `regions` None means all; `specialties` empty means all.

    `by_need` takes what became of the needs that were published in the period, whenever it happened.
    """

    regions: frozenset[str] | None
    specialties: frozenset[str]
    period: Period
    by_need: bool = False

    def share(self, found: Counted) -> int:
        """The percents of it that fall to these regions; 0 where it is not looked at."""
        if self.specialties and found.subject.specialty not in self.specialties:
            return 0
        if (found.subject.published_at if self.by_need else found.at) not in self.period:
            return 0
        if self.regions is None:
            return sum(found.shares.values())
        return sum(share for region, share in found.shares.items() if region in self.regions)


@dataclass(frozen=True)
class Line:
    """One stage: how many, their sum by agreed shares, how many needs are behind them, its part of the needs."""

    stage: Stage
    count: Figure
    credit: Figure
    needs: Figure
    part: int | None
    width: float


@dataclass(frozen=True)
class Row:
    """A row of a breakdown."""

    label: str
    cells: tuple[Figure, ...]


@dataclass(frozen=True)
class WaitLine:
    """The median of a waiting time in working days, and of how many."""

    kind: WaitKind
    count: Figure
    median: Figure | None


def _figure(percents: int, *, protect: bool) -> Figure:
    return HIDDEN if protect and 0 < percents < FEWEST * WHOLE else Figure(percents / WHOLE)


def funnel(found: Iterable[Happening], scope: Scope, *, protect: bool) -> tuple[Line, ...]:
    """The stages from above. The part of the needs is given where the needs are the same ones throughout."""
    counts, credits = dict.fromkeys(Stage, 0), dict.fromkeys(Stage, 0)
    needs: dict[Stage, set[str]] = {stage: set() for stage in Stage}
    for one in found:
        share = scope.share(one)
        if share:
            counts[one.stage] += WHOLE
            credits[one.stage] += share
            needs[one.stage].add(one.subject.need_id)
    highest = max(len(of_stage) for of_stage in needs.values())
    base = len(needs[Stage.NEEDS])
    lines = []
    for stage in Stage:
        behind = len(needs[stage])
        three = [_figure(value, protect=protect) for value in (counts[stage], credits[stage], behind * WHOLE)]
        if HIDDEN in three:
            three = [HIDDEN] * 3
        may_tell = scope.by_need and base and not (protect and base < FEWEST) and HIDDEN not in three
        # The bar of a hidden figure is as long as that of the first one that is shown.
        length = FEWEST if behind and HIDDEN in three else behind
        width = round(100 * length / max(highest, FEWEST), 1)
        part = round(100 * behind / base) if may_tell else None
        lines.append(Line(stage, three[0], three[1], three[2], part, width))
    return tuple(lines)


def breakdown(
    found: Iterable[Happening],
    key: Callable[[Happening], Mapping[str, int]],
    labels: Sequence[tuple[str, str]],
    *,
    protect: bool,
) -> tuple[Row, ...]:
    """A row for each label that has anything, by agreed shares; `key` says to which rows a happening belongs."""
    cells: dict[str, dict[Stage, int]] = {name: dict.fromkeys(Stage, 0) for name, _label in labels}
    for one in found:
        for name, share in key(one).items():
            if name in cells:
                cells[name][one.stage] += share
    kept = [(name, label) for name, label in labels if any(cells[name].values())]
    columns = {stage: _hide([cells[name][stage] for name, _label in kept], protect=protect) for stage in Stage}
    return tuple(Row(label, tuple(columns[stage][n] for stage in Stage)) for n, (_name, label) in enumerate(kept))


def _hide(values: Sequence[int], *, protect: bool) -> list[Figure]:
    """A column. Where one figure alone is hidden the smallest other one is hidden too, or the sum would tell it."""
    figures = [_figure(value, protect=protect) for value in values]
    if sum(figure is HIDDEN for figure in figures) == 1:
        others = [n for n, value in enumerate(values) if value and figures[n] is not HIDDEN]
        if others:
            figures[min(others, key=values.__getitem__)] = HIDDEN
    return [WITHHELD if figure is HIDDEN else figure for figure in figures]


@lru_cache
def _working_days_of(year: int) -> tuple[date, ...]:
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))
    return tuple(day for day in days if is_working_day(day))


def working_days(start: datetime, end: datetime) -> int:
    """As `working_days_between` counts them, quick enough for thousands: how many lie after the day of `start`."""
    after, until = today(start), today(end)
    if until <= after:
        return 0
    years = (_working_days_of(year) for year in range(after.year, until.year + 1))
    return sum(bisect_right(days, until) - bisect_right(days, after) for days in years)


def waiting(found: Iterable[Wait], scope: Scope, *, protect: bool) -> tuple[WaitLine, ...]:
    """The median of each waiting time that ended in the period; None where there was none."""
    days: dict[WaitKind, list[int]] = {kind: [] for kind in WaitKind}
    for one in found:
        if scope.share(one):
            days[one.kind].append(working_days(one.start, one.at))
    lines = []
    for kind in WaitKind:
        count = _figure(len(days[kind]) * WHOLE, protect=protect)
        middle = Figure(median(days[kind])) if days[kind] else None
        lines.append(WaitLine(kind, count, WITHHELD if middle and count is HIDDEN else middle))
    return tuple(lines)


def reasons(
    found: Iterable[Ending], scope: Scope, labels: Mapping[str, str], *, protect: bool
) -> tuple[tuple[Row, ...], dict[str, int]]:
    """Why cases ended: all, by the need's side, by the other one; most frequent first. Besides the counts by reason."""
    counts = {reason: [0, 0, 0] for reason in labels}
    for one in found:
        if scope.share(one):
            of_reason = counts[one.reason]
            of_reason[0] += 1
            if one.side in (Side.NEED, Side.CAPABILITY):
                of_reason[1 if one.side is Side.NEED else 2] += 1
    order = [reason for reason in sorted(labels, key=lambda name: -counts[name][0]) if counts[reason][0]]
    columns = [_hide([counts[reason][n] * WHOLE for reason in order], protect=protect) for n in range(3)]
    rows = tuple(Row(labels[reason], tuple(column[n] for column in columns)) for n, reason in enumerate(order))
    return rows, {reason: counts[reason][0] for reason in order}


def without_proposal(
    found: Sequence[Happening], ended_at: Mapping[str, datetime], scope: Scope, moment: datetime, *, protect: bool
) -> Figure:
    """The needs that were open at a moment and had not been introduced to anybody; the period does not matter."""
    proposed = {one.subject.need_id for one in found if one.stage is Stage.PROPOSED and one.at < moment}
    at_all = Scope(scope.regions, scope.specialties, Period(end=moment))
    waiting_ones = [
        one
        for one in found
        if one.stage is Stage.NEEDS
        and at_all.share(one)
        and one.subject.need_id not in proposed
        and not (one.subject.need_id in ended_at and ended_at[one.subject.need_id] < moment)
    ]
    return _figure(len(waiting_ones) * WHOLE, protect=protect)
