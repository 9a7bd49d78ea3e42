"""A mail is due: send it. The message only names it; whether it is due says the ledger."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from email_service import use_cases
from email_service.bootstrap import services
from email_service.schemas import MailDue
from goldalert.messaging.consumer import consume_messages

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def send(message: str) -> None:
    use_cases.send_mail(
        services().unit_of_work,
        services().clock,
        services().cache,
        services().composer,
        services().gateway,
        mail_id=MailDue.model_validate_json(message).mail_id,
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume_messages(event, context, send)
