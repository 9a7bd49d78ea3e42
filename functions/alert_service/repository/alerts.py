"""Alerts, as their owners see them."""
# ruff: noqa: S608 - what is formatted into statements are constants of this file

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from alert_service.domain.lifecycle import Alert
from alert_service.domain.rules import RULE_FIELDS, Rule
from alert_service.domain.standing import AlertWithLevels, ArmedLevels, DatedReading
from alert_service.repository.rows import Rows
from goldalert.money import Currency
from goldalert.units import Karat, Unit

_ENUMS = {"currency": Currency, "unit": Unit, "karat": Karat}
_FIXED = ("id", "user_id", "created_at")
_CHANGING = (
    *RULE_FIELDS, "version", "state", "due_at", "peak_since", "note", "channels", "updated_at",
    "triggered_at",
)  # fmt: skip

COLUMNS = ", ".join(f'a."{name}"' for name in (*_FIXED, *_CHANGING))
"""What `alert_of` needs of `alerts a`."""

_WITH_LEVELS = (
    f"{COLUMNS}, t.series, t.level_up, t.level_down "
    "FROM alerts a LEFT JOIN thresholds t ON t.alert_id = a.id"
)

_ACTIVE = "(a.active AND (a.expires_at IS NULL OR a.expires_at > :now))"


class AlertRows(Rows):
    """`alerts`, and what belongs to them."""

    def lock_user(self, user_id: UUID) -> None:
        """Let one change at a time be made to a user's alerts, until this transaction ends.

        An erasure is one, too: `goldalert.messaging.erasure` takes the same lock.
        """
        self._run(
            "SELECT pg_advisory_xact_lock(hashtextextended(CAST(:user_id AS text), 0))",
            user_id=str(user_id),
        )

    def count_alerts(self, user_id: UUID, now: datetime) -> tuple[int, int]:
        """Return how many alerts a user has, and how many of them are active."""
        row = self._run(
            f"SELECT count(*) AS total, count(*) FILTER (WHERE {_ACTIVE}) AS active FROM alerts a "
            "WHERE a.user_id = :user_id",
            user_id=user_id,
            now=now,
        ).one()
        return row.total, row.active

    def add_alert(self, alert: Alert) -> None:
        names = (*_FIXED, *_CHANGING)
        self._run(
            f"INSERT INTO alerts ({', '.join(map(_quoted, names))}) "
            f"VALUES ({', '.join(f':{name}' for name in names)})",
            **_columns(alert),
        )

    def save_alert(self, alert: Alert) -> None:
        self._run(
            f"UPDATE alerts SET {', '.join(f'{_quoted(name)} = :{name}' for name in _CHANGING)} "
            "WHERE id = :id",
            **_columns(alert),
        )

    def save_states(self, alerts: Sequence[Alert]) -> None:
        """Save what a step changes of alerts."""
        if not alerts:
            return
        self._run(
            "UPDATE alerts a SET state = s.state, due_at = s.due_at, triggered_at = s.triggered_at "
            "FROM jsonb_to_recordset(CAST(:states AS jsonb)) AS s(id uuid, state text, "
            "due_at timestamptz, triggered_at timestamptz) WHERE a.id = s.id",
            states=json.dumps(
                [
                    {
                        "id": alert.id,
                        "state": alert.state,
                        "due_at": alert.due_at,
                        "triggered_at": alert.triggered_at,
                    }
                    for alert in alerts
                ],
                default=str,
            ),
        )

    def delete_alert(self, alert_id: UUID) -> None:
        """Delete an alert with its levels and its history."""
        self._run("DELETE FROM alert_history WHERE alert_id = :id", id=alert_id)
        self._run("DELETE FROM alerts WHERE id = :id", id=alert_id)

    def alert(self, user_id: UUID, alert_id: UUID) -> Alert | None:
        row = self._run(
            f"SELECT {COLUMNS} FROM alerts a WHERE a.id = :id AND a.user_id = :user_id",
            id=alert_id,
            user_id=user_id,
        ).first()
        return None if row is None else alert_of(row)

    def lock_alert(self, user_id: UUID, alert_id: UUID) -> Alert | None:
        """Return an alert that no tick can fire until this transaction ends."""
        # the levels first, as the engine does: it claims them and then writes the alert
        self._run(
            "SELECT 1 FROM thresholds t JOIN alerts a ON a.id = t.alert_id "
            "WHERE t.alert_id = :id AND a.user_id = :user_id FOR UPDATE OF t",
            id=alert_id,
            user_id=user_id,
        )
        row = self._run(
            f"SELECT {COLUMNS} FROM alerts a WHERE a.id = :id AND a.user_id = :user_id FOR UPDATE",
            id=alert_id,
            user_id=user_id,
        ).first()
        return None if row is None else alert_of(row)

    def alert_with_levels(self, user_id: UUID, alert_id: UUID) -> AlertWithLevels | None:
        row = self._run(
            f"SELECT {_WITH_LEVELS} WHERE a.id = :id AND a.user_id = :user_id",
            id=alert_id,
            user_id=user_id,
        ).first()
        return None if row is None else _with_levels(row)

    def alerts(
        self,
        user_id: UUID,
        *,
        active: bool | None,
        now: datetime,
        before: UUID | None,
        limit: int | None,
    ) -> Sequence[AlertWithLevels]:
        """Return the user's alerts, newest first; given `before`, only those older than it."""
        rows = self._run(
            f"SELECT {_WITH_LEVELS} WHERE a.user_id = :user_id "
            "AND (CAST(:before AS uuid) IS NULL OR a.id < CAST(:before AS uuid)) "
            f"AND (CAST(:active AS boolean) IS NULL OR CAST(:active AS boolean) = {_ACTIVE}) "
            "ORDER BY a.id DESC LIMIT CAST(:limit AS bigint)",
            user_id=user_id,
            before=before,
            active=active,
            now=now,
            limit=limit,
        )
        return [_with_levels(row) for row in rows]

    def readings(self, alert_ids: Collection[UUID]) -> Mapping[UUID, DatedReading]:
        """Return where the series of alerts stand, of those that wait for a percentage."""
        if not alert_ids:
            return {}
        rows = self._run(
            "SELECT t.alert_id, s.value, s.reference, k.slot FROM thresholds t "
            "JOIN series s ON s.name = t.series JOIN ticks k ON k.sequence = s.value_sequence "
            "WHERE t.alert_id = ANY(CAST(:ids AS uuid[])) AND s.reference IS NOT NULL",
            ids=list(alert_ids),
        )
        return {row.alert_id: DatedReading(row.value, row.reference, row.slot) for row in rows}

    def erase_user(self, user_id: UUID) -> None:
        """Delete whatever is a user's, whose lock is held.

        In the order in which everyone locks: a tick that has claimed a level of the user is waited
        for, and so is a snooze that ends, and the history is then seen; a tick that comes later
        waits, and finds no level.
        """
        of_user = "SELECT id FROM alerts WHERE user_id = :user_id"
        for statement in (
            "SELECT 1 FROM series WHERE name IN "
            f"(SELECT series FROM thresholds WHERE alert_id IN ({of_user})) "
            "ORDER BY name FOR SHARE",
            f"DELETE FROM thresholds WHERE alert_id IN ({of_user})",
            "DELETE FROM alerts WHERE user_id = :user_id",
            "DELETE FROM alert_history WHERE user_id = :user_id",
            "DELETE FROM idempotency_keys WHERE user_id = :user_id",
        ):
            self._run(statement, user_id=user_id)


