"""All SQL of the price service."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, TypeAdapter
from sqlalchemy import Connection, Row, text

from goldalert.ids import new_id
from goldalert.money import Currency
from price_service.domain.candles import Candle, Interval
from price_service.domain.conversion import prices_by_currency
from price_service.domain.health import SourceHealth
from price_service.domain.model import (
    Exchange,
    HistoryEntry,
    Rate,
    Reason,
    RecordedPrice,
    StoredTick,
    Tick,
    TickReason,
    Verdict,
)


def _with_upstream(verdict: dict[str, object]) -> dict[str, object]:
    """Read what ticks of a version before called `group`, too."""
    return {"upstream": verdict.get("group"), **verdict}


_VERDICTS = TypeAdapter(tuple[Annotated[Verdict, BeforeValidator(_with_upstream)], ...])
_CANDLES = TypeAdapter(list[Candle])
_RATES = TypeAdapter(dict[Currency, Rate])
_HEALTH = TypeAdapter(tuple[SourceHealth, ...])

_TICK = (
    "SELECT id, sequence, timestamp, origin, state, reason, price, as_of, candidate, counted, "
    "agreeing, spread_bps, quotes, exchange_rates FROM prices"
)

_REMOVE_OLD_ROWS = (
    "DELETE FROM price_history WHERE id IN (SELECT id FROM price_history "
    "WHERE interval = 'tick' AND changed_at < :before ORDER BY changed_at LIMIT :limit)",
    # after their history: as many of the oldest entries are gone, so that none refers to these
    "DELETE FROM prices WHERE id IN (SELECT id FROM prices "
    "WHERE timestamp < :before ORDER BY timestamp LIMIT :limit)",
    "DELETE FROM exchange_rates WHERE (currency, as_of, source) IN ("
    "SELECT currency, as_of, source FROM exchange_rates old WHERE as_of < CAST(:before AS date) "
    "AND EXISTS (SELECT FROM exchange_rates newer "
    "WHERE newer.currency = old.currency AND newer.as_of > old.as_of) LIMIT :limit)",
    # five minutes: what was in no partition of its month
    "DELETE FROM candles_5m_other WHERE (currency, start) IN ("
    "SELECT currency, start FROM candles_5m_other WHERE start < :before LIMIT :limit)",
    "DELETE FROM candles WHERE interval = '1h' AND (currency, start) IN ("
    "SELECT currency, start FROM candles WHERE interval = '1h' AND start < :hours_before "
    "LIMIT :limit)",
)


class Repository:
    """The tables of price_db, on one transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_ticks(self) -> None:
        """Wait until no other transaction is adding a tick; sequences have no gaps."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('ticks'))"))

    def last_ticks(self, limit: int) -> list[StoredTick]:
        """Return the newest ticks, newest first."""
        rows = self._connection.execute(
            text(f"{_TICK} ORDER BY sequence DESC LIMIT :limit"), {"limit": limit}
        )
        return [_stored_tick(row) for row in rows]

    def last_tick(self) -> StoredTick | None:
        return next(iter(self.last_ticks(1)), None)

    def tick(self, tick_id: UUID) -> StoredTick | None:
        row = self._connection.execute(text(f"{_TICK} WHERE id = :id"), {"id": tick_id}).first()
        return None if row is None else _stored_tick(row)

    def last_tick_at(self, moment: datetime) -> StoredTick | None:
        """Return the last tick at or before a moment."""
        row = self._connection.execute(
            text(f"{_TICK} WHERE timestamp <= :moment ORDER BY timestamp DESC LIMIT 1"),
            {"moment": moment},
        ).first()
        return None if row is None else _stored_tick(row)

    def slots_since(self, moment: datetime) -> list[datetime]:
        """Return the slots of the ticks from a moment on, oldest first."""
        return list(
            self._connection.execute(
                text("SELECT timestamp FROM prices WHERE timestamp >= :moment ORDER BY timestamp"),
                {"moment": moment},
            ).scalars()
        )

    def add_tick(self, stored: StoredTick) -> None:
        tick = stored.tick
        self._connection.execute(
            text(
                "INSERT INTO prices (id, sequence, timestamp, origin, state, reason, price, as_of, "
                "candidate, counted, agreeing, spread_bps, quotes, exchange_rates) "
                "VALUES (:id, :sequence, :slot, :origin, :state, :reason, :price, :as_of, "
                ":candidate, :counted, :agreeing, :spread_bps, CAST(:quotes AS jsonb), "
                "CAST(:exchange_rates AS jsonb))"
            ),
            {
                "id": stored.id,
                "sequence": stored.sequence,
                "slot": tick.slot,
                "origin": tick.origin,
                "state": tick.state,
                "reason": tick.reason,
                "price": tick.price,
                "as_of": tick.as_of,
                "candidate": tick.candidate,
                "counted": tick.counted,
                "agreeing": tick.agreeing,
                "spread_bps": tick.spread_bps,
                "quotes": _VERDICTS.dump_json(tick.verdicts).decode(),
                "exchange_rates": _RATES.dump_json(
                    {rate.currency: rate for rate in stored.rates}
                ).decode(),
            },
        )

    def add_change(self, stored: StoredTick, old_value: Decimal | None) -> None:
        """Note in the history that a tick has changed the price."""
        self._connection.execute(
            text(
                "INSERT INTO price_history "
                "(id, price_id, old_value, new_value, changed_at, source, interval) "
                "VALUES (:id, :price_id, :old_value, :new_value, :changed_at, :source, 'tick')"
            ),
            {
                "id": new_id(),
                "price_id": stored.id,
                "old_value": old_value,
                "new_value": stored.tick.price,
                "changed_at": stored.tick.slot,
                "source": stored.tick.origin,
            },
        )

    def add_to_candles(self, stored: StoredTick) -> None:
        """Make a tick's price part of the candles of its time, in all currencies and lengths.

        Ticks are stored in the order of their slots, so that the last one added closes a candle.
        """
        tick = stored.tick
        if tick.price is None:
            return
        prices = prices_by_currency(tick.price, stored.rates)
        self._connection.execute(
            text(
                "INSERT INTO candles "
                "(currency, interval, start, open, high, low, close, ticks, origin) "
                "SELECT currency, interval, start, price, price, price, price, 1, :origin "
                "FROM unnest(CAST(:currencies AS text[]), CAST(:prices AS numeric[])) "
                "AS p(currency, price) "
                "CROSS JOIN unnest(CAST(:intervals AS text[]), CAST(:starts AS timestamptz[])) "
                "AS i(interval, start) "
                "ON CONFLICT (currency, interval, start) DO UPDATE SET "
                "high = GREATEST(candles.high, EXCLUDED.high), "
                "low = LEAST(candles.low, EXCLUDED.low), "
                "close = EXCLUDED.close, "
                "ticks = candles.ticks + 1, "
                # that of the least real price: see Origin
                "origin = GREATEST(candles.origin, EXCLUDED.origin)"
            ),
            {
                "origin": tick.origin,
                "currencies": list(prices),
                "prices": list(prices.values()),
                "intervals": list(Interval),
                "starts": [interval.start_of(tick.slot) for interval in Interval],
            },
        )

    def candles(
        self,
        currency: Currency,
        interval: Interval,
        *,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> list[Candle]:
        """Return candles per troy ounce of pure gold, oldest first.

        Args:
            since: the earliest start.
            until: the start that is too late.
            limit: how many at most; where there are more, the newest ones.
        """
        found = self._connection.execute(
            text(
                # as one value: the driver takes longer for each of thousands than for all of this
                "SELECT COALESCE(CAST(json_agg(candle ORDER BY start) AS text), '[]') FROM ("
                "SELECT start, CAST(open AS text), CAST(high AS text), CAST(low AS text), "
                "CAST(close AS text), ticks, origin FROM candles "
                "WHERE currency = :currency AND interval = :interval "
                "AND start >= COALESCE(CAST(:since AS timestamptz), '-infinity') "
                "AND start < COALESCE(CAST(:until AS timestamptz), 'infinity') "
                "ORDER BY start DESC LIMIT :limit) AS candle"
            ),
            {
                "currency": currency,
                "interval": interval,
                "since": since,
                "until": until,
                "limit": limit,
            },
        ).scalar_one()
        return _CANDLES.validate_json(found)

    def add_months(self, months: Sequence[RecordedPrice], source: str) -> int:
        """Add monthly averages, but those that are there; return how many are new."""
        return self._connection.execute(
            text(
                "INSERT INTO price_history "
                "(id, old_value, new_value, changed_at, source, interval) "
                "SELECT id, lag(price) OVER (ORDER BY month), price, month, :source, '1mo' "
                "FROM unnest(CAST(:ids AS uuid[]), CAST(:months AS timestamptz[]), "
                "CAST(:prices AS numeric[])) AS r(id, month, price) "
                "ON CONFLICT (source, interval, changed_at) DO NOTHING"
            ),
            {
                "source": source,
                "ids": [new_id() for _ in months],
                "months": [month.slot for month in months],
                "prices": [month.price for month in months],
            },
        ).rowcount

    def last_known_price(self) -> Decimal | None:
        """Return the newest price of the history, of whatever source."""
        return self._connection.execute(
            text("SELECT new_value FROM price_history ORDER BY changed_at DESC, id DESC LIMIT 1")
        ).scalar()

    def history(
        self,
        currency: Currency,
        *,
        since: datetime | None,
        until: datetime | None,
        after: UUID | None,
        limit: int,
    ) -> list[HistoryEntry]:
        """Return prices per troy ounce, newest first.

        In another currency than USD those only that there was an exchange rate for.

        Args:
            since: the earliest `changed_at`.
            until: the `changed_at` that is too late.
            after: the entry after which the page begins.
        """
        rows = self._connection.execute(
            text(
                "SELECT * FROM (SELECT h.id, h.changed_at, h.new_value * CASE "
                "  WHEN CAST(:currency AS text) = 'USD' THEN 1 "
                "  ELSE CAST(p.exchange_rates -> :currency ->> 'per_usd' AS numeric) END AS price, "
                "  h.source, h.interval "
                "  FROM price_history h LEFT JOIN prices p ON p.id = h.price_id "
                "  WHERE h.changed_at >= COALESCE(CAST(:since AS timestamptz), '-infinity') "
                "  AND h.changed_at < COALESCE(CAST(:until AS timestamptz), 'infinity') "
                # one comparison, so that the index finds where a page begins, however far back
                "  AND (h.changed_at, h.id) < (CASE WHEN CAST(:after AS uuid) IS NULL "
                "    THEN 'infinity' ELSE "
                "    (SELECT changed_at FROM price_history WHERE id = :after) END, "
                "    COALESCE(:after, CAST(repeat('f', 32) AS uuid)))) AS entry "
                "WHERE price IS NOT NULL ORDER BY changed_at DESC, id DESC LIMIT :limit"
            ),
            {
                "currency": currency,
                "since": since,
                "until": until,
                "after": after,
                "limit": limit,
            },
        )
        return [HistoryEntry(*row) for row in rows]

    def exchanges(self) -> list[Exchange]:
        """Return all sources, the most important first."""
        rows = self._connection.execute(
            text(
                "SELECT id, name, region, api_url, adapter, upstream, priority, enabled "
                "FROM exchanges ORDER BY priority, id"
            )
        )
        return [Exchange(*row) for row in rows]

    def lock_exchanges(self) -> None:
        """Wait until no other transaction is changing the sources."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('exchanges'))"))

    def add_exchange(self, exchange: Exchange) -> None:
        self._connection.execute(
            text(
                "INSERT INTO exchanges "
                "(id, name, region, api_url, adapter, upstream, priority, enabled) VALUES "
                "(:id, :name, :region, :api_url, :adapter, :upstream, :priority, :enabled)"
            ),
            asdict(exchange),
        )

    def save_exchange(self, exchange: Exchange) -> None:
        self._connection.execute(
            text(
                "UPDATE exchanges SET name = :name, region = :region, api_url = :api_url, "
                "adapter = :adapter, upstream = :upstream, priority = :priority, "
                "enabled = :enabled WHERE id = :id"
            ),
            asdict(exchange),
        )

    def delete_exchange(self, exchange_id: UUID) -> None:
        self._connection.execute(text("DELETE FROM exchanges WHERE id = :id"), {"id": exchange_id})

    def latest_rates(self) -> list[Rate]:
        """Return the newest rate of each currency."""
        rows = self._connection.execute(
            text(
                "SELECT DISTINCT ON (currency) currency, per_usd, source, as_of "
                "FROM exchange_rates ORDER BY currency, as_of DESC, fetched_at DESC"
            )
        )
        return [Rate(Currency(row.currency), row.per_usd, row.source, row.as_of) for row in rows]

    def rates_fetched_at(self) -> datetime | None:
        """Return when exchange rates were last got."""
        return self._connection.execute(text("SELECT max(fetched_at) FROM exchange_rates")).scalar()

    def add_rates(self, rates: Iterable[Rate], fetched_at: datetime) -> None:
        for rate in rates:
            self._connection.execute(
                text(
                    "INSERT INTO exchange_rates (currency, as_of, source, per_usd, fetched_at) "
                    "VALUES (:currency, :as_of, :source, :per_usd, :fetched_at) "
                    "ON CONFLICT (currency, as_of, source) DO UPDATE "
                    "SET per_usd = EXCLUDED.per_usd, fetched_at = EXCLUDED.fetched_at"
                ),
                {
                    "currency": rate.currency,
                    "as_of": rate.as_of,
                    "source": rate.source,
                    "per_usd": rate.per_usd,
                    "fetched_at": fetched_at,
                },
            )

    def remove_old_rows(self, *, before: datetime, hours_before: datetime, limit: int) -> int:
        """Remove ticks, their history, exchange rates and candles; return how many rows.

        Monthly averages stay, candles of a day or longer, and the newest rate of each currency.
        Of each table at most `limit` rows go.
        """
        return sum(
            self._connection.execute(
                text(statement), {"before": before, "hours_before": hours_before, "limit": limit}
            ).rowcount
            for statement in _REMOVE_OLD_ROWS
        )

    def keep_candle_partitions(self, kept: timedelta) -> None:
        """Make the partitions that candles of five minutes need, and drop those that are too old.

        Both are counted from the newest tick.
        """
        self._connection.execute(text("SELECT keep_candle_partitions(:days)"), {"days": kept.days})

    def health(self) -> list[SourceHealth]:
        """Return how the price sources have done, the most important first."""
        rows = self._connection.execute(
            text(
                "SELECT h.source, h.reason, h.failures, h.outside, h.clean, h.quarantined_since, "
                "h.last_quote_at FROM source_health h JOIN exchanges e ON e.name = h.source "
                "ORDER BY e.priority, e.id"
            )
        )
        return [SourceHealth(row.source, Reason(row.reason), *row[2:]) for row in rows]

    def save_health(self, health: Iterable[SourceHealth]) -> None:
        """Keep how sources have done, but for those that are no exchange (any more)."""
        self._connection.execute(
            text(
                "INSERT INTO source_health (source, reason, failures, outside, clean, "
                "quarantined_since, last_quote_at) "
                "SELECT h.* FROM jsonb_to_recordset(CAST(:health AS jsonb)) AS h ("
                "  source text, reason text, failures integer, outside integer, clean integer, "
                "  quarantined_since timestamptz, last_quote_at timestamptz) "
                "JOIN exchanges e ON e.name = h.source ORDER BY h.source FOR KEY SHARE OF e "
                "ON CONFLICT (source) DO UPDATE SET reason = EXCLUDED.reason, "
                "failures = EXCLUDED.failures, outside = EXCLUDED.outside, clean = EXCLUDED.clean, "
                "quarantined_since = EXCLUDED.quarantined_since, "
                "last_quote_at = EXCLUDED.last_quote_at"
            ),
            {"health": _HEALTH.dump_json(tuple(health)).decode()},
        )


def _stored_tick(row: Row[tuple[object, ...]]) -> StoredTick:
    return StoredTick(
        row.id,
        row.sequence,
        Tick(
            slot=row.timestamp,
            origin=row.origin,
            state=row.state,
            reason=TickReason(row.reason),
            price=row.price,
            as_of=row.as_of,
            candidate=row.candidate,
            counted=row.counted,
            agreeing=row.agreeing,
            spread_bps=row.spread_bps,
            verdicts=_VERDICTS.validate_python(row.quotes),
        ),
        tuple(_RATES.validate_python(row.exchange_rates).values()),
    )
