"""The consumer: from a batch of SQS messages to effects, each message on its own.

What a handler raises gives that one message back to the queue, with a growing pause; after five
tries SQS moves it to the dead-letter queue. The other messages of the batch are done.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert import aws
from goldalert.db.outage import is_outage
from goldalert.errors import UnavailableError
from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.messaging.inbox import first_time
from goldalert.observability.log import logger, start_request

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

    from goldalert.db.unit_of_work import Transaction, UnitOfWork

BACKOFF_SECONDS = (1, 4, 15, 60)
"""Pause after the first, second, … failed try of a message."""

OUTAGE_BACKOFF_SECONDS = (5, 30, 180, 900)
"""The pauses while the database or another part is away: a fail-over takes minutes, and must not
fill the dead-letter queues with messages that nothing is wrong with."""

_RESERVE_MS = 2_000
"""A message is begun only while this much time is left: a time-out would take the whole batch."""


class OutOfTimeError(Exception):
    """No time is left for this message; it comes back at once."""


def consume_messages(
    event: dict[str, Any], context: LambdaContext, handle: Callable[[str], None]
) -> "PartialItemFailureResponse":
    """Give the body of each message to `handle`; report the failed ones back to SQS.

    Args:
        event: the SQS event.
        context: the Lambda context.
        handle: the effect of one message, which must be idempotent. It raises what is worth
            another try, and records and swallows what is not.
    """

    def handle_record(record: SQSRecord) -> None:
        start_request(record.message_id)
        try:
            if context.get_remaining_time_in_millis() < _RESERVE_MS:
                raise OutOfTimeError
            handle(record.body)
        except Exception as error:
            _give_back(record, error)
            raise

    return process_partial_response(
        event=event,
        record_handler=handle_record,
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


def consume[Repository](
    event: dict[str, Any],
    context: LambdaContext,
    *,
    consumer: str,
    unit_of_work: "UnitOfWork[Repository]",
    handle: "Callable[[Transaction[Repository], AnyEvent], None]",
    after_commit: Callable[[AnyEvent], None] | None = None,
) -> "PartialItemFailureResponse":
    """Give each event of a batch to `handle`, once, in a transaction of its own.

    Args:
        event: the SQS event, whose messages are envelopes (raw delivery).
        context: the Lambda context.
        consumer: the name in the inbox, such as `alert_service.on_price_updated`.
        unit_of_work: begins the transactions.
        handle: the effect. What it publishes is stored in the same transaction.
        after_commit: what must follow the commit, such as forgetting copies in Redis. It is called
            for a repeated event, too: the process may have ended between the two.

    Example:
        >>> def lambda_handler(event, context):  # doctest: +SKIP
        ...     return consume(event, context, consumer="user_service.on_user_registered",
        ...                    unit_of_work=services().unit_of_work, handle=create_profile)
    """

    def handle_message(message: str) -> None:
        parsed = parse_event(message)
        start_request(parsed.correlation_id)
        with unit_of_work.begin() as tx:
            is_new = first_time(tx.connection, parsed.event_id, consumer)
            if is_new:
                handle(tx, parsed)
        if after_commit is not None:
            after_commit(parsed)
        logger.info(
            "event was consumed" if is_new else "event was dealt with before",
            extra={"event_id": parsed.event_id, "event_type": parsed.event_type},
        )

    return consume_messages(event, context, handle_message)


def _give_back(record: SQSRecord, error: Exception) -> None:
    """Make a failed message visible again after its pause, instead of the queue's time-out."""
    attempt = int(record.attributes.approximate_receive_count)
    out_of_time = isinstance(error, OutOfTimeError)
    is_away = is_outage(error) or isinstance(error, UnavailableError)
    pauses = OUTAGE_BACKOFF_SECONDS if is_away else BACKOFF_SECONDS
    pause = 0 if out_of_time else pauses[min(attempt, len(pauses)) - 1]
    logger.warning(
        "message comes back",
        extra={"message_id": record.message_id, "attempt": attempt, "pause_seconds": pause},
        exc_info=None if out_of_time else error,
    )
    try:
        aws.client("sqs").change_message_visibility(
            QueueUrl=_queue_url(record.event_source_arn.rsplit(":", 1)[-1]),
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=pause,
        )
    except Exception as failure:  # the queue's own time-out brings it back, only later
        logger.warning("pause could not be set", exc_info=failure)


@cache
def _queue_url(name: str) -> str:
    """Return a queue's URL, asked for once a process: a failing batch needs it for each message."""
    return aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
