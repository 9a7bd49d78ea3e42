"""All HTTP routes of the admin service."""

from aws_lambda_powertools.event_handler import Response

from admin_service import use_cases
from admin_service.bootstrap import services
from admin_service.schemas import Action, AuditEntry, CorrelationId, Target, Verification
from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentAdmin
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.paging import Cursor, Limit, decode_cursor
from goldalert.http.schemas import Page

app = make_resolver()


@app.get("/admin/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health("admin", essential={"database": services().ping_database}, optional={})
    )


@app.get("/admin/audit-logs")
def list_audit_logs(
    caller: CurrentAdmin,
    action: Action = None,
    target: Target = None,
    correlation_id: CorrelationId = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditEntry]:
    return use_cases.list_entries(
        services().unit_of_work,
        action=action,
        target=target,
        correlation_id=correlation_id,
        before=decode_cursor(cursor),
        limit=limit,
    )


@app.get("/admin/audit-logs/verify")
def verify_audit_logs(caller: CurrentAdmin, cursor: Cursor = None) -> Verification:
    return use_cases.verify(services().unit_of_work, after=decode_cursor(cursor))


lambda_handler = serve(app, lambda: services())
