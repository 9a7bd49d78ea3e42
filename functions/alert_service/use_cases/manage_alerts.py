"""What people do with their alerts.

A change that arms levels holds a share lock on their series while it compares with its value, and
until it commits: no tick begins or ends on the series in between. Locks are taken in one order
everywhere: user, series, levels, alert. Of an alert only its owner changes the rule, which says the
series, so that it can be read before the series is locked; ticks and time change its state.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from alert_service.config import MAX_SNOOZE
from alert_service.domain.lifecycle import ACTIVE, ARMED, PUT_OFF, Alert, State, on_set
from alert_service.domain.rules import CONDITION_FIELDS, FIELDS, RULE_FIELDS, WAITING, Rule
from alert_service.domain.series import Series, SeriesName
from alert_service.domain.standing import AlertWithLevels
from alert_service.errors import AlreadyTrueError, NotActiveError, TooManyAlertsError
from alert_service.schemas import (
    AlertView,
    ChangeAlertRequest,
    CreateAlertRequest,
    SnoozeRequest,
)
from alert_service.use_cases.active_alerts import (
    ActiveAlerts,
    active_alerts,
    forget_active_alerts,
)
from alert_service.use_cases.arming import Levels, take_steps
from alert_service.use_cases.views import Shown, views_of, views_of_copies
from goldalert.cache.cache_aside import Cache
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import InvalidFieldError, NotFoundError, UnauthorizedError
from goldalert.http.idempotency import answer_once
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.ids import new_id
from goldalert.messaging.erasure import is_living
from goldalert.observability.log import current_correlation_id

_WHY_NOT_ACTIVE: Mapping[State, str] = {
    "triggered": "This alert has triggered. Another threshold or condition arms it again.",
    "expired": "This alert has expired. Give it a later expires_at.",
    "paused": "This alert is paused. Resume it first.",
}


class Alerts(Levels, Shown, ActiveAlerts, Protocol):
    """What these use cases need of the database."""

    def lock_user(self, user_id: UUID) -> None: ...
    def share_series(self, name: SeriesName) -> Series: ...
    def count_alerts(self, user_id: UUID, now: datetime) -> tuple[int, int]: ...
    def add_alert(self, alert: Alert) -> None: ...
    def alert(self, user_id: UUID, alert_id: UUID) -> Alert | None: ...
    def alert_with_levels(self, user_id: UUID, alert_id: UUID) -> AlertWithLevels | None: ...
    def lock_alert(self, user_id: UUID, alert_id: UUID) -> Alert | None: ...
    def save_alert(self, alert: Alert) -> None: ...
    def delete_alert(self, alert_id: UUID) -> None: ...
    def save_expiry(self, alert: Alert) -> None: ...
    def disarm(self, alert_id: UUID) -> None: ...


# --- reading ---


def get_alert(
    unit_of_work: UnitOfWork[Alerts], cache: Cache, clock: Clock, *, user_id: UUID, alert_id: UUID
) -> AlertView:
    """Return an alert of the user's.

    Raises:
        NotFoundError: there is none with this id.
    """
    now = clock.now()
    for known in active_alerts(unit_of_work, cache, user_id, now):
        if known.alert.id == alert_id:
            return views_of_copies(unit_of_work, [known], now)[0]
    with unit_of_work.begin() as tx:
        return _view(tx.repository, user_id, alert_id, now)


def list_alerts(
    unit_of_work: UnitOfWork[Alerts],
    cache: Cache,
    clock: Clock,
    *,
    user_id: UUID,
    active: bool | None,
    limit: int,
    cursor: str | None,
) -> Page[AlertView]:
    """Return a page of the user's alerts, newest first; all, or just the active or inactive."""
    now, before = clock.now(), decode_cursor(cursor)
    rows: Sequence[AlertWithLevels]
    if active:
        known = active_alerts(unit_of_work, cache, user_id, now)
        rows = [one for one in known if before is None or one.alert.id < before][: limit + 1]
    else:
        with unit_of_work.begin() as tx:
            rows = tx.repository.alerts(
                user_id, active=active, now=now, before=before, limit=limit + 1
            )
    views = views_of_copies(unit_of_work, rows, now)
    return make_page(views, limit=limit, view=lambda view: view, id_of=lambda view: view.id)


# --- changing ---


