"""The state of circuits in a real Redis: who may probe, of several processes and threads."""

import time
from collections.abc import Callable, Iterator
from threading import Barrier, Thread

import pytest
from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig

from goldalert.cache.client import RedisDatabase
from goldalert.circuit_breaker import BreakerStates
from goldalert.ids import new_id

# powertools counts whole seconds, so that two are more than one
BREAKER = CircuitBreakerConfig(recovery_timeout=2, success_threshold=1, local_cache_max_age=0)


@pytest.fixture
def name() -> str:
    return new_id().hex


@pytest.fixture
def make_states(redis_url: Callable[[int], str]) -> Iterator[Callable[[], BreakerStates]]:
    """What each process has of its own."""
    url = redis_url(1)
    databases: list[RedisDatabase] = []

    def make() -> BreakerStates:
        databases.append(RedisDatabase(url))
        return BreakerStates(databases[-1])

    yield make
    for database in databases:
        database.client.close()


def test_of_many_that_could_probe_one_does(
    make_states: Callable[[], BreakerStates], name: str
) -> None:
    states = [make_states() for _ in range(10)]
    states[0].save_open(name, failure_count=2, opened_at=7)
    elected, together = [], Barrier(len(states))

    def stand(own: BreakerStates) -> None:
        together.wait()
        if own.try_acquire_half_open(name, str(id(own)), opened_at=7):
            elected.append(own)

    threads = [Thread(target=stand, args=(own,)) for own in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(elected) == 1


def test_nobody_probes_for_an_earlier_failure(
    make_states: Callable[[], BreakerStates], name: str
) -> None:
    states = make_states()
    states.save_open(name, failure_count=2, opened_at=8)
    assert not states.try_acquire_half_open(name, "late", opened_at=7)


def test_a_probe_that_was_lost_is_made_by_another(
    make_states: Callable[[], BreakerStates], name: str
) -> None:
    lost, other = make_states(), make_states()
    lost.configure(BREAKER, name)
    lost.save_open(name, failure_count=2, opened_at=7)
    assert lost.try_acquire_half_open(name, "lost", opened_at=7)
    assert not other.try_acquire_half_open(name, "other", opened_at=7)
    end = time.monotonic() + 10
    while not other.try_acquire_half_open(name, "other", opened_at=7):
        assert time.monotonic() < end
