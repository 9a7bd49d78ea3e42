"""The history of triggers."""
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


class HistoryRows(Rows):
    """`alert_history`."""

    # --- history ---

    def add_triggers(
        self,
        triggers: Sequence[Trigger],
        *,
        tick_id: UUID,
        before: Decimal | None,
        after: Decimal,
        now: datetime,
    ) -> set[UUID]:
        """Add triggers of one tick; return the ids of those that are not repetitions."""
        if not triggers:
            return set()
        added = self._run(
            "INSERT INTO alert_history (id, alert_id, user_id, tick_id, triggered_at, value, "
            "price_before, price_after, alert_type, threshold, currency, unit, karat) "
            "SELECT t.trigger_id, t.alert_id, t.user_id, :tick_id, :now, t.price, "
            "CAST(:before AS numeric), CAST(:after AS numeric), t.alert_type, t.threshold, "
            "t.currency, t.unit, t.karat "
            "FROM jsonb_to_recordset(CAST(:triggers AS jsonb)) AS t(trigger_id uuid, "
            "alert_id uuid, user_id uuid, price numeric, alert_type text, threshold numeric, "
            "currency text, unit text, karat smallint) "
            "ON CONFLICT (alert_id, tick_id) DO NOTHING RETURNING id",
            tick_id=tick_id,
            now=now,
            before=before,
            after=after,
            triggers=json.dumps(
                [t.model_dump(mode="json", exclude={"note", "channels"}) for t in triggers]
            ),
        )
        return set(added.scalars())

    def triggers(
        self, user_id: UUID, *, alert_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[HistoryEntry]:
        """Return the user's triggers, newest first; `before` as for `alerts`."""
        rows = self._run(
            "SELECT h.id, h.alert_id, h.triggered_at, h.alert_type, h.threshold, h.currency, "
            "h.unit, h.karat, h.value AS price, h.price_before, h.price_after, t.facts "
            "FROM alert_history h JOIN ticks t USING (tick_id) WHERE h.user_id = :user_id "
            "AND (CAST(:alert_id AS uuid) IS NULL OR h.alert_id = CAST(:alert_id AS uuid)) "
            "AND (CAST(:before AS uuid) IS NULL OR h.id < CAST(:before AS uuid)) "
            "ORDER BY h.id DESC LIMIT :limit",
            user_id=user_id,
            alert_id=alert_id,
            before=before,
            limit=limit,
        ).all()
        return [_history_entry(row) for row in rows]


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
