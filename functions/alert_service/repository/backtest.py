"""Ticks of the past, a year of them at a time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from alert_service.domain.backtest import PastTick
from alert_service.repository.rows import Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BacktestRows(Rows):
    """`ticks`, for back-tests."""

    def past_ticks(
        self, currency: str, since: datetime, *, window: timedelta, count: int
    ) -> list[PastTick]:
        """Return all ticks since a time that may trigger, and those that the last before needs.

        These are the last `count` that were `window` or more before it, and all from then on.
        """
        # One text for all of them: as rows, a year takes ten times the work to read.
        lines = self._run(
            "WITH priced AS NOT MATERIALIZED (SELECT sequence, slot, prices ->> :currency AS price "
            "  FROM ticks WHERE may_trigger AND prices ->> :currency IS NOT NULL) "
            "SELECT string_agg(concat_ws(' ', sequence, "
            "CAST(extract(epoch FROM slot) * 1000000 AS bigint), price), E'\\n' ORDER BY sequence) "
            "FROM priced WHERE sequence >= coalesce((SELECT min(sequence) FROM ("
            "  SELECT sequence FROM priced WHERE slot <= ("
            "    SELECT slot FROM priced WHERE slot <= :since ORDER BY slot DESC LIMIT 1"
            "  ) - CAST(:window AS interval) ORDER BY slot DESC, sequence DESC LIMIT :count"
            ") AS needed), 0)",
            currency=currency,
            since=since,
            window=window,
            count=count,
        ).scalar_one()
        return [_tick(*line.split(" ")) for line in lines.split("\n")] if lines else []

    def last_slot(self) -> datetime | None:
        """Return the slot of the last tick, whether it was allowed to trigger or not."""
        slot: datetime | None = self._run(
            "SELECT slot FROM ticks ORDER BY sequence DESC LIMIT 1"
        ).scalar()
        return slot


def _tick(sequence: str, microseconds: str, price: str) -> PastTick:
    slot = _EPOCH + timedelta(microseconds=int(microseconds))
    return PastTick(int(sequence), slot, Decimal(price))
