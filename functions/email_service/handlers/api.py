"""All HTTP routes of the e-mail service."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from email_service import use_cases
from email_service.bootstrap import services
from email_service.domain import MailStatus
from email_service.schemas import EmailLog
from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentCaller
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.paging import Cursor, Limit, decode_cursor, make_page
from goldalert.http.schemas import Page, Text

app = make_resolver()

Recipient = Annotated[Text | None, Query(max_length=254, description="The whole address.")]


@app.get("/email/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health(
            "email",
            essential={"database": services().ping_database},
            optional={"redis": services().ping_redis},
        )
    )


@app.get("/email/logs")
def logs(
    caller: CurrentCaller,
    status: MailStatus | None = None,
    recipient: Recipient = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[EmailLog]:
    """List the caller's mails, or for an admin everybody's, newest first."""
    rows = use_cases.logs(
        services().unit_of_work,
        user_id=None if caller.role == "admin" else caller.user_id,
        status=status,
        recipient=recipient,
        after=decode_cursor(cursor),
        limit=limit,
    )
    return make_page(rows, limit=limit, view=lambda log: log, id_of=lambda log: log.id)


lambda_handler = serve(app, lambda: services())
