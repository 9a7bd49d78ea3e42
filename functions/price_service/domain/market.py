"""When gold is traded: one session per trading day, in New York's time.

A session runs from 18:00 of the evening before to 17:00, so that Friday evening to Sunday evening,
an hour every evening, and holidays are closed. Shortened sessions (such as Thanksgiving's) are not
in the calendar: quotes that have stopped moving make such a slot `unknown`, which triggers nothing.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_NEW_YORK = ZoneInfo("America/New_York")
_OPENS = time(18)
_CLOSES = time(17)
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
_DAY = timedelta(days=1)


def session_opened(at: datetime) -> datetime | None:
    """Return when the session that `at` falls into was opened, in UTC; None when closed."""
    local = at.astimezone(_NEW_YORK)
    if local.time() >= _OPENS:
        trading_day = local.date() + _DAY
    elif local.time() < _CLOSES:
        trading_day = local.date()
    else:
        return None
    if trading_day.weekday() > _FRIDAY or trading_day in _holidays(trading_day.year):
        return None
    return datetime.combine(trading_day - _DAY, _OPENS, _NEW_YORK).astimezone(UTC)


@cache
def _holidays(year: int) -> frozenset[date]:
    """Return the trading days of a year on which the market stays closed the whole day."""
    holidays = {_easter(year) - 2 * _DAY}  # Good Friday
    new_year = date(year, 1, 1)
    # on a Saturday it is not made up for: the day before belongs to the old year's business
    holidays.add(new_year + _DAY if new_year.weekday() == _SUNDAY else new_year)
    christmas = date(year, 12, 25)
    made_up_for = {_SATURDAY: -_DAY, _SUNDAY: _DAY}
    holidays.add(christmas + made_up_for.get(christmas.weekday(), timedelta()))
    return frozenset(holidays)


def _easter(year: int) -> date:
    """Return Easter Sunday (the anonymous Gregorian algorithm, Nature, 20 April 1876)."""
    a = year % 19
    b, c = divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)
