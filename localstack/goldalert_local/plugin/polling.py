"""Queues are polled at once. LocalStack asks an empty queue again after a second or more; here its
pollers wait in the queue, as AWS's do (long polling): faster, and idle costs nothing.
"""

from typing import Any

WAIT_SECONDS = 5  # short enough for a removed mapping to be gone soon


def install() -> None:
    from localstack.services.lambda_.event_source_mapping import esm_worker
    from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

    original_init = SqsPoller.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original_init(self, *args, **kwargs)
        self.maximum_batching_window = self.maximum_batching_window or WAIT_SECONDS

    SqsPoller.__init__ = init

    class PromptBackoff(esm_worker.ExponentialBackoff):  # type: ignore[misc]  # untyped base
        """Honours the configured maximum from the first time on."""

        def __init__(self, initial_interval: float, max_interval: float) -> None:
            super().__init__(
                initial_interval=min(initial_interval, max_interval), max_interval=max_interval
            )

    esm_worker.ExponentialBackoff = PromptBackoff
