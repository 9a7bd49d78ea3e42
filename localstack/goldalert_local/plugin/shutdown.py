"""Ends LocalStack for good once it has stopped.

A request that is still in its gateway then waits for an event loop that no longer runs, in a thread
that Python would join: without this, SIGTERM hangs every now and then.
"""

import os
import sys
import threading

from localstack.runtime import events, get_current_runtime


def install() -> None:
    threading.Thread(target=_exit_when_stopped, daemon=True).start()


def _exit_when_stopped() -> None:
    events.infra_stopped.wait()
    sys.stdout.flush()
    os._exit(get_current_runtime().exit_code)
