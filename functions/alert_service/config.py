"""The settings of the alert service."""

from datetime import timedelta

from goldalert.settings import Settings

LEASE = timedelta(seconds=60)
"""How long a series is one worker's; longer than a function may run, so that it never runs out
under a worker that lives."""

GAP_DEADLINE = timedelta(minutes=15)
"""How long the ticks behind a missing one wait for it: three slots, longer than all tries of its
message take."""

CHUNK_ROWS = 500
"""Levels claimed in one transaction."""

ENGINE_RESERVE_MS = 3_000
"""The engine begins a transaction only while this much of the function's time is left."""


class AlertSettings(Settings):
    """What the alert functions are told.

    Attributes:
        max_active_alerts: how many armed alerts one user may have.
    """

    max_active_alerts: int = 100
