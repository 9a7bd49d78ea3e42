"""Ticks, series and armed levels: what the engine works with."""
# ruff: noqa: S608 - what is formatted into statements are constants of this file

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Row, text

from alert_service.config import GAP_DEADLINE, LEASE
from alert_service.domain import Alert, Crossing, HistoryEntry, Kind, Rule, Series, StoredTick
from goldalert.events.alerts import Trigger
from goldalert.events.prices import Tick
from goldalert.money import Currency
from goldalert.units import Karat, Unit

_ALERT = (
    "a.id, a.user_id, a.alert_type, a.threshold, a.currency, a.unit, a.karat, a.if_already_true, "
    "a.expires_at, a.state, a.note, a.channels, a.created_at, a.updated_at, a.triggered_at"
)

_SERIES = "name, price, price_sequence, applied_sequence, pending_price"

# One bounded range, in the order of the index. Never both directions in one condition: an OR reads
# the whole table. The lower bound keeps the scan off the dead entries of levels claimed before.
_CROSSED = {
    "up": "series = :series AND direction = 'up' "
    "AND level > CAST(:low AS numeric) AND level <= CAST(:high AS numeric) "
    "AND armed_after < :sequence AND kind = ANY(CAST(:kinds AS text[]))",
    "down": "series = :series AND direction = 'down' "
    "AND level >= CAST(:low AS numeric) AND level < CAST(:high AS numeric) "
    "AND armed_after < :sequence AND kind = ANY(CAST(:kinds AS text[]))",
}


class EngineRows(Rows):
    """`ticks`, `series`, `thresholds` and `skipped_ticks`."""

    # --- ticks and series ---

    def add_tick(self, tick: StoredTick) -> UUID:
        """Store a tick; return the id of the tick that has this sequence."""
        self._run(
            "INSERT INTO ticks (sequence, tick_id, series_values, facts, correlation_id) VALUES "
            "(:sequence, :tick_id, CAST(:values AS jsonb), CAST(:facts AS jsonb), "
            ":correlation_id) ON CONFLICT (sequence) DO NOTHING",
            sequence=tick.sequence,
            tick_id=tick.tick.tick_id,
            values=json.dumps({name: str(value) for name, value in tick.values.items()}),
            facts=tick.tick.model_dump_json(),
            correlation_id=tick.correlation_id,
        )
        return UUID(
            str(
                self._run(
                    "SELECT tick_id FROM ticks WHERE sequence = :sequence", sequence=tick.sequence
                ).scalar_one()
            )
        )

    def tick(self, sequence: int) -> StoredTick | None:
        row = self._run(
            "SELECT facts, series_values, correlation_id FROM ticks WHERE sequence = :sequence",
            sequence=sequence,
        ).first()
        if row is None:
            return None
        return StoredTick(
            Tick.model_validate(row.facts),
            {name: Decimal(value) for name, value in row.series_values.items()},
            row.correlation_id,
        )

    def overdue_tick(self, missing: int) -> int | None:
        """Return the first tick after a missing one, if it has waited until the deadline."""
        return self._run(
            "SELECT sequence FROM (SELECT sequence, stored_at FROM ticks "
            "  WHERE sequence > :missing ORDER BY sequence LIMIT 1) AS waiting "
            "WHERE stored_at <= now() - CAST(:deadline AS interval)",
            missing=missing,
            deadline=GAP_DEADLINE,
        ).scalar()

    def add_skipped_ticks(self, series: str, first: int, last: int) -> None:
        self._run(
            "INSERT INTO skipped_ticks (series, first_sequence, last_sequence) "
            "VALUES (:series, :first, :last)",
            series=series,
            first=first,
            last=last,
        )

    def add_series(self, names: Sequence[str]) -> None:
        """Add the series that are new. They begin where the slowest of the others is: no tick that
        was applied before said anything about them.
        """
        self._run(
            "INSERT INTO series (name, applied_sequence) "
            "SELECT new.name, (SELECT coalesce(min(applied_sequence), 0) FROM series) "
            "FROM unnest(CAST(:names AS text[])) AS new(name) ON CONFLICT DO NOTHING",
            names=list(names),
        )

    def series_behind(self) -> Sequence[str]:
        """Return the series that not every stored tick has been applied to."""
        return list(
            self._run(
                "SELECT name FROM series "
                "WHERE applied_sequence < (SELECT max(sequence) FROM ticks) ORDER BY name"
            ).scalars()
        )

    def share_series(self, name: str) -> Series:
        """Return a series on which no tick begins or ends until this transaction does."""
        row = self._share_series(name)
        if row is None:
            self.add_series([name])
            row = self._share_series(name)
        if row is None:
            raise LookupError(name)
        return _series(row)

    def _share_series(self, name: str) -> Row[Any] | None:
        return self._run(
            f"SELECT {_SERIES} FROM series WHERE name = :name FOR SHARE", name=name
        ).first()

    def lock_series(self, name: str, worker: UUID) -> Series | None:
        """Return a series, locked; None when it is leased to another worker."""
        row = self._run(
            f"SELECT {_SERIES} FROM series WHERE name = :name AND (leased_by IS NULL "
            "OR leased_by = :worker OR leased_until < clock_timestamp()) FOR NO KEY UPDATE",
            name=name,
            worker=worker,
        ).first()
        return None if row is None else _series(row)

    def save_series(self, series: Series, *, lease_to: UUID | None) -> None:
        self._run(
            "UPDATE series SET price = :price, price_sequence = :price_sequence, "
            "applied_sequence = :applied_sequence, pending_price = :pending_price, "
            "leased_by = CAST(:lease_to AS uuid), leased_until = CASE "
            "WHEN CAST(:lease_to AS uuid) IS NOT NULL "
            "THEN clock_timestamp() + CAST(:lease AS interval) END WHERE name = :name",
            name=series.name,
            price=series.price,
            price_sequence=series.price_sequence,
            applied_sequence=series.applied_sequence,
            pending_price=series.pending_price,
            lease_to=lease_to,
            lease=LEASE,
        )

    def share_lease(self, name: str, worker: UUID) -> bool:
        """Say whether a worker has the lease, which it then keeps until the transaction ends."""
        held = self._run(
            "SELECT 1 FROM series WHERE name = :name AND leased_by = :worker FOR SHARE",
            name=name,
            worker=worker,
        )
        return held.first() is not None

    def release_lease(self, name: str, worker: UUID) -> None:
        self._run(
            "UPDATE series SET leased_by = NULL, leased_until = NULL "
            "WHERE name = :name AND leased_by = :worker",
            name=name,
            worker=worker,
        )

    # --- the claim ---

    def any_crossed(self, series: str, crossing: Crossing, sequence: int) -> bool:
        """Say whether an armed level lies in a range that a tick crosses."""
        return bool(
            self._run(
                f"SELECT EXISTS (SELECT 1 FROM thresholds WHERE {_CROSSED[crossing.direction]})",
                **_range(series, crossing, sequence),
            ).scalar_one()
        )

    def claim(
        self, series: str, crossing: Crossing, tick: StoredTick, *, now: datetime, limit: int
    ) -> Sequence[Alert]:
        """Disarm up to `limit` alerts in a range, and return them: triggered, or expired before.

        SKIP LOCKED only passes by what a user is changing. Nothing is lost by it: one worker claims
        at a time, and looks for what is left with the series locked before the price moves on.
        """
        rows = self._run(
            # levels are never updated, so that a row's place in the table is good for a statement
            "WITH claimed AS (DELETE FROM thresholds WHERE ctid = ANY(ARRAY("
            f"  SELECT ctid FROM thresholds WHERE {_CROSSED[crossing.direction]} "
            "  LIMIT :limit FOR UPDATE SKIP LOCKED)) RETURNING alert_id) "
            "UPDATE alerts a SET "
            "state = CASE WHEN a.expires_at <= :slot THEN 'expired' ELSE 'triggered' END, "
            "triggered_at = CASE WHEN a.expires_at <= :slot THEN a.triggered_at ELSE :now END "
            f"FROM claimed WHERE a.id = claimed.alert_id RETURNING {_ALERT}",
            **_range(series, crossing, tick.sequence),
            slot=tick.tick.slot,
            now=now,
            limit=limit,
        ).all()
        return [_alert(row) for row in rows]


