"""SES tells what became of a mail: sent, delivered, bounced, complained about or rejected."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from email_service import use_cases
from email_service.bootstrap import services
from email_service.gateways import parse_ses_event
from goldalert.messaging.consumer import consume_messages
from goldalert.observability.log import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def take(message: str) -> None:
    evidence = parse_ses_event(message)
    if evidence is None:
        logger.info("SES tells of no mail of ours")
        return
    use_cases.take_evidence(services().unit_of_work, services().clock, evidence)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume_messages(event, context, take)
