"""Every minute: forget events that were dealt with long ago."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from admin_service.bootstrap import services
from goldalert.messaging.retention import remove_old_rows
from goldalert.observability.log import start_request


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    start_request(event["id"])
    return {"removed": remove_old_rows(services().engine, "inbox")}
