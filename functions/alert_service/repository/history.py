"""The history of triggers."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from alert_service.domain.lifecycle import Alert
from alert_service.domain.series import Reading, StoredTick
from alert_service.domain.triggers import HistoryEntry
from alert_service.repository.engine import TICK, tick_of
from alert_service.repository.rows import Rows
from goldalert.events.alerts import Trigger
from goldalert.money import Currency
from goldalert.units import Karat, Unit


class HistoryRows(Rows):
    """`alert_history`."""

    def add_triggers(
        self,
        fired: Sequence[tuple[Alert, Trigger]],
        *,
        tick_id: UUID,
        before: Reading | None,
        after: Reading,
        now: datetime,
    ) -> set[UUID]:
        """Add triggers of one tick on one series; return the ids of those that are no repetition.

        Each is stored with the rule as it is now: an entry explains itself after later edits, too.
        """
        if not fired:
            return set()
        added = self._run(
            "INSERT INTO alert_history (id, alert_id, user_id, tick_id, triggered_at, version, "
            'alert_type, threshold, upper, "window", trail_percent, period, currency, unit, karat, '
            "value, value_before, sequence_before, value_after, reference, reference_sequence) "
            "SELECT id, alert_id, user_id, :tick_id, :now, version, alert_type, threshold, upper, "
            '"window", trail_percent, period, currency, unit, karat, value, '
            "CAST(:before AS numeric), CAST(:sequence_before AS bigint), :after, "
            "CAST(:reference AS numeric), CAST(:reference_sequence AS bigint) "
            "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, alert_id uuid, "
            "user_id uuid, version integer, alert_type text, threshold numeric, upper numeric, "
            '"window" text, trail_percent numeric, period smallint, currency text, unit text, '
            "karat smallint, value numeric) "
            "ON CONFLICT (alert_id, tick_id) DO NOTHING RETURNING id",
            tick_id=tick_id,
            now=now,
            before=before and before.value,
            sequence_before=before and before.sequence,
            after=after.value,
            reference=after.reference,
            reference_sequence=after.reference_sequence,
            rows=json.dumps([_columns(alert, trigger) for alert, trigger in fired], default=str),
        )
        return set(added.scalars())

    def triggers(
        self, user_id: UUID, *, alert_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[HistoryEntry]:
        """Return the user's triggers, newest first; `before` as for `alerts`."""
        # a plan for what may be null could not go by the alert, nor begin at the page
        rows = self._run(
            "SELECT * FROM alert_history WHERE user_id = :user_id "  # noqa: S608 - constants
            f"{'' if alert_id is None else 'AND alert_id = :alert_id '}"
            f"{'' if before is None else 'AND id < :before '}"
            "ORDER BY id DESC LIMIT :limit",
            user_id=user_id,
            limit=limit,
            **{} if alert_id is None else {"alert_id": alert_id},
            **{} if before is None else {"before": before},
        ).all()
        ticks = self._ticks(rows)
        return [_entry(row, ticks) for row in rows]

    def _ticks(self, rows: Sequence[Row[Any]]) -> dict[UUID | int, StoredTick]:
        """Return the ticks of triggers, by id and by sequence: many triggers share one."""
        sequences = {row.sequence_before for row in rows} | {row.reference_sequence for row in rows}
        found = self._run(
            f"SELECT {TICK} FROM ticks t WHERE tick_id = ANY(CAST(:ids AS uuid[])) "  # noqa: S608 - a constant
            "OR sequence = ANY(CAST(:sequences AS bigint[]))",
            ids=list({row.tick_id for row in rows}),
            sequences=list(sequences - {None}),
        )
        ticks: dict[UUID | int, StoredTick] = {}
        for tick in map(tick_of, found):
            ticks[tick.tick.tick_id] = ticks[tick.sequence] = tick
        return ticks


def _columns(alert: Alert, trigger: Trigger) -> dict[str, object]:
    rule = alert.rule
    return {
        "id": trigger.trigger_id,
        "alert_id": alert.id,
        "user_id": alert.user_id,
        "version": alert.version,
        "alert_type": rule.alert_type,
        "threshold": rule.threshold,
        "upper": rule.upper,
        "window": rule.window,
        "trail_percent": rule.trail_percent,
        "period": rule.period,
        "currency": rule.currency,
        "unit": rule.unit,
        "karat": int(rule.karat),
        "value": trigger.price,
    }


def _entry(row: Row[Any], ticks: dict[UUID | int, StoredTick]) -> HistoryEntry:
    return HistoryEntry(
        id=row.id,
        alert_id=row.alert_id,
        triggered_at=row.triggered_at,
        version=row.version,
        alert_type=row.alert_type,
        threshold=row.threshold,
        upper=row.upper,
        window=row.window,
        trail_percent=row.trail_percent,
        period=row.period,
        currency=Currency(row.currency),
        unit=Unit(row.unit),
        karat=Karat(row.karat),
        price=row.value,
        value_before=row.value_before,
        value_after=row.value_after,
        reference=row.reference,
        tick_before=ticks.get(row.sequence_before),
        tick=ticks.get(row.tick_id),
        reference_tick=ticks.get(row.reference_sequence),
    )
