"""Chinese working days, held against the days that the State Council has published."""

from datetime import UTC, date, datetime

import pytest

from backend.working_days import add_working_days, deadline, is_working_day, working_days_between


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 13), True),
        (date(2026, 2, 14), True),  # a Saturday, made up for the Spring Festival
        (date(2026, 2, 16), False),  # the eve of the Spring Festival
        (date(2026, 2, 23), False),
        (date(2026, 2, 24), True),
        (date(2026, 2, 28), True),  # a Saturday again
        (date(2026, 10, 10), True),
        (date(2026, 11, 22), False),
        (date(2026, 11, 23), True),
    ],
)
def test_holidays_are_off_and_made_up_days_count(day: date, works: bool) -> None:
    assert is_working_day(day) is works


def test_a_count_over_the_spring_festival() -> None:
    """Asked on Thursday the 12th: 13, 14 (made up), then nine days off, 24, 25."""
    assert add_working_days(date(2026, 2, 12), 4) == date(2026, 2, 25)
    assert working_days_between(date(2026, 2, 12), date(2026, 2, 25)) == 4
    assert working_days_between(date(2026, 2, 25), date(2026, 2, 12)) == 0
    assert add_working_days(date(2026, 2, 12), 0) == date(2026, 2, 12)


def test_a_year_whose_calendar_is_not_published_still_has_holidays() -> None:
    assert not is_working_day(date(2027, 10, 1)) and is_working_day(date(2027, 10, 12))


def test_a_deadline_is_the_end_of_a_day_in_china() -> None:
    """17:00 UTC is the next day in China already."""
    assert deadline(datetime(2026, 11, 23, 15, 0, tzinfo=UTC), 1) == datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    assert deadline(datetime(2026, 11, 23, 17, 0, tzinfo=UTC), 1) == datetime(2026, 11, 25, 16, 0, tzinfo=UTC)


def test_days_are_counted_forwards() -> None:
    with pytest.raises(ValueError, match="forwards"):
        add_working_days(date(2026, 2, 12), -1)
