"""A limit to the processes of one function: two cores cannot serve AWS's thousand at once."""

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

# An HTTP caller has been answered with a time-out by then (API Gateway waits 29 s).
WAIT_SECONDS = 29.0

type Lease = Callable[..., contextlib.AbstractContextManager[Any]]  # LocalStack has no types


def install() -> None:
    from localstack.services.lambda_.invocation.counting_service import CountingService

    CountingService.get_invocation_lease = limited(
        CountingService.get_invocation_lease,
        per_function=int(os.environ.get("LAMBDA_PROCESS_MAX_PER_FUNCTION", "4")),
        wait_seconds=WAIT_SECONDS,
    )


def limited(get_lease: Lease, *, per_function: int, wait_seconds: float) -> Lease:
    """Let at most `per_function` invocations of a function run at once.

    Further ones wait, then are throttled as AWS does it, so that pollers and asynchronous
    invocations try again. Environments are reused before new ones are started, so this bounds the
    processes too.
    """
    from localstack.aws.api.lambda_ import TooManyRequestsException

    slots: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(per_function))

    @contextlib.contextmanager
    def get_invocation_lease(
        self: Any,
        function: Any,
        function_version: Any,
        *args: Any,
    ) -> Iterator[Any]:
        slot = slots[function_version.id.unqualified_arn()]
        if not slot.acquire(timeout=wait_seconds):
            raise TooManyRequestsException(
                "Rate Exceeded.", Reason="ConcurrentInvocationLimitExceeded", Type="User"
            )
        try:
            with get_lease(self, function, function_version, *args) as lease:
                yield lease
        finally:
            slot.release()

    return get_invocation_lease