def create_alert(
    unit_of_work: UnitOfWork[Alerts],
    cache: Cache,
    clock: Clock,
    *,
    user_id: UUID,
    request: CreateAlertRequest,
    idempotency_key: str | None,
    max_active: int,
    max_alerts: int,
) -> AlertView:
    """Set an alert.

    Raises:
        InvalidFieldError: the rule makes no sense, or its expiry is not in the future.
        AlreadyTrueError: the condition holds, and the request asks to be refused then.
        TooManyAlertsError: the user has `max_active` active alerts, or `max_alerts` in all.
        KeyReusedError: the key came before with another request.
        UnauthorizedError: the user was erased while the request was on its way.
    """
    now = clock.now()
    with _changing(unit_of_work, cache, user_id) as tx:
        # before the key is stored: an erasure takes the user's lock, too, and then deletes the keys
        if not is_living(tx.connection, user_id):
            raise UnauthorizedError("This account was deleted.")

        def create() -> AlertView:
            rule = request.rule
            rule.check(now)
            _check_limits(tx.repository, user_id, now, max_active, max_alerts)
            alert = Alert(
                id=new_id(),
                user_id=user_id,
                rule=rule,
                version=1,
                state="armed",
                due_at=None,
                peak_since=_peak_since(tx.repository, rule),
                note=request.note,
                channels=request.channels,
                created_at=now,
                updated_at=now,
                triggered_at=None,
            )
            series = tx.repository.share_series(alert.series)
            tx.repository.add_alert(alert)
            _set(tx, alert, series, now)
            return _view(tx.repository, user_id, alert.id, now)

        return answer_once(
            tx.connection,
            user_id=user_id,
            key=idempotency_key,
            request=request,
            answer_type=AlertView,
            effect=create,
        )


def change_alert(
    unit_of_work: UnitOfWork[Alerts],
    cache: Cache,
    clock: Clock,
    *,
    user_id: UUID,
    alert_id: UUID,
    request: ChangeAlertRequest,
    max_active: int,
) -> AlertView:
    """Change what the request sends.

    Another rule is a new version of it. It sets the alert anew, which is compared with the price as
    when it was created; but not for another expiry alone, unless the alert has expired. A paused or
    snoozed alert stays so, and is set anew by its end.

    Raises:
        NotFoundError: the user has no such alert.
        InvalidFieldError, AlreadyTrueError, TooManyAlertsError: as for a new alert.
    """
    now = clock.now()
    with _changing(unit_of_work, cache, user_id) as tx:
        repository = tx.repository
        old = _found(repository.alert(user_id, alert_id))
        rule = _changed(old.rule, request)
        is_changed = rule != old.rule
        if is_changed:
            rule.check(now)
        elif "expires_at" in request.model_fields_set:
            rule.check_expiry(now)
        peak_since = _peak_since(repository, rule, old)
        series = repository.share_series(rule.series(peak_since))
        old = _found(repository.lock_alert(user_id, alert_id))
        new = replace(
            old,
            rule=rule,
            version=old.version + is_changed,
            peak_since=peak_since,
            updated_at=now,
            **_sent(request, {"note", "channels"}),
        )
        state = old.state_at(now)
        is_set_anew = state not in PUT_OFF and (
            replace(rule, expires_at=old.rule.expires_at) != old.rule
            or (is_changed and state == "expired")
        )
        if is_set_anew:
            if state not in ACTIVE:
                _check_limits(repository, user_id, now, max_active)
            repository.disarm(alert_id)
            new = replace(new, state="armed", due_at=None)
            repository.save_alert(new)
            _set(tx, new, series, now)
        else:
            repository.save_alert(new)
            repository.save_expiry(new)
        return _view(repository, user_id, alert_id, now)


def pause_alert(
    unit_of_work: UnitOfWork[Alerts], cache: Cache, clock: Clock, *, user_id: UUID, alert_id: UUID
) -> AlertView:
    """Let an alert wait for its owner, who resumes it.

    Raises:
        NotFoundError: the user has no such alert.
        NotActiveError: it has triggered or expired.
    """
    now = clock.now()
    with _changing(unit_of_work, cache, user_id) as tx:
        alert = _found(tx.repository.lock_alert(user_id, alert_id))
        if alert.state != "paused":
            _put_off(tx.repository, alert, "paused", None, now)
        return _view(tx.repository, user_id, alert_id, now)


def snooze_alert(
    unit_of_work: UnitOfWork[Alerts],
    cache: Cache,
    clock: Clock,
    *,
    user_id: UUID,
    alert_id: UUID,
    request: SnoozeRequest,
) -> AlertView:
    """Let an alert wait until a time, at which it is set as if it were resumed.

    Raises:
        NotFoundError: the user has no such alert.
        InvalidFieldError: the time is not in the future, or more than a year away.
        NotActiveError: the alert is paused, or has triggered or expired.
    """
    now = clock.now()
    if not now < request.until <= now + MAX_SNOOZE:
        raise InvalidFieldError("until", "This must lie in the future, within a year.")
    with _changing(unit_of_work, cache, user_id) as tx:
        alert = _found(tx.repository.lock_alert(user_id, alert_id))
        _put_off(tx.repository, alert, "snoozed", request.until, now)
        return _view(tx.repository, user_id, alert_id, now)


