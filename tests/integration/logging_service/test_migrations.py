"""A log of an earlier version keeps its entries, without the ids that no erasure could find."""

from collections.abc import Callable

from sqlalchemy import text

from goldalert.ids import new_id
from tests.support.migrations import FirstVersion

ENTRIES = {
    "alert_triggered": '{"sequence": 7, "alert_ids": ["a"], "trigger_ids": ["t"]}',
    "email_failed": '{"kind": "alert", "mail_id": "m", "reason": "rejected"}',
    "email_sent": '{"kind": "alert", "mail_id": "m"}',
    "price_updated": '{"sequence": 7}',
}


def test_a_log_of_the_first_version_is_upgraded(
    first_version: Callable[..., FirstVersion],
) -> None:
    """S18."""
    database = first_version("logging_service")
    with database.engine.begin() as connection:
        for event_type, data in ENTRIES.items():
            connection.execute(
                text(
                    "INSERT INTO application_logs (id, service, level, message, event_type, "
                    "correlation_id, timestamp, data) VALUES (:id, 'service', 'info', 'message', "
                    ":event_type, 'request', now(), CAST(:data AS jsonb))"
                ),
                {"id": new_id(), "event_type": event_type, "data": data},
            )
    database.upgrade()
    with database.engine.begin() as connection:
        rows = connection.execute(
            text("SELECT event_type, data, user_id FROM application_logs ORDER BY event_type")
        )
        assert [tuple(row) for row in rows] == [
            ("alert_triggered", {"sequence": 7}, None),
            ("email_failed", {"kind": "alert", "reason": "rejected"}, None),
            ("email_sent", {"kind": "alert"}, None),
            ("price_updated", {"sequence": 7}, None),
        ]
