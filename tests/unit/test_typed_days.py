"""Days, times and numbers as people type or paste them."""

from datetime import UTC, date, datetime

import pytest

from backend.forms import half_width
from backend.typed_days import read_day, read_moment

DAY = date(2026, 12, 1)
AFTERNOON = datetime(2026, 12, 1, 6, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-12-01", "2026/12/1", "2026.12.1", "２０２６－１２－０１", " 2026年12月1日\t"])
def test_a_day(text: str) -> None:
    assert read_day(text) == DAY


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T14:05",
        "2026-12-01 14:05:00",
        "2026/12/1 14:05",
        "2026年12月1日 14:05",
        "2026年12月1日14点05分",
        "２０２６－１２－０１　１４：０５",
    ],
)
def test_a_time_is_one_of_china(text: str) -> None:
    assert read_moment(text) == AFTERNOON


def test_a_full_hour_may_stand_alone() -> None:
    assert read_moment("2026年12月1日 14点") == datetime(2026, 12, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["明天", "2026-13-01", "2026-02-30", "1926-12-01", "46376", "12/1/2026", "2026-12-01T14:05+08:00"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_day(text)
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


@pytest.mark.parametrize("text", ["2026-12-01", "2026-12-01 25:00", "2026-12-01 14:75", "2026-12-01 下午"])
def test_a_day_without_its_time_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


def test_nothing_is_nothing() -> None:
    assert read_day(" ") is read_day(None) is read_moment("") is read_moment(None) is None
    assert half_width(" ６０\n") == "60"
