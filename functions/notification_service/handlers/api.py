"""All HTTP routes of the notification service."""

from http import HTTPStatus
from uuid import UUID

from aws_lambda_powertools.event_handler import Response

from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentCaller
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.paging import Cursor, Limit, decode_cursor, make_page
from goldalert.http.schemas import Page
from notification_service import use_cases
from notification_service.bootstrap import services
from notification_service.schemas import MarkedRead, NotificationView, UnreadCount

app = make_resolver()


@app.get("/notification/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health(
            "notification",
            essential={"database": services().ping_database},
            optional={"redis": services().ping_redis},
        )
    )


@app.get("/notification")
def notifications(
    caller: CurrentCaller, unread: bool = False, limit: Limit = 20, cursor: Cursor = None
) -> Page[NotificationView]:
    """List the caller's notifications, newest first."""
    rows = use_cases.page(
        services().unit_of_work,
        user_id=caller.user_id,
        unread=unread,
        after=decode_cursor(cursor),
        limit=limit,
    )
    return make_page(rows, limit=limit, view=lambda row: row, id_of=lambda row: row.id)


@app.get("/notification/count")
def unread_count(caller: CurrentCaller) -> UnreadCount:
    return use_cases.unread_count(services().unit_of_work, services().cache, user_id=caller.user_id)


@app.post("/notification/read-all")
def read_all(caller: CurrentCaller) -> MarkedRead:
    return use_cases.mark_all_read(
        services().unit_of_work, services().cache, user_id=caller.user_id
    )


@app.post("/notification/<notification_id>/read")
def read(notification_id: UUID, caller: CurrentCaller) -> NotificationView:
    return use_cases.mark_read(
        services().unit_of_work,
        services().cache,
        user_id=caller.user_id,
        notification_id=notification_id,
    )


@app.delete("/notification/<notification_id>", status_code=HTTPStatus.NO_CONTENT)
def delete(notification_id: UUID, caller: CurrentCaller) -> None:
    use_cases.delete(
        services().unit_of_work,
        services().cache,
        user_id=caller.user_id,
        notification_id=notification_id,
    )


lambda_handler = serve(app, lambda: services())
