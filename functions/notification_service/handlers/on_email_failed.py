"""A mail was given up: tell its reader in the app, and why."""

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
        consumer="notification_service.on_email_failed",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, failed: use_cases.tell_of_failed_mail(tx, failed.event_id, failed.data),
        after_commit=lambda failed: use_cases.forget_unread_counts(
            services().cache, [failed.data.user_id]
        ),
    )
