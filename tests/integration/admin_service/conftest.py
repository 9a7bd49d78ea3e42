"""The admin service on a database of its own."""

from collections.abc import Callable, Iterator

import pytest

from admin_service.bootstrap import Services
from admin_service.config import AdminSettings
from admin_service.handlers import api, on_alert_triggered
from goldalert.secrets import DatabaseSecret, ServiceSecret


@pytest.fixture
def services(
    database: Callable[[str], DatabaseSecret], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    made = Services(
        AdminSettings(
            stage="local",
            powertools_service_name="admin_service",
            service_secret="unused",
            topic_arn_prefix="unused",
        )
    )
    made.secret = ServiceSecret(database=database("admin_service"), redis_url="redis://unused")
    for handler in (api, on_alert_triggered):
        monkeypatch.setattr(handler, "services", lambda: made)
    yield made
    made.engine.dispose()