def _range(series: str, crossing: Crossing, sequence: int) -> dict[str, object]:
    return {
        "series": series,
        "low": crossing.low,
        "high": crossing.high,
        "kinds": list(crossing.kinds),
        "sequence": sequence,
    }


def _columns(alert: Alert) -> dict[str, object]:
    rule = alert.rule
    return {
        "id": alert.id,
        "alert_type": rule.alert_type,
        "threshold": rule.threshold,
        "currency": str(rule.currency),
        "unit": str(rule.unit),
        "karat": int(rule.karat),
        "if_already_true": rule.if_already_true,
        "expires_at": rule.expires_at,
        "state": alert.state,
        "note": alert.note,
        "channels": list(alert.channels),
        "updated_at": alert.updated_at,
    }


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id,
        user_id=row.user_id,
        rule=Rule(
            alert_type=row.alert_type,
            threshold=row.threshold,
            currency=Currency(row.currency),
            unit=Unit(row.unit),
            karat=Karat(row.karat),
            if_already_true=row.if_already_true,
            expires_at=row.expires_at,
        ),
        state=row.state,
        note=row.note,
        channels=row.channels,
        created_at=row.created_at,
        updated_at=row.updated_at,
        triggered_at=row.triggered_at,
    )


def _series(row: Row[Any]) -> Series:
    return Series(**row._mapping)


def _history_entry(row: Row[Any]) -> HistoryEntry:
    return HistoryEntry(
        id=row.id,
        alert_id=row.alert_id,
        triggered_at=row.triggered_at,
        alert_type=row.alert_type,
        threshold=row.threshold,
        currency=Currency(row.currency),
        unit=Unit(row.unit),
        karat=Karat(row.karat),
        price=row.price,
        price_before=row.price_before,
        price_after=row.price_after,
        tick=Tick.model_validate(row.facts),
    )
