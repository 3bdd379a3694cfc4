"""Chinese working days: statutory holidays are off, make-up working days (调休) at weekends count.

The calendar is that of the package `holidays`. The State Council publishes the days of a year in the autumn before it;
until a release of the package knows them, statutory holidays alone are off and no weekend is worked.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

CHINA = ZoneInfo("Asia/Shanghai")
LONGEST = 3660
"""Days that a count may span: a bound against a calendar without working days."""


@lru_cache
def _calendar() -> holidays.HolidayBase:
    return holidays.country_holidays("CN")


def today(now: datetime | None = None) -> date:
    """The day in China at a moment, by default this one; `now` is aware."""
    return (now or datetime.now(UTC)).astimezone(CHINA).date()


def is_working_day(day: date) -> bool:
    """Whether offices work on a day."""
    return _calendar().is_working_day(day)


def add_working_days(start: date, count: int) -> date:
    """The `count`th working day after `start`, which itself does not count; for 0 it is `start`.

    Raises ValueError for a negative count.
    """
    if count < 0:
        raise ValueError("working days are counted forwards")
    day = start
    for _step in range(LONGEST):
        if count == 0:
            return day
        day += timedelta(days=1)
        count -= is_working_day(day)
    raise ValueError("more working days than the calendar is asked for")


def working_days_between(start: date, end: date) -> int:
    """How many working days lie after `start`, up to and with `end`; 0 where `end` is not later."""
    span = (end - start).days
    return sum(is_working_day(start + timedelta(days=n)) for n in range(1, min(span, LONGEST) + 1))


def deadline(start: datetime, count: int) -> datetime:
    """When `count` working days after an aware `start` are over: the end of that day in China, in UTC."""
    day = add_working_days(today(start), count)
    return datetime.combine(day + timedelta(days=1), time(), CHINA).astimezone(UTC)
