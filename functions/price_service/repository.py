"""All SQL of the price service."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, text

from goldalert.ids import new_id
from goldalert.money import Currency
from price_service.domain.model import (
    Exchange,
    HistoryEntry,
    Rate,
    RecordedPrice,
    StoredTick,
    Tick,
    TickReason,
    Verdict,
)

_VERDICTS = TypeAdapter(tuple[Verdict, ...])
_RATES = TypeAdapter(dict[Currency, Rate])

_TICK = (
    "SELECT id, sequence, timestamp, origin, state, reason, price, as_of, candidate, counted, "
    "agreeing, spread_bps, quotes, exchange_rates FROM prices"
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
                "  AND (CAST(:after AS uuid) IS NULL OR (h.changed_at, h.id) < "
                "    (SELECT changed_at, id FROM price_history WHERE id = :after))) AS entry "
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
