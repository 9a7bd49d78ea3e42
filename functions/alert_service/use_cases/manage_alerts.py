"""What people do with their alerts.

A change that arms a level holds a share lock on its series while it compares with the price, and
until it commits: no tick begins or ends on the series in between (design: changes while a tick
runs). Locks are taken in one order everywhere: user, series, level, alert.
"""

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from alert_service.domain import (
    TOO_HIGH,
    Alert,
    HistoryEntry,
    Kind,
    Reading,
    Rule,
    Series,
    StoredTick,
    decide,
    kind_of,
)
from alert_service.errors import AlreadyTrueError, TooManyAlertsError
from alert_service.schemas import (
    AlertView,
    ChangeAlertRequest,
    CreateAlertRequest,
    TriggerView,
)
from alert_service.use_cases.triggers import History, record_triggers
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import InvalidFieldError, NotFoundError, UnauthorizedError
from goldalert.events.alerts import AlertTriggeredV1
from goldalert.http.idempotency import answer_once
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.ids import new_id
from goldalert.messaging.erasure import is_living
from goldalert.observability.log import current_correlation_id

_RULE_FIELDS = frozenset(field.name for field in fields(Rule))
_CONDITION_FIELDS = _RULE_FIELDS - {"expires_at"}


class Alerts(History, Protocol):
    """What these use cases need of the database."""

    def lock_user(self, user_id: UUID) -> None: ...
    def share_series(self, name: str) -> Series: ...
    def tick(self, sequence: int) -> StoredTick | None: ...
    def count_active(self, user_id: UUID, now: datetime) -> int: ...
    def add_alert(self, alert: Alert) -> None: ...
    def alert(self, user_id: UUID, alert_id: UUID) -> Alert | None: ...
    def lock_alert(self, user_id: UUID, alert_id: UUID) -> Alert | None: ...
    def save_alert(self, alert: Alert) -> None: ...
    def delete_alert(self, alert_id: UUID) -> None: ...
    def arm(self, alert: Alert, kind: Kind, armed_after: int) -> None: ...
    def disarm(self, alert_id: UUID) -> None: ...
    def alerts(
        self, user_id: UUID, *, active: bool | None, now: datetime, before: UUID | None, limit: int
    ) -> Sequence[Alert]: ...
    def triggers(
        self, user_id: UUID, *, alert_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[HistoryEntry]: ...


def create_alert(
    unit_of_work: UnitOfWork[Alerts],
    clock: Clock,
    *,
    user_id: UUID,
    request: CreateAlertRequest,
    idempotency_key: str | None,
    max_active: int,
) -> AlertView:
    """Set an alert.

    Raises:
        InvalidFieldError: the threshold is out of range, or the expiry not in the future.
        AlreadyTrueError: the condition holds, and the request asks to be refused then.
        TooManyAlertsError: the user has `max_active` armed alerts.
        KeyReusedError: the key came before with another request.
        UnauthorizedError: the user was erased while the request was on its way.
    """
    now = clock.now()
    with unit_of_work.begin() as tx:
        # before the key is stored: an erasure takes this lock, too, and then deletes the keys
        tx.repository.lock_user(user_id)
        if not is_living(tx.connection, user_id):
            raise UnauthorizedError("This account was deleted.")

        def create() -> AlertView:
            alert = Alert(
                id=new_id(),
                user_id=user_id,
                rule=Rule(**{name: getattr(request, name) for name in _RULE_FIELDS}),
                state="armed",
                note=request.note,
                channels=request.channels,
                created_at=now,
                updated_at=now,
                triggered_at=None,
            )
            _check_rule(alert.rule, now)
            _check_limit(tx.repository, user_id, now, max_active)
            tx.repository.add_alert(alert)
            return view_of(_set(tx, alert, now), now)

        return answer_once(
            tx.connection,
            user_id=user_id,
            key=idempotency_key,
            request=request,
            answer_type=AlertView,
            effect=create,
        )


def get_alert(
    unit_of_work: UnitOfWork[Alerts], clock: Clock, *, user_id: UUID, alert_id: UUID
) -> AlertView:
    """Return an alert of the user's.

    Raises:
        NotFoundError: there is none with this id.
    """
    with unit_of_work.begin() as tx:
        return view_of(_found(tx.repository.alert(user_id, alert_id)), clock.now())


def list_alerts(
    unit_of_work: UnitOfWork[Alerts],
    clock: Clock,
    *,
    user_id: UUID,
    active: bool | None,
    limit: int,
    cursor: str | None,
) -> Page[AlertView]:
    """Return a page of the user's alerts, newest first; all, or just the active or inactive."""
    now, before = clock.now(), decode_cursor(cursor)
    with unit_of_work.begin() as tx:
        rows = tx.repository.alerts(user_id, active=active, now=now, before=before, limit=limit + 1)
    return make_page(
        rows, limit=limit, view=lambda alert: view_of(alert, now), id_of=lambda alert: alert.id
    )


def change_alert(
    unit_of_work: UnitOfWork[Alerts],
    clock: Clock,
    *,
    user_id: UUID,
    alert_id: UUID,
    request: ChangeAlertRequest,
    max_active: int,
) -> AlertView:
    """Change what the request sends.

    A changed condition is a new rule: the alert is armed anew, triggered before or not, and
    compared with the price as when it is created. So is an expired alert that gets more time.

    Raises:
        NotFoundError: the user has no such alert.
        InvalidFieldError, AlreadyTrueError, TooManyAlertsError: as for a new alert.
    """
    now = clock.now()
    with unit_of_work.begin() as tx:
        tx.repository.lock_user(user_id)
        # the series is locked before the alert, and must be known for that
        old_rule = _found(tx.repository.alert(user_id, alert_id)).rule
        new_rule = replace(old_rule, **_sent(request, _RULE_FIELDS))
        for series in sorted({old_rule.series, new_rule.series}):
            tx.repository.share_series(series)
        old = _found(tx.repository.lock_alert(user_id, alert_id))
        new = replace(old, rule=new_rule, updated_at=now, **_sent(request, {"note", "channels"}))
        if "expires_at" in request.model_fields_set:
            _check_expiry(new_rule, now)
        is_rearmed = bool(_CONDITION_FIELDS & request.model_fields_set) or (
            old.state_at(now) == "expired" and "expires_at" in request.model_fields_set
        )
        if is_rearmed:
            _check_rule(new_rule, now)
            if old.state_at(now) != "armed":
                _check_limit(tx.repository, user_id, now, max_active)
            tx.repository.disarm(alert_id)
            new = replace(new, state="armed")
        tx.repository.save_alert(new)
        return view_of(_set(tx, new, now) if is_rearmed else new, now)


def delete_alert(unit_of_work: UnitOfWork[Alerts], *, user_id: UUID, alert_id: UUID) -> None:
    """Delete an alert with its history.

    Raises:
        NotFoundError: the user has no such alert.
    """
    with unit_of_work.begin() as tx:
        tx.repository.lock_user(user_id)
        alert = _found(tx.repository.alert(user_id, alert_id))
        tx.repository.share_series(alert.rule.series)
        tx.repository.disarm(alert_id)
        tx.repository.delete_alert(alert_id)


def list_triggers(
    unit_of_work: UnitOfWork[Alerts],
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
        if alert_id is not None:
            _found(tx.repository.alert(user_id, alert_id))
        rows = tx.repository.triggers(user_id, alert_id=alert_id, before=before, limit=limit + 1)
    return make_page(
        rows, limit=limit, view=TriggerView.model_validate, id_of=lambda entry: entry.id
    )


def _set(tx: Transaction[Alerts], alert: Alert, now: datetime) -> Alert:
    """Arm a stored alert, or fire it at once; return it as it is then.

    Raises:
        AlreadyTrueError: the condition holds, and the rule says to refuse it then.
    """
    series = tx.repository.share_series(alert.rule.series)
    current = series.current
    price = current.price if current else None
    match decide(alert.rule, price):
        case "reject":
            raise AlreadyTrueError("The condition is met by the current price already.")
        case "fire" if current and (events := _fire(tx.repository, alert, current, now)):
            tx.publish(*events)
            alert = replace(alert, state="triggered", triggered_at=now)
            tx.repository.save_alert(alert)
        case _:
            # also where this very price made it fire before, and so its owner knows
            tx.repository.arm(alert, kind_of(alert.rule, price), series.armed_after)
    return alert


def _fire(
    repository: Alerts, alert: Alert, current: Reading, now: datetime
) -> list[AlertTriggeredV1]:
    tick = repository.tick(current.sequence)
    if tick is None:
        raise LookupError(f"tick {current.sequence} of {alert.rule.series} is gone")
    return record_triggers(
        repository,
        [alert],
        tick=tick,
        before=None,
        after=current.price,
        now=now,
        correlation_id=current_correlation_id(),
    )


def _sent(request: BaseModel, names: Collection[str]) -> dict[str, Any]:
    return {name: getattr(request, name) for name in names if name in request.model_fields_set}


def _check_rule(rule: Rule, now: datetime) -> None:
    if not 0 < rule.level < TOO_HIGH:
        raise InvalidFieldError("threshold", "The threshold is out of any price's range.")
    _check_expiry(rule, now)


def _check_expiry(rule: Rule, now: datetime) -> None:
    if rule.expires_at is not None and rule.expires_at <= now:
        raise InvalidFieldError("expires_at", "The expiry must lie in the future.")


def _check_limit(alerts: Alerts, user_id: UUID, now: datetime, max_active: int) -> None:
    if alerts.count_active(user_id, now) >= max_active:
        raise TooManyAlertsError(f"You have {max_active} active alerts, which is the limit.")


def _found(alert: Alert | None) -> Alert:
    if alert is None:
        raise NotFoundError("There is no such alert.")
    return alert


def view_of(alert: Alert, now: datetime) -> AlertView:
    """Return what an alert's owner sees of it."""
    state = alert.state_at(now)
    return AlertView(
        **{name: getattr(alert.rule, name) for name in _RULE_FIELDS},
        id=alert.id,
        note=alert.note,
        channels=list(alert.channels),
        state=state,
        active=state == "armed",
        created_at=alert.created_at,
        updated_at=alert.updated_at,
        triggered_at=alert.triggered_at,
    )
