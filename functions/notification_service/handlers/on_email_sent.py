"""A mail was sent: tell its reader in the app."""

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
        consumer="notification_service.on_email_sent",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, sent: use_cases.tell_of_sent_mail(tx, sent.event_id, sent.data),
        after_commit=lambda sent: use_cases.forget_unread_counts(
            services().cache, [sent.data.user_id]
        ),
    )
