"""The logging service on a database of its own."""

from collections.abc import Callable, Iterator

import pytest

from goldalert.secrets import DatabaseSecret, ServiceSecret
from logging_service.bootstrap import Services
from logging_service.config import LoggingSettings
from logging_service.handlers import (
    api,
    on_alert_triggered,
    on_email_failed,
    on_email_sent,
    on_price_updated,
)


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
    made.secret = ServiceSecret(database=database("logging_service"), redis_url="redis://unused")
    for handler in (api, on_alert_triggered, on_email_failed, on_email_sent, on_price_updated):
        monkeypatch.setattr(handler, "services", lambda: made)
    yield made
    made.engine.dispose()