def resume_alert(
    unit_of_work: UnitOfWork[Alerts],
    cache: Cache,
    clock: Clock,
    *,
    user_id: UUID,
    alert_id: UUID,
    max_active: int,
) -> AlertView:
    """End a pause or a snooze: the alert is set as a new one would be, but that nothing is refused.

    Raises:
        NotFoundError: the user has no such alert.
        NotActiveError: it has triggered or expired.
        TooManyAlertsError: the user has `max_active` active alerts.
    """
    now = clock.now()
    with _changing(unit_of_work, cache, user_id) as tx:
        repository = tx.repository
        series = repository.share_series(_found(repository.alert(user_id, alert_id)).series)
        alert = _found(repository.lock_alert(user_id, alert_id))
        state = alert.state_at(now)
        if state not in {*ACTIVE, "paused"} or alert.rule.is_over(now):
            raise _not_active(alert, now)
        if state in PUT_OFF:
            if state == "paused":
                _check_limits(repository, user_id, now, max_active)
            alert = replace(alert, state="armed", due_at=None, updated_at=now)
            repository.save_alert(alert)
            _set(tx, alert, series, now, may_refuse=False)
        return _view(repository, user_id, alert_id, now)


def delete_alert(
    unit_of_work: UnitOfWork[Alerts], cache: Cache, *, user_id: UUID, alert_id: UUID
) -> None:
    """Delete an alert with its history.

    Raises:
        NotFoundError: the user has no such alert.
    """
    with _changing(unit_of_work, cache, user_id) as tx:
        _found(tx.repository.lock_alert(user_id, alert_id))
        tx.repository.disarm(alert_id)
        tx.repository.delete_alert(alert_id)


@contextmanager
def _changing(
    unit_of_work: UnitOfWork[Alerts], cache: Cache, user_id: UUID
) -> Iterator[Transaction[Alerts]]:
    """Begin a transaction in which only one request changes the alerts of a user."""
    with unit_of_work.begin() as tx:
        tx.repository.lock_user(user_id)
        tx.after_commit(lambda: forget_active_alerts(cache, [user_id]))
        yield tx


def _set(
    tx: Transaction[Alerts], alert: Alert, series: Series, now: datetime, *, may_refuse: bool = True
) -> None:
    """Arm a stored alert, or fire it at once. Its series is shared.

    Raises:
        AlreadyTrueError: the condition holds, and the rule says to refuse it then.
    """
    step = on_set(alert.rule, series.current_value, now)
    if step is None:
        if may_refuse:
            raise AlreadyTrueError("The condition is met by the current price already.")
        step = ARMED
    take_steps(tx, [(alert, step)], series, now=now, correlation_id=current_correlation_id())


def _put_off(
    alerts: Alerts, alert: Alert, state: State, until: datetime | None, now: datetime
) -> None:
    """Disarm a locked alert until something else happens than a tick."""
    if alert.state_at(now) not in ACTIVE:
        raise _not_active(alert, now)
    alerts.disarm(alert.id)
    alerts.save_alert(replace(alert, state=state, due_at=until, updated_at=now))


def _not_active(alert: Alert, now: datetime) -> NotActiveError:
    # more time comes first, also for what is paused
    is_expired = alert.state != "triggered" and alert.rule.is_over(now)
    return NotActiveError(_WHY_NOT_ACTIVE["expired" if is_expired else alert.state])


def _peak_since(alerts: Alerts, rule: Rule, old: Alert | None = None) -> int | None:
    """Return the tick from which the peak of a `trailing` alert counts: the one that holds now.

    An alert that was `trailing` in this currency before keeps its peak.
    """
    if rule.alert_type != "trailing":
        return None
    if old and (old.rule.alert_type, old.rule.currency) == (rule.alert_type, rule.currency):
        return old.peak_since
    current = alerts.share_series(SeriesName(rule.currency)).current
    return current.sequence if current else 0


def _changed(rule: Rule, request: ChangeAlertRequest) -> Rule:
    """Return a rule with what a request sends, without what does not fit a new condition."""
    sent = _sent(request, RULE_FIELDS)
    fitted: dict[str, Any] = {}
    if request.alert_type not in {None, rule.alert_type}:
        fitted = dict.fromkeys(set(CONDITION_FIELDS) - FIELDS[request.alert_type])
        if "percent_change" in {rule.alert_type, request.alert_type}:
            # a price is no percentage
            fitted["threshold"] = None
        if request.alert_type in WAITING:
            fitted["if_already_true"] = "wait"
    return replace(rule, **{**fitted, **sent})


def _sent(request: BaseModel, names: Collection[str]) -> dict[str, Any]:
    return {name: getattr(request, name) for name in names if name in request.model_fields_set}


def _check_limits(
    alerts: Alerts, user_id: UUID, now: datetime, max_active: int, max_alerts: int | None = None
) -> None:
    count, active = alerts.count_alerts(user_id, now)
    if active >= max_active:
        raise TooManyAlertsError(f"You have {max_active} active alerts, which is the limit.")
    if max_alerts is not None and count >= max_alerts:
        raise TooManyAlertsError(f"You have {max_alerts} alerts, which is the limit. Delete some.")


def _found[Item](item: Item | None) -> Item:
    if item is None:
        raise NotFoundError("There is no such alert.")
    return item


def _view(alerts: Alerts, user_id: UUID, alert_id: UUID, now: datetime) -> AlertView:
    return views_of(alerts, [_found(alerts.alert_with_levels(user_id, alert_id))], now)[0]
