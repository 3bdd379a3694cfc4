"""Days and times as people type them, or paste them from a sheet."""

import re
from datetime import UTC, date, datetime, time

from backend.forms import half_width
from backend.working_days import CHINA

DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
MOMENT = re.compile(rf"({DAY.pattern})[T ]*(\d{{1,2}})[:点时](\d{{1,2}})?(?::\d\d(?:\.0+)?)?分?")
FIRST_YEAR, LAST_YEAR = 2000, 2099


def read_day(text: str | None) -> date | None:
    """A day as browsers send it or as it is typed: 2026-12-01, 2026/12/1, 2026年12月1日; None for an empty field.

    Raises ValueError for anything else.
    """
    text = half_width(text).replace(" ", "")
    if not text:
        return None
    found = DAY.fullmatch(text)
    if found is None:
        raise ValueError("no day")
    day = date(*(int(part) for part in found.groups()))
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("no day of this century")
    return day


def read_moment(text: str | None) -> datetime | None:
    """A time in China: 2026-12-01T14:00 as browsers send it, 2026/12/1 14:00, 2026年12月1日 14点; None for no text.

    Raises ValueError for anything else.
    """
    text = half_width(text)
    if not text:
        return None
    found = MOMENT.fullmatch(text)
    day = read_day(found[1]) if found else None
    if found is None or day is None:
        raise ValueError("no time")
    at = time(int(found[5]), int(found[6] or 0))
    return datetime.combine(day, at, CHINA).astimezone(UTC)
