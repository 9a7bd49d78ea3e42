"""Where the intervals of candles begin."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from price_service.domain.candles import Interval


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "moment", "start"),
    [
        (Interval.FIVE_MINUTES, utc(2026, 8, 18, 16, 4, 59, 999_999), utc(2026, 8, 18, 16, 0)),
        (Interval.FIVE_MINUTES, utc(2026, 8, 18, 16, 5), utc(2026, 8, 18, 16, 5)),
        (Interval.HOUR, utc(2026, 8, 18, 16, 59, 59), utc(2026, 8, 18, 16)),
        (Interval.DAY, utc(2028, 2, 29, 23, 59, 59), utc(2028, 2, 29)),
        # a Sunday, and the Monday after it; a week that a year ends in
        (Interval.WEEK, utc(2026, 8, 23, 23, 59, 59), utc(2026, 8, 17)),
        (Interval.WEEK, utc(2026, 8, 24), utc(2026, 8, 24)),
        (Interval.WEEK, utc(2027, 1, 1, 12), utc(2026, 12, 28)),
        (Interval.MONTH, utc(2028, 2, 29, 12), utc(2028, 2, 1)),
        (Interval.MONTH, utc(2026, 12, 31, 23, 59, 59), utc(2026, 12, 1)),
        (Interval.MONTH, utc(2027, 1, 1), utc(2027, 1, 1)),
    ],
)
def test_an_interval_begins_on_the_clock_and_in_the_calendar(interval, moment, start) -> None:
    assert interval.start_of(moment) == start


@pytest.mark.parametrize("interval", Interval)
def test_summer_time_moves_no_interval(interval) -> None:
    """The second 01:30 of a night in New York is an hour after the first."""
    first = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))

    for moment in (first, first.replace(fold=1)):
        assert interval.start_of(moment) == interval.start_of(moment.astimezone(UTC))


@given(
    st.sampled_from(Interval),
    st.timedeltas(timedelta(0), timedelta(days=36_500)).map(lambda since: utc(1990, 1, 1) + since),
)
def test_a_moment_is_in_the_one_interval_that_begins_last(interval, moment) -> None:
    start = interval.start_of(moment)

    assert interval.start_of(start) == start <= moment
    assert interval.start_of(start - timedelta(microseconds=1)) < start
    assert interval.start_of(start + interval.shortest - timedelta(microseconds=1)) == start
    longest = timedelta(days=31) if interval is Interval.MONTH else interval.shortest
    assert interval.start_of(start + longest) > start
