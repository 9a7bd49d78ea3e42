"""The admin service on a database of its own."""

from collections.abc import Callable, Iterator

import pytest

from admin_service.bootstrap import Services
from admin_service.config import AdminSettings
from admin_service.handlers import (
    api,
    internal,
    on_alert_triggered,
    on_user_deleted,
    on_user_erased,
    on_user_role_changed,
    scheduled_remove_old_rows,
)
from goldalert.secrets import DatabaseSecret, ServiceSecret

HANDLERS = (
    api,
    internal,
    on_alert_triggered,
    on_user_deleted,
    on_user_erased,
    on_user_role_changed,
    scheduled_remove_old_rows,
)


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
    made.secret = ServiceSecret(database=database("admin_service"), redis_url="redis://127.0.0.1:1")
    for handler in HANDLERS:
        monkeypatch.setattr(handler, "services", lambda: made)
    yield made
    made.engine.dispose()
