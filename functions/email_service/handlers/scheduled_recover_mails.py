"""Every minute: announce mails that nobody sends."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from email_service import use_cases
from email_service.bootstrap import services
from goldalert.observability.log import start_request


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    start_request(event["id"])
    mail_ids = use_cases.recover(services().unit_of_work)
    services().mail_due.announce(mail_ids)
    return {"announced": len(mail_ids)}
