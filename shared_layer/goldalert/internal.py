"""Calls between services: a service's `internal.py`, invoked by IAM and never routed.

`goldalert.service_client` is the other end.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, JsonValue, validate_call

from goldalert.observability.log import logger, start_request

Action = Callable[..., JsonValue]


class InternalCall(BaseModel):
    """What the caller sends.

    Attributes:
        action: the name of what is asked for, such as `export_user`.
        correlation_id: of the request that it is a part of.
        arguments: by name, as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str
    correlation_id: str
    arguments: dict[str, JsonValue]


def serve_internal(*actions: Action) -> Callable[[dict[str, Any], LambdaContext], JsonValue]:
    """Return the Lambda handler of a service's internal calls.

    Args:
        actions: functions whose names are the actions. Arguments become what their annotations
            say; the answer is JSON.

    Example:
        >>> def export_user(user_id: UUID) -> JsonValue:
        ...     return {"alerts": []}
        >>> lambda_handler = serve_internal(export_user)
    """
    by_name = {action.__name__: validate_call(action) for action in actions}

    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> JsonValue:
        call = InternalCall.model_validate(event)
        start_request(call.correlation_id)
        try:
            return by_name[call.action](**call.arguments)
        except Exception:
            # the caller sees only that the function failed
            logger.exception("internal call failed", extra={"action": call.action})
            raise

    return lambda_handler
