"""Who is not asked for a while: sources that keep failing, and those that asked for a pause.

Import it on first use: the breaker of powertools loads boto3.
"""

import time
from collections.abc import Callable
from typing import Final

from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitBreakerOpenError,
    circuit_breaker,
)

from goldalert.cache.client import RedisDatabase
from goldalert.circuit_breaker import BreakerStates, log_transition
from price_service.domain.model import Reason
from price_service.gateways.outgoing import RefusedError

BREAKER: Final = CircuitBreakerConfig(
    failure_threshold=3,
    # every other slot: what comes back is missed for ten minutes at most
    recovery_timeout=540,
    # the half-open circuit belongs to the thread that probes, and each asking has new threads
    success_threshold=1,
)
"""When the circuit of a source opens and closes."""

FAILURES = frozenset({Reason.TIMED_OUT, Reason.UNREACHABLE, Reason.BAD_STATUS, Reason.BAD_KEY})
"""What opens a circuit: the source did not do its work, and asking it costs time.

An answer that cannot be read does not: it came at once, it says nothing about the next one, and
`malformed` tells an admin more than `circuit_open`.
"""

DEFAULT_PAUSE = 540
LONGEST_PAUSE = 24 * 3600
"""Seconds; nobody can take a source away for longer by what it answers."""


class Circuits:
    """Asks sources through a circuit breaker for each, with its state in the service's Redis.

    While that is away, the process goes by what it knows itself, of circuits and of pauses.

    Args:
        database: the service's own.
        breaker: when circuits open and close.
    """

    def __init__(self, database: RedisDatabase, breaker: CircuitBreakerConfig = BREAKER) -> None:
        self._database = database
        self._breaker = breaker
        self._states = BreakerStates(database)
        self._paused_until: dict[str, float] = {}

    def ask[Answer](self, source: str, ask: Callable[[], Answer]) -> Answer:
        """Return what `ask` does, if the source is to be asked at all.

        Raises:
            RefusedError: as `ask` raises it; CIRCUIT_OPEN; or RATE_LIMITED while the source wants
                to be left alone.
        """
        self._check_pause(source)

        def attempt() -> Answer | RefusedError:
            try:
                return ask()
            except RefusedError as refused:
                if refused.reason in FAILURES:
                    raise
                return refused  # it works: its circuit stays closed, or closes

        guarded = circuit_breaker(
            name=_circuit(source),
            persistence_store=self._states,
            on_transition=log_transition,
            config=self._breaker,
        )(attempt)
        try:
            outcome: Answer | RefusedError = guarded()
        except CircuitBreakerOpenError as error:
            raise RefusedError(Reason.CIRCUIT_OPEN) from error
        if isinstance(outcome, RefusedError):
            self._note_pause(source, outcome)
            raise outcome
        return outcome

    def ask_anyway[Answer](self, source: str, ask: Callable[[], Answer]) -> Answer:
        """Return what `ask` does, and close the source's circuit if it answers.

        Raises:
            RefusedError: as `ask` raises it.
        """
        try:
            answer = ask()
        except RefusedError as refused:
            self._note_pause(source, refused)
            raise
        self._states.save_closed(_circuit(source))
        return answer

    def _note_pause(self, source: str, refused: RefusedError) -> None:
        if refused.reason is not Reason.RATE_LIMITED:
            return
        asked_for = DEFAULT_PAUSE if refused.retry_after is None else refused.retry_after
        seconds = min(asked_for, LONGEST_PAUSE)
        if seconds == 0:  # Redis would refuse it
            return
        self._paused_until[source] = time.time() + seconds
        with self._database.attempt() as redis:
            if redis is not None:
                redis.set(_pause(source), seconds, ex=seconds)

    def _check_pause(self, source: str) -> None:
        left = round(self._paused_until.get(source, 0) - time.time())
        with self._database.attempt() as redis:
            if redis is not None:
                left = redis.ttl(_pause(source))
        if left > 0:
            raise RefusedError(Reason.RATE_LIMITED, f"for {left} s more")


def _circuit(source: str) -> str:
    return f"source:{source}"


def _pause(source: str) -> str:
    return f"paused:{source}"
