"""Calls another service's `internal.py`; a service that is down costs an error, never a hang.

boto3 tries a call again after a growing, random pause (`goldalert.aws`). A circuit breaker per
service stops asking one that keeps failing: it opens after three failed calls in a row, for all
processes that share the Redis, and lets one call through every 20 s to see whether to close again.

Import it on first use: the breaker of powertools loads boto3.
"""

import json
import math
import time
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitBreakerOpenError,
    circuit_breaker,
)
from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from goldalert.circuit_breaker import BreakerStates, log_transition
from goldalert.errors import UnavailableError
from goldalert.internal import InternalCall
from goldalert.observability.log import current_correlation_id, logger

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

BREAKER = CircuitBreakerConfig(
    failure_threshold=3,
    # not shorter than a call can take: a probe must end before the next one begins
    recovery_timeout=20,
    # the half-open circuit belongs to the thread that probes, and the export's threads end
    success_threshold=1,
)
"""When a circuit opens and closes. A process learns within 5 s what another one found out."""


class FunctionFailedError(Exception):
    """The other side was reached and raised an error, whose type is the message."""


class ServiceClient:
    """Calls the actions of one other service.

    Args:
        function_name: of its `internal` function, such as `goldalert-prod-auth-service-internal`.
        states: where its circuit is kept.
        invoker: boto3's client of Lambda, with its time-outs.
        breaker: when the circuit opens and closes.

    Example:
        >>> auth = ServiceClient(name, states, aws.client("lambda"))  # doctest: +SKIP
        >>> auth.call("export_user", user_id=user_id)  # doctest: +SKIP
    """

    def __init__(
        self,
        function_name: str,
        states: BreakerStates,
        invoker: "LambdaClient",
        breaker: CircuitBreakerConfig = BREAKER,
    ) -> None:
        self.service = function_name.rsplit("-", 3)[1]
        self._function_name = function_name
        self._invoker = invoker
        self._open_seconds = breaker.recovery_timeout
        self._guarded = circuit_breaker(
            name=function_name,
            persistence_store=states,
            on_transition=log_transition,
            config=breaker,
        )(self._invoke)

    def call(self, action: str, **arguments: object) -> JsonValue:
        """Return what the other service answers, within 19 s; at once while its circuit is open.

        A call whose answer is lost is made again, so that actions must bear repetition. The
        caller's correlation id travels along.

        Args:
            action: the name of a function that the other side serves (`goldalert.internal`).
            arguments: its arguments, of types that pydantic makes JSON of.

        Raises:
            UnavailableError: the service does not answer, or failed.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        call = InternalCall(
            action=action,
            correlation_id=current_correlation_id(),
            arguments=to_jsonable_python(arguments),
        )
        try:
            answer: JsonValue = self._guarded(call.model_dump_json())
        except CircuitBreakerOpenError as error:
            raise self._unavailable(_seconds_left(error, self._open_seconds)) from error
        except (BotoCoreError, ClientError, FunctionFailedError) as error:
            logger.warning(
                "service does not answer",
                extra={"called": self.service, "action": action, "error": str(error)},
            )
            raise self._unavailable(retry_after=5) from error
        return answer

    def _invoke(self, call: str) -> JsonValue:
        answer = self._invoker.invoke(FunctionName=self._function_name, Payload=call)
        result: JsonValue = json.load(answer["Payload"])
        if "FunctionError" in answer:
            # its message stays unread: it may hold what no log may
            kind = result.get("errorType") if isinstance(result, dict) else None
            raise FunctionFailedError(str(kind or answer["FunctionError"]))
        return result

    def _unavailable(self, retry_after: int) -> UnavailableError:
        return UnavailableError(
            f"The {self.service} service does not answer. Try again.", retry_after=retry_after
        )


def _seconds_left(error: CircuitBreakerOpenError, open_seconds: int) -> int:
    opened_at = error.circuit.opened_at if error.circuit else None
    return max(1, math.ceil((opened_at or 0) + open_seconds - time.time()))
