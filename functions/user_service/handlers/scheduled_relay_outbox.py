"""Every minute: publish events that their own handler left, and forget what is old."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.relay import LEFT_BEHIND_AFTER
from goldalert.messaging.retention import remove_old_rows
from goldalert.observability.log import start_request
from user_service.bootstrap import services


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    start_request(event["id"])
    published = services().relay.run(older_than=LEFT_BEHIND_AFTER)
    return {"published": published, "removed": remove_old_rows(services().engine, "inbox")}
