"""What their owner sees of alerts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alert_service.domain.lifecycle import ACTIVE
from alert_service.domain.rules import RULE_FIELDS
from alert_service.domain.standing import AlertWithLevels, DatedReading
from alert_service.schemas import AlertView, LevelsView, ReadingView
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.units import price_in_unit


class Shown(Protocol):
    """What it takes to show alerts."""

    def readings(self, alert_ids: Collection[UUID]) -> Mapping[UUID, DatedReading]: ...


def views_of(shown: Shown, rows: Sequence[AlertWithLevels], now: datetime) -> list[AlertView]:
    """Return what their owner sees of alerts."""
    readings = shown.readings([row.alert.id for row in rows if row.waits_for_percentage])
    return [_view_of(row, readings.get(row.alert.id), now) for row in rows]


def views_of_copies(
    unit_of_work: UnitOfWork[Shown], rows: Sequence[AlertWithLevels], now: datetime
) -> list[AlertView]:
    """Return the same of alerts at hand. The database is asked where percentages stand, if any."""
    if not any(row.waits_for_percentage for row in rows):
        return [_view_of(row, None, now) for row in rows]
    with unit_of_work.begin() as tx:
        return views_of(tx.repository, rows, now)


def _view_of(row: AlertWithLevels, reading: DatedReading | None, now: datetime) -> AlertView:
    alert, rule = row.alert, row.alert.rule
    state = alert.state_at(now)
    return AlertView(
        **{name: getattr(rule, name) for name in RULE_FIELDS},
        id=alert.id,
        note=alert.note,
        channels=list(alert.channels),
        version=alert.version,
        state=state,
        active=state in ACTIVE,
        due_at=alert.due_at,
        levels=None
        if row.levels is None or state == "expired"
        else LevelsView.model_validate(row.levels),
        reading=None
        if reading is None or state == "expired"
        else ReadingView(
            value=reading.value,
            reference=price_in_unit(reading.reference, rule.unit, rule.karat),
            slot=reading.slot,
        ),
        created_at=alert.created_at,
        updated_at=alert.updated_at,
        triggered_at=alert.triggered_at,
    )
