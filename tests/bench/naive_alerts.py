"""What the engine is compared with: load all active alerts, and look at each."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, MetaData, text
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

from alert_service.domain.rules import Zone
from goldalert.ids import new_id
from goldalert.units import GRAMS, Unit

Alert = Any
"""A row, or an object that is mapped to one."""


def by_orm(engine: Engine, before: Decimal, after: Decimal, tick_id: UUID, now: datetime) -> int:
    """Apply a move of the price with objects, and return how many alerts fired."""
    metadata = MetaData()
    metadata.reflect(engine, only=["alerts", "alert_history", "outbox"])
    base = automap_base(metadata=metadata)
    base.prepare()
    classes = base.classes
    with Session(engine) as session:
        fired = [
            alert
            for alert in session.query(classes.alerts).filter_by(active=True, currency="USD")
            if _fires(alert, before, after)
        ]
        for alert in fired:
            alert.state, alert.triggered_at = "triggered", now
            session.add(classes.alert_history(**_entry(alert, before, after, tick_id, now)))
            session.add(classes.outbox(**_message(alert, after)))
        session.commit()
    return len(fired)


def by_sql(engine: Engine, before: Decimal, after: Decimal, tick_id: UUID, now: datetime) -> int:
    """Do the same with rows; those that fire are written in one statement for each table."""
    with engine.begin() as connection:
        fired = [
            row
            for row in connection.execute(
                text("SELECT * FROM alerts WHERE active AND currency = 'USD'")
            )
            if _fires(row, before, after)
        ]
        connection.execute(
            text(
                "UPDATE alerts SET state = 'triggered', triggered_at = :now "
                "WHERE id = ANY(CAST(:ids AS uuid[]))"
            ),
            {"now": now, "ids": [row.id for row in fired]},
        )
        for table, rows in (
            ("alert_history", [_entry(row, before, after, tick_id, now) for row in fired]),
            ("outbox", [_message(row, after) for row in fired]),
        ):
            _insert(connection, table, rows)
    return len(fired)


def _insert(connection: Any, table: str, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        columns = ", ".join(rows[0])
        connection.execute(
            text(
                f"INSERT INTO {table} ({columns}) SELECT {columns} "
                f"FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))"
            ),
            {"rows": json.dumps(rows, default=str)},
        )


def _fires(alert: Alert, before: Decimal, after: Decimal) -> bool:
    fine = GRAMS[Unit(alert.unit)] * alert.karat / 24
    level = alert.threshold * GRAMS[Unit.TROY_OUNCE] / fine
    zone = Zone(up=level) if alert.alert_type == "above" else Zone(down=level)
    return zone.is_crossed(before, after)


def _entry(
    alert: Alert, before: Decimal, after: Decimal, tick_id: UUID, now: datetime
) -> dict[str, object]:
    return {
        "id": new_id(),
        "alert_id": alert.id,
        "user_id": alert.user_id,
        "tick_id": tick_id,
        "triggered_at": now,
        "version": alert.version,
        "alert_type": alert.alert_type,
        "threshold": alert.threshold,
        "currency": alert.currency,
        "unit": alert.unit,
        "karat": alert.karat,
        "value": after,
        "value_before": before,
        "value_after": after,
    }


def _message(alert: Alert, after: Decimal) -> dict[str, object]:
    """One message for each alert."""
    return {
        "id": new_id(),
        "topic": "bench",
        "event_type": "alert_triggered",
        "message": json.dumps(
            {
                "alert_id": str(alert.id),
                "user_id": str(alert.user_id),
                "alert_type": alert.alert_type,
                "threshold": str(alert.threshold),
                "price": str(after),
                "note": alert.note,
            }
        ),
    }
