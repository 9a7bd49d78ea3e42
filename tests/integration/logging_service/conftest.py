"""The logging service on a database of its own; what it publishes stays in the outbox."""

from collections.abc import Callable, Iterator

import pytest

from goldalert.secrets import DatabaseSecret, ServiceSecret
from logging_service.bootstrap import Services
from logging_service.config import LoggingSettings
from logging_service.handlers import (
    api,
    internal,
    on_alert_triggered,
    on_email_failed,
    on_email_sent,
    on_price_updated,
    on_user_deleted,
    scheduled_relay_outbox,
)

HANDLERS = (
    api,
    internal,
    on_alert_triggered,
    on_email_failed,
    on_email_sent,
    on_price_updated,
    on_user_deleted,
    scheduled_relay_outbox,
)


class NoRelay:
    def run(self, **_: object) -> int:
        return 0


@pytest.fixture
def services(
    database: Callable[[str], DatabaseSecret], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    made = Services(
        LoggingSettings(
            stage="local",
            powertools_service_name="logging_service",
            service_secret="unused",
            topic_arn_prefix="unused",
        )
    )
    made.secret = ServiceSecret(
        database=database("logging_service"), redis_url="redis://127.0.0.1:1"
    )
    made.relay = NoRelay()  # type: ignore[assignment]
    for handler in HANDLERS:
        monkeypatch.setattr(handler, "services", lambda: made)
    yield made
    made.engine.dispose()
