"""Every hour: forget what is too old to be asked for, and make room for what is coming."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.observability.log import start_request
from price_service.bootstrap import services
from price_service.use_cases.retention import remove_old_rows


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    start_request(event["id"])
    return {"removed": remove_old_rows(services().unit_of_work)}
