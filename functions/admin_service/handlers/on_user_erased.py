"""The services' answers to an erasure go into the audit log."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from admin_service.bootstrap import services
from admin_service.use_cases import record_account_event
from goldalert.messaging.consumer import consume

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="admin_service.on_user_erased",
        unit_of_work=services().unit_of_work,
        handle=record_account_event,
    )
