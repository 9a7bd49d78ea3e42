"""Alerts triggered: tell their users in the app."""

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
        consumer="notification_service.on_alert_triggered",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, triggered: use_cases.tell_of_alerts(tx, triggered.data),
        after_commit=lambda triggered: use_cases.forget_unread_counts(
            services().cache, {trigger.user_id for trigger in triggered.data.triggers}
        ),
    )
