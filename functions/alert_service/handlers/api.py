"""All HTTP routes of the alert service."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from alert_service.bootstrap import services
from alert_service.schemas import (
    AlertView,
    BacktestRequest,
    BacktestView,
    ChangeAlertRequest,
    CreateAlertRequest,
    SnoozeRequest,
    TriggerView,
)
from alert_service.use_cases import backtest, history, manage_alerts
from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentCaller
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.idempotency import IdempotencyKey
from goldalert.http.paging import Cursor, Limit
from goldalert.http.schemas import Page

PAGE = 20

app = make_resolver()


@app.get("/alert/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health(
            "alert",
            essential={"database": services().ping_database},
            optional={"redis": services().ping_redis},
        )
    )


@app.route("/alert", method=["POST", "PUT"], status_code=HTTPStatus.CREATED)
def create_alert(
    body: CreateAlertRequest, caller: CurrentCaller, idempotency_key: IdempotencyKey = None
) -> AlertView:
    return manage_alerts.create_alert(
        services().unit_of_work,
        services().cache,
        services().clock,
        user_id=caller.user_id,
        request=body,
        idempotency_key=idempotency_key,
        max_active=services().settings.max_active_alerts,
        max_alerts=services().settings.max_alerts,
    )


@app.get("/alert")
def list_alerts(
    caller: CurrentCaller,
    active: Annotated[bool | None, Query(description="Only active, or only inactive.")] = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Page[AlertView]:
    return manage_alerts.list_alerts(
        services().unit_of_work,
        services().cache,
        services().clock,
        user_id=caller.user_id,
        active=active,
        limit=limit,
        cursor=cursor,
    )


@app.post("/alert/backtest")
def backtest_alert(body: BacktestRequest, caller: CurrentCaller) -> BacktestView:
    return backtest.backtest(services().unit_of_work, services().clock, body)


@app.get("/alert/history")
def list_triggers(
    caller: CurrentCaller, limit: Limit = PAGE, cursor: Cursor = None
) -> Page[TriggerView]:
    return history.list_triggers(
        services().unit_of_work, user_id=caller.user_id, alert_id=None, limit=limit, cursor=cursor
    )


@app.get("/alert/<alert_id>/history")
def list_triggers_of_alert(
    alert_id: UUID, caller: CurrentCaller, limit: Limit = PAGE, cursor: Cursor = None
) -> Page[TriggerView]:
    return history.list_triggers(
        services().unit_of_work,
        user_id=caller.user_id,
        alert_id=alert_id,
        limit=limit,
        cursor=cursor,
    )


@app.get("/alert/<alert_id>")
def get_alert(alert_id: UUID, caller: CurrentCaller) -> AlertView:
    return manage_alerts.get_alert(
        services().unit_of_work,
        services().cache,
        services().clock,
        user_id=caller.user_id,
        alert_id=alert_id,
    )


@app.patch("/alert/<alert_id>")
def change_alert(alert_id: UUID, body: ChangeAlertRequest, caller: CurrentCaller) -> AlertView:
    return manage_alerts.change_alert(
        services().unit_of_work,
        services().cache,
        services().clock,
        user_id=caller.user_id,
        alert_id=alert_id,
        request=body,
        max_active=services().settings.max_active_alerts,
    )


@app.delete("/alert/<alert_id>", status_code=HTTPStatus.NO_CONTENT)
def delete_alert(alert_id: UUID, caller: CurrentCaller) -> None:
    manage_alerts.delete_alert(
        services().unit_of_work, services().cache, user_id=caller.user_id, alert_id=alert_id
    )


@app.post("/alert/<alert_id>/pause")
def pause_alert(alert_id: UUID, caller: CurrentCaller) -> AlertView:
    return manage_alerts.pause_alert(
        services().unit_of_work,
        services().cache,
        services().clock,
        user_id=caller.user_id,
        alert_id=alert_id,
    )


@app.post("/alert/<alert_id>/resume")
def resume_alert(alert_id: UUID, caller: CurrentCaller) -> AlertView:
    return manage_alerts.resume_alert(
        services().unit_of_work,
        services().cache,
        services().clock,
        user_id=caller.user_id,
        alert_id=alert_id,
        max_active=services().settings.max_active_alerts,
    )


@app.post("/alert/<alert_id>/snooze")
def snooze_alert(alert_id: UUID, body: SnoozeRequest, caller: CurrentCaller) -> AlertView:
    return manage_alerts.snooze_alert(
        services().unit_of_work,
        services().cache,
        services().clock,
        user_id=caller.user_id,
        alert_id=alert_id,
        request=body,
    )


lambda_handler = serve(app, lambda: services())
