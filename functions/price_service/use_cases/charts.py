"""Serving what charts are drawn from."""

from datetime import datetime

from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import InvalidFieldError
from goldalert.http.schemas import Page
from price_service.config import CANDLES_AT_MOST, CANDLES_BY_DEFAULT
from price_service.domain.candles import Interval
from price_service.domain.conversion import Measure
from price_service.schemas import CandleView
from price_service.use_cases.ports import Prices


def candles(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    measure: Measure,
    interval: Interval,
    *,
    since: datetime | None,
    until: datetime | None,
) -> Page[CandleView]:
    """Return the candles that begin from `since` on and before `until`, oldest first.

    Without `since`, the last ones. An interval without a price has no candle.

    Raises:
        InvalidFieldError: `since` is not before `until`, or the time between is too long.
    """
    limit = CANDLES_BY_DEFAULT
    if since is not None:
        _check_range(since, until or clock.now(), interval)
        limit = CANDLES_AT_MOST
    with unit_of_work.begin() as tx:
        found = tx.repository.candles(
            measure.currency, interval, since=since, until=until, limit=limit
        )
    items = [
        {
            "start": candle.start,
            "open": str(measure.show(candle.open)),
            "high": str(measure.show(candle.high)),
            "low": str(measure.show(candle.low)),
            "close": str(measure.show(candle.close)),
            "ticks": candle.ticks,
            "origin": candle.origin,
        }
        for candle in found
    ]
    # all at once, which takes half as long
    return Page[CandleView].model_validate({"items": items})


def _check_range(since: datetime, until: datetime, interval: Interval) -> None:
    if since >= until:
        raise InvalidFieldError("from", "`from` must be before `to`, which is now by default.")
    if until - since > CANDLES_AT_MOST * interval.shortest:
        raise InvalidFieldError(
            "from",
            f"From `from` to `to` there may be {CANDLES_AT_MOST:,} candles of {interval}: "
            f"{(CANDLES_AT_MOST * interval.shortest).days:,} days.",
        )
