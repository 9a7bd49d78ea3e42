"""What a tick reads of the armed levels: those that it crosses, however many there are."""

from typing import Any

import pytest
from sqlalchemy import event

from goldalert.ids import new_id
from tests.integration.alert_service.conftest import World

FAR_AWAY = 5_000


@pytest.mark.parametrize("price", ["99", "101"])
def test_no_statement_of_a_tick_reads_the_whole_table_of_levels(world: World, price: str) -> None:
    world.tick(1, "100")
    for alert_type, threshold in (("above", "100.5"), ("below", "99.5"), ("crosses", "101")):
        world.create(alert_type, threshold)
    world.create("crosses", "99")
    arm_far_away(world)

    plans: dict[str, str] = {}

    def explain(connection: Any, _: object, statement: str, parameters: Any, *__: object) -> None:
        if "thresholds" in statement:
            cursor = connection.connection.driver_connection.cursor()
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans[statement] = "\n".join(line for (line,) in cursor.fetchall())

    event.listen(world.engine, "before_cursor_execute", explain)
    world.tick(2, price)
    event.remove(world.engine, "before_cursor_execute", explain)

    assert len(world.fired()) == 2
    assert len(plans) >= 3
    assert [plan for plan in plans.values() if "Seq Scan on thresholds" in plan] == []


def arm_far_away(world: World) -> None:
    """Arm many levels that no tick of the test comes near to."""
    world.sql(
        "WITH one AS (SELECT * FROM alerts LIMIT 1), "
        "more AS (INSERT INTO alerts (id, user_id, alert_type, threshold, currency, unit, karat, "
        "  repeat, cooldown_minutes, hysteresis_percent, if_already_true, version, state, channels,"
        "  created_at, updated_at) "
        "  SELECT gen_random_uuid(), :other, 'above', 200 + n, currency, unit, karat, 'once', "
        "  cooldown_minutes, hysteresis_percent, if_already_true, version, state, channels, "
        "  created_at, updated_at FROM one, generate_series(1, :n) AS n "
        "  RETURNING id, user_id, threshold) "
        "INSERT INTO thresholds "
        "(alert_id, level_up, level_down, armed_after, series, kind) "
        "SELECT id, threshold, 50 - threshold / 1000, 1, 'price:USD', 'once' FROM more "
        "RETURNING 1",
        other=new_id(),
        n=FAR_AWAY,
    )
    with world.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE alerts, thresholds")
