"""A log of an earlier version keeps its entries, without the ids that no erasure could find."""

import shutil
from pathlib import Path

from sqlalchemy import create_engine, text

import logging_service
from goldalert.db.engine import make_engine
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret
from migrator.upgrade import upgrade

MIGRATIONS = Path(logging_service.__file__).parent / "migrations"
COPY = "logging_db_of_the_first_version"

ENTRIES = {
    "alert_triggered": '{"sequence": 7, "alert_ids": ["a"], "trigger_ids": ["t"]}',
    "email_failed": '{"kind": "alert", "mail_id": "m", "reason": "rejected"}',
    "email_sent": '{"kind": "alert", "mail_id": "m"}',
    "price_updated": '{"sequence": 7}',
}


def test_a_log_of_the_first_version_is_upgraded(postgres: DatabaseSecret, tmp_path: Path) -> None:
    """S18."""
    first = tmp_path / "migrations"
    first.mkdir()
    shutil.copy(MIGRATIONS / "0001_application_logs.py", first)
    admin = create_engine(make_engine(postgres).url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {COPY}"))
    engine = make_engine(postgres.model_copy(update={"dbname": COPY}))
    with engine.begin() as connection:
        upgrade(connection, first)
        for event_type, data in ENTRIES.items():
            connection.execute(
                text(
                    "INSERT INTO application_logs (id, service, level, message, event_type, "
                    "correlation_id, timestamp, data) VALUES (:id, 'service', 'info', 'message', "
                    ":event_type, 'request', now(), CAST(:data AS jsonb))"
                ),
                {"id": new_id(), "event_type": event_type, "data": data},
            )
    with engine.begin() as connection:
        upgrade(connection, MIGRATIONS)
        rows = connection.execute(
            text("SELECT event_type, data, user_id FROM application_logs ORDER BY event_type")
        )
        assert [tuple(row) for row in rows] == [
            ("alert_triggered", {"sequence": 7}, None),
            ("email_failed", {"kind": "alert", "reason": "rejected"}, None),
            ("email_sent", {"kind": "alert"}, None),
            ("price_updated", {"sequence": 7}, None),
        ]
    engine.dispose()
    admin.dispose()
