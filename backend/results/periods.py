"""Quarters, as an office in China counts them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from backend.i18n import gettext as _
from backend.working_days import CHINA, today

PATTERN = re.compile(r"(20\d\d)Q([1-4])")
NUMBERS = (_("一"), _("二"), _("三"), _("四"))


@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a year; `number` is 1 to 4."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def label(self) -> str:
        """As it is written: 2026年第四季度."""
        return _("%(year)s年第%(number)s季度") % {"year": self.year, "number": NUMBERS[self.number - 1]}

    @property
    def start(self) -> datetime:
        """Its first moment, in UTC."""
        return _midnight(date(self.year, 3 * self.number - 2, 1))

    @property
    def end(self) -> datetime:
        """The first moment after it, in UTC."""
        return self.next.start

    @property
    def next(self) -> "Quarter":
        """The quarter after it."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def previous(self) -> "Quarter":
        """The quarter before it."""
        return Quarter(self.year - (self.number == 1), (self.number - 2) % 4 + 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA).astimezone(UTC)


def quarter_of(moment: datetime) -> Quarter:
    """The quarter of a moment, by the calendar of China."""
    day = today(moment)
    return Quarter(day.year, (day.month + 2) // 3)


def parse(text: str) -> Quarter | None:
    """The quarter of an address: 2026Q4; None for anything else."""
    found = PATTERN.fullmatch(text)
    return Quarter(int(found[1]), int(found[2])) if found else None


def last(count: int, now: datetime) -> list[Quarter]:
    """The last quarters up to the present one, oldest first."""
    found = [quarter_of(now)]
    while len(found) < count:
        found.insert(0, found[0].previous)
    return found


@dataclass(frozen=True)
class Period:
    """From `start`, before `end`; None leaves a side open."""

    start: datetime | None = None
    end: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)


EVER = Period()


def of_quarter(quarter: Quarter) -> Period:
    """The period of a quarter."""
    return Period(quarter.start, quarter.end)


def year_to(quarter: Quarter) -> Period:
    """From the first of January to the end of a quarter."""
    return Period(Quarter(quarter.year, 1).start, quarter.end)
