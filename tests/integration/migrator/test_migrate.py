"""Deploys that run at the same time, on a real server."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from goldalert.secrets import DatabaseSecret
from migrator.handlers.migrate import migrate

DEPLOYS = 3


def test_deploys_at_the_same_time_make_one_database_and_all_succeed(
    postgres: DatabaseSecret,
) -> None:
    # a role and a database that no deploy has made yet
    secret = postgres.model_copy(update={"user": "raced", "dbname": "raced_db"})
    together = Barrier(DEPLOYS)

    def deploy(_number: int) -> str:
        together.wait()
        return migrate(postgres, "logging_service", secret)

    with ThreadPoolExecutor(DEPLOYS) as pool:
        versions = list(pool.map(deploy, range(DEPLOYS)))
    assert len(set(versions)) == 1
