"""The settings of the alert service."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from goldalert.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LEASE = timedelta(seconds=60)
"""How long a series is one worker's; longer than a function may run, so that it never runs out
under a worker that lives."""

GAP_DEADLINE = timedelta(minutes=15)
"""How long the ticks behind a missing one wait for it: three slots, longer than all tries of its
message take."""

CHUNK_ROWS = 500
"""How many alerts are claimed, armed again, disarmed or moved in one transaction."""

ENGINE_RESERVE_MS = 3_000
"""The engine begins a transaction only while this much of the function's time is left."""

HasTime = Callable[[], bool]
"""Says whether enough of the function's time is left to begin another transaction."""

CACHE_SECONDS = 30 * 60
"""How long the copy of a user's active alerts lives in Redis."""

MAX_SNOOZE = timedelta(days=365)
"""From now."""


def time_of(context: "LambdaContext") -> HasTime:
    return lambda: context.get_remaining_time_in_millis() > ENGINE_RESERVE_MS


class AlertSettings(Settings):
    """What the alert functions are told.

    Attributes:
        max_active_alerts: how many active alerts one user may have.
        max_alerts: how many alerts one user may have in all.
    """

    max_active_alerts: int = 100
    max_alerts: int = 1000
