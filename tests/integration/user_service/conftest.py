"""The user service on a database and a Redis of its own."""

from collections.abc import Callable, Iterator

import pytest

from goldalert.secrets import DatabaseSecret, ServiceSecret
from user_service.bootstrap import Services
from user_service.config import UserSettings
from user_service.handlers import api, on_user_registered


@pytest.fixture
def services(
    database: Callable[[str], DatabaseSecret],
    redis_url: Callable[[int], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Services]:
    made = Services(
        UserSettings(
            stage="local",
            powertools_service_name="user_service",
            service_secret="unused",
            topic_arn_prefix="unused",
        )
    )
    made.secret = ServiceSecret(database=database("user_service"), redis_url=redis_url(1))
    for handler in (api, on_user_registered):
        monkeypatch.setattr(handler, "services", lambda: made)
    yield made
    made.cache.redis.close()
    made.engine.dispose()
