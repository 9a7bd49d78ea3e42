"""A server of someone else's is emptied for a fresh stack only when its owner allows it."""

import pytest
import redis as client

from goldalert_local.errors import StackError
from goldalert_local.stores.external import administrator, empty_postgres, empty_redis
from goldalert_local.stores.postgres import EmbeddedPostgres, PostgresAddress
from goldalert_local.stores.redis import EmbeddedRedis


def databases(address: PostgresAddress) -> set[str]:
    with administrator(address) as connection:
        return {name for (name,) in connection.run("SELECT datname FROM pg_database")}


@pytest.fixture
def populated(postgres: EmbeddedPostgres) -> PostgresAddress:
    with administrator(postgres.address) as connection:
        connection.run("CREATE DATABASE auth_db")
        connection.run("CREATE DATABASE of_someone_else")
    return postgres.address


def test_databases_are_not_dropped_without_leave(populated: PostgresAddress) -> None:
    with pytest.raises(StackError, match=r"auth_db.*ALLOW_DROP=1"):
        empty_postgres(populated, {"auth_db"})
    assert "auth_db" in databases(populated)


def test_only_the_stack_s_databases_are_dropped(
    populated: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOW_DROP", "1")
    empty_postgres(populated, {"auth_db"})
    assert "auth_db" not in databases(populated)
    assert "of_someone_else" in databases(populated)


def test_an_empty_server_needs_no_leave(postgres: EmbeddedPostgres) -> None:
    empty_postgres(postgres.address, {"auth_db"})


def test_a_server_that_does_not_answer_is_told_in_one_line() -> None:
    nobody = PostgresAddress("127.0.0.1", 1, "postgres", "secret", "disable")
    with pytest.raises(StackError, match="DATABASE_URL cannot be used"):
        empty_postgres(nobody, {"auth_db"})


def test_keys_are_not_flushed_without_leave(
    redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client.Redis.from_url(f"{redis.url}/3") as connection:
        connection.set("key", "value")
        with pytest.raises(StackError, match="database 3"):
            empty_redis(redis.url, {3})
        assert connection.dbsize() == 1
        monkeypatch.setenv("ALLOW_DROP", "1")
        empty_redis(redis.url, {3})
        assert connection.dbsize() == 0
