"""Queues are polled at once. LocalStack looks at an empty queue again after a second or more; here
its pollers wait inside the queue, as AWS's do (long polling): faster, and idle costs nothing.
"""

import contextlib
from typing import Any

WAIT_SECONDS = 5  # short enough for a removed mapping to be gone soon
PAUSE_SECONDS = 0.02  # between polls; a queue that is being deleted does not wait


def install() -> None:
    from localstack.services.lambda_.event_source_mapping import esm_worker
    from localstack.services.lambda_.event_source_mapping.pollers.poller import (
        EmptyPollResultsException,
    )
    from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

    original_init, original_poll = SqsPoller.__init__, SqsPoller.poll_events

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original_init(self, *args, **kwargs)
        self.maximum_batching_window = self.maximum_batching_window or WAIT_SECONDS

    def poll_events(self: Any) -> None:
        with contextlib.suppress(EmptyPollResultsException):  # it has waited: no need to back off
            original_poll(self)

    SqsPoller.__init__ = init
    SqsPoller.poll_events = poll_events
    esm_worker.LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC = PAUSE_SECONDS
