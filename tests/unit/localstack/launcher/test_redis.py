"""The embedded Redis keeps its keys and lets nobody in without the password."""

import pytest
import redis as client

from goldalert_local.errors import StackError
from goldalert_local.stores.redis import EmbeddedRedis, external_url


def test_keys_outlive_a_restart(redis: EmbeddedRedis) -> None:
    with client.Redis.from_url(f"{redis.url}/3") as connection:
        connection.set("kept", "7")
    redis.stop()
    redis.start()
    redis.wait()
    with client.Redis.from_url(f"{redis.url}/3") as connection:
        assert connection.get("kept") == b"7"


def test_the_password_is_asked_for(redis: EmbeddedRedis) -> None:
    without_password = redis.url.replace(":secret@", "")
    with (
        client.Redis.from_url(without_password) as connection,
        pytest.raises(client.AuthenticationError),
    ):
        connection.ping()


def test_redis_url_loses_its_database_number() -> None:
    assert external_url("redis://:pw@cache:6380/5") == "redis://:pw@cache:6380"


def test_another_redis_url_is_told_in_one_line() -> None:
    with pytest.raises(StackError, match="REDIS_URL must look like"):
        external_url("memcached://cache")
