"""A user registered: greet them in the app."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.consumer import consume
from notification_service import use_cases
from notification_service.bootstrap import services

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="notification_service.on_user_registered",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, registered: use_cases.welcome(tx, registered.event_id, registered.data),
        after_commit=lambda registered: use_cases.forget_unread_counts(
            services().cache, [registered.data.user_id]
        ),
    )
