"""A user wants another verification link: send it."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from email_service import use_cases
from email_service.bootstrap import services
from goldalert.messaging.consumer import consume

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    due: list[UUID] = []
    answer = consume(
        event,
        context,
        consumer="email_service.on_email_verification_requested",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, requested: due.extend(
            use_cases.request_verification(tx, requested.event_id, requested.data)
        ),
    )
    services().mail_due.announce(due)
    return answer
