"""What people see of the triggers of their alerts."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from alert_service.domain.explanations import price_before, reason
from alert_service.domain.lifecycle import Alert
from alert_service.domain.series import StoredTick
from alert_service.domain.triggers import HistoryEntry
from alert_service.schemas import TriggerReference, TriggerTick, TriggerView
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.money import Currency
from goldalert.units import GRAMS, Unit, price_in_unit


class History(Protocol):
    """What these use cases need of the database."""

    def alert(self, user_id: UUID, alert_id: UUID) -> Alert | None: ...
    def triggers(
        self, user_id: UUID, *, alert_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[HistoryEntry]: ...


def list_triggers(
    unit_of_work: UnitOfWork[History],
    *,
    user_id: UUID,
    alert_id: UUID | None,
    limit: int,
    cursor: str | None,
) -> Page[TriggerView]:
    """Return a page of what triggered, newest first; of one alert, or of all.

    Raises:
        NotFoundError: the user has no such alert.
    """
    before = decode_cursor(cursor)
    with unit_of_work.begin() as tx:
        if alert_id is not None and tx.repository.alert(user_id, alert_id) is None:
            raise NotFoundError("There is no such alert.")
        rows = tx.repository.triggers(user_id, alert_id=alert_id, before=before, limit=limit + 1)
    return make_page(rows, limit=limit, view=trigger_view, id_of=lambda entry: entry.id)


def trigger_view(entry: HistoryEntry) -> TriggerView:
    """Return what an alert's owner sees of a trigger."""
    reference = None
    if entry.reference is not None:
        reference = TriggerReference(
            price=price_in_unit(entry.reference, entry.unit, entry.karat),
            price_per_troy_ounce=entry.reference,
            tick=_tick_view(entry.reference_tick, entry.currency),
        )
    return TriggerView(
        id=entry.id,
        alert_id=entry.alert_id,
        triggered_at=entry.triggered_at,
        reason=reason(entry),
        version=entry.version,
        alert_type=entry.alert_type,
        threshold=entry.threshold,
        upper=entry.upper,
        window=entry.window,
        trail_percent=entry.trail_percent,
        period=entry.period,
        currency=entry.currency,
        unit=entry.unit,
        karat=entry.karat,
        price_before=price_before(entry),
        price=entry.price,
        grams=GRAMS[entry.unit],
        grams_per_troy_ounce=GRAMS[Unit.TROY_OUNCE],
        value_before=entry.value_before,
        value=entry.value_after,
        reference=reference,
        tick_before=_tick_view(entry.tick_before, entry.currency),
        tick=_tick_view(entry.tick, entry.currency),
    )


def _tick_view(stored: StoredTick | None, currency: Currency) -> TriggerTick | None:
    if stored is None:
        return None
    return TriggerTick(
        **stored.tick.model_dump(),
        dollars_per_troy_ounce=stored.prices.get(Currency.USD),
        exchange_rate=stored.rates.get(currency),
        price_per_troy_ounce=stored.prices.get(currency),
    )
