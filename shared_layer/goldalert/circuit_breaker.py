"""Where circuit breakers of powertools keep the state of their circuits: in a service's Redis.

Import it on first use: the breaker of powertools loads boto3.
"""

import time
from threading import Lock
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
    CircuitBreakerExistingLockError,
    CircuitBreakerPersistenceLayer,
)
from aws_lambda_powertools.utilities.circuit_breaker.persistence.record import CircuitStateRecord
from aws_lambda_powertools.utilities.circuit_breaker.states import CircuitState, CircuitTransition
from pydantic import TypeAdapter

from goldalert.observability.log import logger

if TYPE_CHECKING:
    from goldalert.cache.client import RedisDatabase


class BreakerStates(CircuitBreakerPersistenceLayer):
    """The state of circuits, in a service's Redis; in the process's memory while that is away.

    Args:
        database: the service's own.
    """

    def __init__(self, database: "RedisDatabase") -> None:
        super().__init__()
        self._database = database
        self._records = TypeAdapter(CircuitStateRecord)
        self._own: dict[str, CircuitStateRecord] = {}
        self._election = Lock()

    def _get_record(self, name: str) -> CircuitStateRecord | None:
        with self._database.attempt() as redis:
            if redis is not None:
                return self._parse(redis.get(_key(name)))
        return self._own.get(name)

    def _put_record(
        self,
        record: CircuitStateRecord,
        condition: str | None = None,
        expected_opened_at: int | None = None,
    ) -> None:
        if condition is not None:
            self._elect(record, expected_opened_at)
            return
        self._own[record.name] = record
        with self._database.attempt() as redis:
            if redis is not None:
                redis.set(_key(record.name), self._dump(record), exat=record.expiry_timestamp)

    def _update_record(self, record: CircuitStateRecord) -> None:
        self._put_record(record)

    def _elect(self, record: CircuitStateRecord, expected_opened_at: int | None) -> None:
        """Store a half-open record, if its circuit waits for somebody to probe.

        Raises:
            CircuitBreakerExistingLockError: it does not; somebody else was faster.
        """
        from redis import WatchError

        key = _key(record.name)
        with self._database.attempt() as redis:
            if redis is not None:
                with redis.pipeline() as pipe:
                    pipe.watch(key)  # type: ignore[no-untyped-call] # redis leaves it untyped
                    _check_waiting(self._parse(pipe.get(key)), expected_opened_at)
                    pipe.multi()
                    pipe.set(key, self._dump(record), exat=record.expiry_timestamp)
                    try:
                        pipe.execute()
                    except WatchError as error:
                        raise CircuitBreakerExistingLockError from error
                self._own[record.name] = record
                return
        with self._election:
            _check_waiting(self._own.get(record.name), expected_opened_at)
            self._own[record.name] = record

    def _dump(self, record: CircuitStateRecord) -> bytes:
        return self._records.dump_json(record)

    def _parse(self, entry: object) -> CircuitStateRecord | None:
        return self._records.validate_json(entry) if isinstance(entry, str) else None


def log_transition(transition: CircuitTransition) -> None:
    """Log that a circuit opens, is probed or closes; for `on_transition` of `circuit_breaker`."""
    logger.warning(
        "circuit changes",
        extra={
            "circuit": transition.circuit_name,
            "from": transition.from_state.value,
            "to": transition.to_state.value,
        },
    )


def _check_waiting(record: CircuitStateRecord | None, expected_opened_at: int | None) -> None:
    """Raise unless a circuit is open as the caller saw it, or whoever probed it was lost."""
    if record is not None:
        is_open = record.state == CircuitState.OPEN and record.opened_at == expected_opened_at
        is_left = record.state == CircuitState.HALF_OPEN and (
            (record.probe_lease_expiry or 0) <= time.time()
        )
        if is_open or is_left:
            return
    raise CircuitBreakerExistingLockError


def _key(name: str) -> str:
    return f"breaker:{name}"
