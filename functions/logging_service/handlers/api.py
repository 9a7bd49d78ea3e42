"""All HTTP routes of the logging service."""

from aws_lambda_powertools.event_handler import Response

from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentAdmin
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.paging import Cursor, From, Limit, To, decode_cursor
from goldalert.http.schemas import Page
from logging_service import use_cases
from logging_service.bootstrap import services
from logging_service.domain import LogFilter
from logging_service.schemas import (
    CorrelationId,
    LevelName,
    LogView,
    ServiceName,
    Words,
)

app = make_resolver()


@app.get("/logging/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health("logging", essential={"database": services().ping_database}, optional={})
    )


@app.get("/logging/logs")
def search_logs(
    caller: CurrentAdmin,
    service: ServiceName = None,
    level: LevelName = None,
    q: Words = None,
    correlation_id: CorrelationId = None,
    from_: From = None,
    to: To = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LogView]:
    wanted = LogFilter(service, level, q, correlation_id, from_, to)
    return use_cases.search(
        services().unit_of_work, wanted, before=decode_cursor(cursor), limit=limit
    )


lambda_handler = serve(app, lambda: services())
