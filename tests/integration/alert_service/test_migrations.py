"""A database of the first version keeps its alerts, and lets their owners be erased."""

from collections.abc import Callable

from sqlalchemy import text

from goldalert.ids import new_id
from goldalert.messaging.erasure import living_users, mark_erased
from tests.support.migrations import FirstVersion


def test_alerts_stay_and_tombstones_can_be_set(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("alert_service")
    ada, ben = new_id(), new_id()
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alerts (id, user_id, alert_type, threshold, currency, unit, karat, "
                "if_already_true, channels, state, created_at, updated_at) VALUES (:id, :id, "
                "'above', 4400, 'USD', 'troy_ounce', 24, 'fire', '{email}', 'armed', now(), now())"
            ),
            {"id": ada},
        )
    database.upgrade()
    with database.engine.begin() as connection:
        mark_erased(connection, ben)
        assert living_users(connection, [ada, ben]) == {ada}
        assert connection.execute(text("SELECT user_id FROM alerts")).scalars().all() == [ada]
