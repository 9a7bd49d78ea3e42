"""Alerts, as their owners see them."""
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


class AlertRows(Rows):
    """`alerts` and `idempotency_keys`."""

    # --- alerts ---

    def lock_user(self, user_id: UUID) -> None:
        """Let one change at a time be made to a user's alerts, until this transaction ends.

        An erasure is one, too: `goldalert.messaging.erasure` takes the same lock.
        """
        self._run(
            "SELECT pg_advisory_xact_lock(hashtextextended(CAST(:user_id AS text), 0))",
            user_id=str(user_id),
        )

    def count_active(self, user_id: UUID, now: datetime) -> int:
        return int(
            self._run(
                "SELECT count(*) FROM alerts WHERE user_id = :user_id AND active "
                "AND (expires_at IS NULL OR expires_at > :now)",
                user_id=user_id,
                now=now,
            ).scalar_one()
        )

    def add_alert(self, alert: Alert) -> None:
        self._run(
            "INSERT INTO alerts (id, user_id, alert_type, threshold, currency, unit, karat, "
            "if_already_true, expires_at, state, note, channels, created_at, updated_at) "
            "VALUES (:id, :user_id, :alert_type, :threshold, :currency, :unit, :karat, "
            ":if_already_true, :expires_at, :state, :note, CAST(:channels AS text[]), "
            ":created_at, :updated_at)",
            **_columns(alert),
            user_id=alert.user_id,
            created_at=alert.created_at,
        )

    def save_alert(self, alert: Alert) -> None:
        self._run(
            "UPDATE alerts SET alert_type = :alert_type, threshold = :threshold, "
            "currency = :currency, unit = :unit, karat = :karat, "
            "if_already_true = :if_already_true, expires_at = :expires_at, state = :state, "
            "note = :note, channels = CAST(:channels AS text[]), updated_at = :updated_at, "
            "triggered_at = :triggered_at WHERE id = :id",
            **_columns(alert),
            triggered_at=alert.triggered_at,
        )

    def delete_alert(self, alert_id: UUID) -> None:
        self._run("DELETE FROM alerts WHERE id = :id", id=alert_id)

    def alert(self, user_id: UUID, alert_id: UUID) -> Alert | None:
        row = self._run(
            f"SELECT {_ALERT} FROM alerts a WHERE a.id = :id AND a.user_id = :user_id",
            id=alert_id,
            user_id=user_id,
        ).first()
        return None if row is None else _alert(row)

    def lock_alert(self, user_id: UUID, alert_id: UUID) -> Alert | None:
        """Return an alert that no tick can fire until this transaction ends."""
        # the levels first, as the engine does: it claims them and then writes the alert
        self._run("SELECT 1 FROM thresholds WHERE alert_id = :id FOR UPDATE", id=alert_id)
        row = self._run(
            f"SELECT {_ALERT} FROM alerts a WHERE a.id = :id AND a.user_id = :user_id FOR UPDATE",
            id=alert_id,
            user_id=user_id,
        ).first()
        return None if row is None else _alert(row)

    def alerts(
        self, user_id: UUID, *, active: bool | None, now: datetime, before: UUID | None, limit: int
    ) -> Sequence[Alert]:
        """Return the user's alerts, newest first; given `before`, only those older than it."""
        rows = self._run(
            f"SELECT {_ALERT} FROM alerts a WHERE a.user_id = :user_id "
            "AND (CAST(:before AS uuid) IS NULL OR a.id < CAST(:before AS uuid)) "
            "AND (CAST(:active AS boolean) IS NULL OR CAST(:active AS boolean) = "
            "  (a.active AND (a.expires_at IS NULL OR a.expires_at > :now))) "
            "ORDER BY a.id DESC LIMIT :limit",
            user_id=user_id,
            before=before,
            active=active,
            now=now,
            limit=limit,
        ).all()
        return [_alert(row) for row in rows]

    def arm(self, alert: Alert, kind: Kind, armed_after: int) -> None:
        rule = alert.rule
        self._run(
            "INSERT INTO thresholds "
            "(alert_id, user_id, level, armed_after, series, direction, kind) "
            "VALUES (:alert_id, :user_id, :level, :armed_after, :series, :direction, :kind)",
            alert_id=alert.id,
            user_id=alert.user_id,
            level=rule.level,
            armed_after=armed_after,
            series=rule.series,
            direction=rule.direction,
            kind=kind,
        )

    def disarm(self, alert_id: UUID) -> None:
        self._run("DELETE FROM thresholds WHERE alert_id = :alert_id", alert_id=alert_id)

    def erase_user(self, user_id: UUID) -> None:
        """Delete whatever is a user's, whose lock is held.

        In the order in which everyone locks: a tick that has claimed a level of the user is waited
        for, and its history is then seen; one that comes later waits, and finds none.
        """
        of_user = "SELECT id FROM alerts WHERE user_id = :user_id"
        for statement in (
            "SELECT 1 FROM series WHERE name IN "
            f"(SELECT series FROM thresholds WHERE alert_id IN ({of_user})) "
            "ORDER BY name FOR SHARE",
            f"DELETE FROM thresholds WHERE alert_id IN ({of_user})",
            "DELETE FROM alert_history WHERE user_id = :user_id",
            "DELETE FROM alerts WHERE user_id = :user_id",
            "DELETE FROM idempotency_keys WHERE user_id = :user_id",
        ):
            self._run(statement, user_id=user_id)


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
