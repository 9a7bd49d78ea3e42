"""What is old is removed, and nothing else."""

import pytest
from sqlalchemy import Engine, text

from goldalert.messaging import retention
from goldalert.messaging.retention import remove_old_rows


def rows(engine: Engine, table: str) -> int:
    with engine.begin() as connection:
        count: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        return count


@pytest.fixture
def aged(engine: Engine) -> Engine:
    """In each table three rows that are a minute too old, and three that are not yet."""
    with engine.begin() as connection:
        for minutes in (1, -1):
            age = {"minutes": minutes}
            connection.execute(
                text(
                    "INSERT INTO inbox SELECT gen_random_uuid(), 'consumer', now() - "
                    "interval '28 days' - make_interval(mins => :minutes) "
                    "FROM generate_series(1, 3)"
                ),
                age,
            )
            connection.execute(
                text(
                    "INSERT INTO idempotency_keys SELECT gen_random_uuid(), 'key', 'f', NULL, "
                    "now() - interval '24 hours' - make_interval(mins => :minutes) "
                    "FROM generate_series(1, 3)"
                ),
                age,
            )
    return engine


def test_rows_go_when_their_time_is_over(aged: Engine) -> None:
    assert remove_old_rows(aged, "inbox", "idempotency_keys") == 6
    assert (rows(aged, "inbox"), rows(aged, "idempotency_keys")) == (3, 3)
    assert remove_old_rows(aged, "inbox", "idempotency_keys") == 0


def test_a_run_removes_a_bounded_number(aged: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_ROWS", 2)
    assert [remove_old_rows(aged, "inbox") for _ in range(3)] == [2, 1, 0]
