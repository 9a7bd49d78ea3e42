"""What an account's owner may ask for: a copy of everything, and its end."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from alert_service.domain.triggers import HistoryEntry
from alert_service.use_cases.active_alerts import ActiveAlerts
from alert_service.use_cases.history import trigger_view
from alert_service.use_cases.triggers import PRODUCER
from alert_service.use_cases.views import Shown, views_of
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.alerts import AlertTriggeredV1
from goldalert.events.catalogue import AnyEvent
from goldalert.export import EXPORT_ROWS, make_part
from goldalert.messaging.erasure import mark_erased, publish_erased, recall


class Accounts(ActiveAlerts, Shown, Protocol):
    """What these use cases need of the database."""

    def erase_user(self, user_id: UUID) -> None: ...
    def triggers(
        self, user_id: UUID, *, alert_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[HistoryEntry]: ...


def erase_user(tx: Transaction[Accounts], clock: Clock, event: AnyEvent) -> None:
    """Erase a user's alerts with all that belongs to them, and say so.

    Once the levels are gone no tick fires for the user; what an earlier one has fired and is not
    published yet is taken back.

    Raises:
        StillPublishingError: triggers of the user are on their way to SNS.
    """
    user_id: UUID = event.data.user_id
    mark_erased(tx.connection, user_id)
    tx.repository.erase_user(user_id)
    for waiting in recall(tx.connection, user_id):
        if isinstance(waiting, AlertTriggeredV1) and (others := _without(waiting, user_id)):
            tx.publish(others)
    publish_erased(tx, clock, producer=PRODUCER, event=event)


def _without(event: AlertTriggeredV1, user_id: UUID) -> AlertTriggeredV1 | None:
    triggers = [trigger for trigger in event.data.triggers if trigger.user_id != user_id]
    data = event.data.model_copy(update={"triggers": triggers})
    return event.model_copy(update={"data": data}) if triggers else None


def export_user(unit_of_work: UnitOfWork[Accounts], clock: Clock, *, user_id: UUID) -> JsonValue:
    """Return everything that is held about a user."""
    now, limit = clock.now(), EXPORT_ROWS + 1
    with unit_of_work.begin() as tx:
        alerts = tx.repository.alerts(user_id, active=None, now=now, before=None, limit=limit)
        views = views_of(tx.repository, alerts, now)
        triggers = tx.repository.triggers(user_id, alert_id=None, before=None, limit=limit)
    return make_part(
        alerts=views,
        triggers=[trigger_view(trigger) for trigger in triggers],
    )
