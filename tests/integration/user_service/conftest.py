"""The user service on a database and a Redis of its own."""

from collections.abc import Callable, Iterator

import pytest

from goldalert.secrets import DatabaseSecret, ServiceSecret
from tests.support.examples import example
from tests.support.invocations import Client, deliver
from user_service.bootstrap import Services
from user_service.config import UserSettings
from user_service.handlers import (
    api,
    on_user_deleted,
    on_user_registered,
    scheduled_relay_outbox,
)


class NoRelay:
    """What is published stays in the outbox."""

    def run(self, **_: object) -> int:
        return 0


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
    made.relay = NoRelay()  # type: ignore[assignment]
    for handler in (api, on_user_deleted, on_user_registered, scheduled_relay_outbox):
        monkeypatch.setattr(handler, "services", lambda: made)
    yield made
    made.redis.client.close()
    made.engine.dispose()


@pytest.fixture
def ada(services: Services) -> Client:
    """A user whose registration has arrived."""
    event = example("user_registered/v1/with_name")
    assert deliver(on_user_registered.lambda_handler, event) == []
    return Client(api.lambda_handler, event.data.user_id)
