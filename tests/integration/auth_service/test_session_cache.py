"""What Redis knows of sessions: on a real one, and on one that is away."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from auth_service.gateways import SessionCache
from goldalert.cache.client import RedisDatabase
from goldalert.ids import new_id
from tests.support.accounts import Auth

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def redis_database(redis_url: Callable[[int], str]) -> Iterator[RedisDatabase]:
    made = RedisDatabase(redis_url(0))
    yield made
    made.client.close()


@pytest.fixture
def sessions(redis_database: RedisDatabase) -> SessionCache:
    return SessionCache(redis_database)


def test_a_use_is_remembered_for_a_day(
    redis_database: RedisDatabase, sessions: SessionCache
) -> None:
    used, unused = new_id(), new_id()
    assert sessions.note_use(used, NOW)
    assert sessions.last_uses([used, unused]) == {used: NOW}
    assert redis_database.client.keys() == [f"session:{used}"]
    assert 24 * 3600 - 60 < redis_database.client.ttl(f"session:{used}") <= 24 * 3600
    assert sessions.last_uses([]) == {}


def test_what_is_denied_is_refused_for_longer_than_its_tokens_live(
    redis_database: RedisDatabase, sessions: SessionCache
) -> None:
    """S6."""
    over, standing = new_id(), new_id()
    for session_id in (over, standing):
        sessions.note_use(session_id, NOW)
    sessions.deny([over])
    assert sorted(redis_database.client.keys()) == [f"revoked:{over}", f"session:{standing}"]
    assert 15 * 60 < redis_database.client.ttl(f"revoked:{over}") <= 20 * 60
    assert not sessions.note_use(over, NOW)
    assert sessions.note_use(standing, NOW)
    sessions.deny([])


def test_the_authorizer_makes_one_round_trip(
    redis_database: RedisDatabase, sessions: SessionCache
) -> None:
    sessions.note_use(new_id(), NOW)
    connection = redis_database.client.connection_pool.get_connection()
    redis_database.client.connection_pool.release(connection)
    sent: list[bytes] = []
    send = connection.send_packed_command
    connection.send_packed_command = lambda command, *rest, **options: (  # type: ignore[method-assign]
        sent.append(b"".join(command)),
        send(command, *rest, **options),
    )
    sessions.note_use(new_id(), NOW)
    assert len(sent) == 1
    assert b"SET" in sent[0]
    assert b"EXISTS" in sent[0]


def test_without_redis_nothing_is_known_and_nothing_fails() -> None:
    """R12."""
    sessions = SessionCache(RedisDatabase("redis://127.0.0.1:1/0"))
    session_id = new_id()
    assert sessions.note_use(session_id, NOW)
    assert sessions.last_uses([session_id]) == {}
    sessions.deny([session_id])
    sessions.forget_use(session_id)


@pytest.mark.parametrize("accident", ["none", "flushed", "away"])
def test_who_is_logged_out_stays_so_whatever_befalls_redis(
    auth: Auth, redis_database: RedisDatabase, sessions: SessionCache, accident: str
) -> None:
    """R12, S6."""
    auth.session_cache = sessions
    auth.register()
    over, standing = (auth.claims(auth.login().access_token) for _ in range(2))
    assert auth.allows(over)
    auth.logout(over.session_id)
    match accident:
        case "flushed":
            redis_database.client.flushdb()
        case "away":
            auth.session_cache = SessionCache(RedisDatabase("redis://127.0.0.1:1/0"))
    assert not auth.allows(over)
    assert auth.allows(standing)


def test_nothing_of_a_session_that_is_over_comes_back_to_redis(
    auth: Auth, redis_database: RedisDatabase, sessions: SessionCache
) -> None:
    """S18: its access token may still be tried for a quarter of an hour."""
    auth.session_cache = sessions
    auth.register()
    claims = auth.claims(auth.login().access_token)
    auth.logout(claims.session_id)
    redis_database.client.flushdb()
    assert not auth.allows(claims)
    assert redis_database.client.keys() == []
