"""The function that fetches ticks, as whoever cannot wait for its schedule calls it."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

from goldalert.errors import UnavailableError
from goldalert.observability.log import current_correlation_id, logger

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class FetchFunction:
    """Invokes it as EventBridge would.

    Args:
        name: the function's.
        invoker: boto3's client of Lambda, with its time-outs.
    """

    def __init__(self, name: str, invoker: "LambdaClient") -> None:
        self._name = name
        self._invoker = invoker

    def start(self, slot: datetime) -> None:
        """Have a slot's tick fetched, under the correlation id of the request.

        Raises:
            UnavailableError: Lambda did not take the call.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        event = {"id": current_correlation_id(), "time": slot.isoformat()}
        try:
            self._invoker.invoke(
                FunctionName=self._name, InvocationType="Event", Payload=json.dumps(event)
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("function is out of reach", extra={"called": self._name}, exc_info=error)
            raise UnavailableError("No tick can be asked for right now. Try again.") from error
