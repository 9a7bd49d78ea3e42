"""The notification service with a database of its own for each test."""

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from goldalert import aws
from goldalert.db.engine import make_engine
from goldalert.messaging.relay import OutboxRelay
from goldalert.secrets import DatabaseSecret, ServiceSecret
from notification_service.bootstrap import services
from tests.support.lambda_runtime import Sqs, Topics


@pytest.fixture
def topics() -> Topics:
    """What the service publishes."""
    return Topics()


@pytest.fixture
def engine(
    database: Callable[[str], DatabaseSecret],
    redis_url: Callable[[int], str],
    topics: Topics,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Engine]:
    """The service's database, which its handlers use from now on."""
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "notification_service")
    monkeypatch.setenv("SERVICE_SECRET", "goldalert/local/notification_service")
    monkeypatch.setenv("TOPIC_ARN_PREFIX", "arn:aws:sns:eu-central-1:000000000000:events-")
    monkeypatch.setattr(aws, "client", lambda name: Sqs())
    secret = database("notification_service")
    services.cache_clear()
    services().__dict__["secret"] = ServiceSecret(
        database=secret, redis_url=SecretStr(redis_url(5))
    )
    services().__dict__["engine"] = engine = make_engine(secret)
    services().__dict__["relay"] = OutboxRelay(engine, topics)
    yield engine
    services().redis.client.close()
    engine.dispose()
    services.cache_clear()