def alert_of(row: Row[Any]) -> Alert:
    """Return the alert of a row with `COLUMNS`."""
    return Alert(
        id=row.id,
        user_id=row.user_id,
        rule=Rule(
            **{name: row._mapping[name] for name in RULE_FIELDS if name not in _ENUMS},
            **{name: enum(row._mapping[name]) for name, enum in _ENUMS.items()},
        ),
        version=row.version,
        state=row.state,
        due_at=row.due_at,
        peak_since=row.peak_since,
        note=row.note,
        channels=row.channels,
        created_at=row.created_at,
        updated_at=row.updated_at,
        triggered_at=row.triggered_at,
    )


def _with_levels(row: Row[Any]) -> AlertWithLevels:
    levels = row.series and ArmedLevels(row.series, row.level_up, row.level_down)
    return AlertWithLevels(alert_of(row), levels)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _columns(alert: Alert) -> dict[str, object]:
    rule = {name: getattr(alert.rule, name) for name in RULE_FIELDS}
    own = {name: getattr(alert, name) for name in (*_FIXED, *_CHANGING) if name not in RULE_FIELDS}
    return {
        **rule,
        **own,
        "currency": str(alert.rule.currency),
        "unit": str(alert.rule.unit),
        "karat": int(alert.rule.karat),
        "channels": list(alert.channels),
    }
