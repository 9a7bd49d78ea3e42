"""Empties servers of someone else's for a stack that starts fresh, and only with their leave."""

import os
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pg8000.exceptions
import pg8000.native
import redis

from goldalert_local.errors import StackError
from goldalert_local.stores.postgres import PostgresAddress

PERMISSION = "ALLOW_DROP"


@contextmanager
def administrator(address: PostgresAddress) -> Iterator[pg8000.native.Connection]:
    try:
        connection = pg8000.native.Connection(
            address.user,
            host=address.host,
            port=address.port,
            password=address.password,
            database="postgres",
            ssl_context=None if address.sslmode == "disable" else ssl.create_default_context(),
        )
    except (pg8000.exceptions.Error, OSError) as error:
        raise StackError(f"the server of DATABASE_URL cannot be used: {error}") from error
    try:
        yield connection
    finally:
        connection.close()


def empty_postgres(address: PostgresAddress, databases: Collection[str]) -> None:
    """Drop these databases; the roles stay, and get new passwords from the migrator."""
    with administrator(address) as connection:
        present = {name for (name,) in connection.run("SELECT datname FROM pg_database")}
        for name in sorted(present.intersection(databases)):
            require_permission(f"the server of DATABASE_URL has a database {name}")
            connection.run(f"DROP DATABASE {pg8000.native.identifier(name)} WITH (FORCE)")


def empty_redis(url: str, numbers: Collection[int]) -> None:
    """Flush these databases."""
    for number in numbers:
        try:
            with redis.Redis.from_url(f"{url}/{number}") as connection:
                if connection.dbsize():
                    require_permission(f"database {number} of REDIS_URL has keys")
                    connection.flushdb()
        except redis.RedisError as error:
            raise StackError(f"the server of REDIS_URL cannot be used: {error}") from error


def require_permission(found: str) -> None:
    if os.environ.get(PERMISSION) != "1":
        raise StackError(
            f"{found}, and this stack starts empty: "
            f"name another server, or set {PERMISSION}=1 to lose what is there"
        )
