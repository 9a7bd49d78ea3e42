from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from price_service.domain.market import session_opened


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MILLENNIUM = datetime(2000, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("at", "opened"),
    [
        # winter: New York is UTC-5
        ("2026-01-14 12:00", "2026-01-13 23:00"),
        ("2026-01-14 21:59:59", "2026-01-13 23:00"),
        ("2026-01-14 23:00", "2026-01-14 23:00"),
        # summer: UTC-4
        ("2026-08-18 12:00", "2026-08-17 22:00"),
        ("2026-08-18 22:00", "2026-08-18 22:00"),
        # the clocks change while the market is closed, and the sessions change with them
        ("2026-03-06 21:59:59", "2026-03-05 23:00"),
        ("2026-03-08 22:00", "2026-03-08 22:00"),
        ("2026-10-30 20:59:59", "2026-10-29 22:00"),
        ("2026-11-01 23:00", "2026-11-01 23:00"),
        # the day after a holiday begins on its evening
        ("2026-12-25 23:00", None),  # ... but a Friday's evening belongs to the weekend
        ("2026-12-27 23:00", "2026-12-27 23:00"),
        ("2025-12-25 23:00", "2025-12-25 23:00"),
    ],
)
def test_a_session_opens_at_18_00_in_new_york(at, opened):
    assert session_opened(utc(at)) == (opened and utc(opened))


@pytest.mark.parametrize(
    "at",
    [
        "2026-01-16 22:00",  # Friday 17:00, winter
        "2026-01-17 12:00",  # Saturday
        "2026-01-18 22:59:59",  # Sunday, a second before it opens
        "2026-08-21 21:00",  # Friday 17:00, summer
        "2026-08-23 21:59:59",
        "2026-03-08 21:59:59",  # the clocks have changed: an hour earlier in UTC
        "2026-11-01 22:59:59",  # and an hour later
        "2026-01-14 22:00",  # the daily break
        "2026-01-14 22:59:59",
        "2026-08-18 21:30",
        "2026-04-03 15:00",  # Good Friday
        "2026-04-02 22:00",  # and its eve
        "2025-04-18 15:00",
        "2025-12-25 15:00",  # Christmas
        "2025-12-24 23:00",
        "2027-12-24 15:00",  # a Christmas on a Saturday
        "2022-12-26 15:00",  # on a Sunday
        "2026-01-01 15:00",  # New Year
        "2023-01-02 15:00",  # on a Sunday
    ],
)
def test_the_market_is_closed_at_night_on_weekends_and_on_holidays(at):
    assert session_opened(utc(at)) is None


def test_a_new_year_on_a_saturday_does_not_close_the_friday_before():
    assert session_opened(utc("2021-12-31 15:00")) is not None


@given(st.integers(0, 100 * 366 * 24 * 60).map(lambda minutes: MILLENNIUM + minutes * MINUTE))
def test_a_session_lasts_23_hours_at_most_and_is_one_until_it_ends(at):
    opened = session_opened(at)

    if opened is not None:
        assert timedelta() <= at - opened < timedelta(hours=24)  # 24 when the clocks go back
        assert session_opened(opened) == opened
        assert session_opened(opened - timedelta(seconds=1)) is None
