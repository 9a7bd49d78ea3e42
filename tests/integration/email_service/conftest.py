"""The e-mail service with a database of its own for each test."""

from collections.abc import Callable, Iterator

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from email_service.bootstrap import services
from email_service.rendering import Composer
from goldalert import aws
from goldalert.db.engine import make_engine
from goldalert.messaging.relay import OutboxRelay
from goldalert.secrets import DatabaseSecret, ServiceSecret
from goldalert.security.sealed import EventKey, Sealer
from tests.support.lambda_runtime import Sqs
from tests.support.mailbox import EmailService


@pytest.fixture
def email(
    database: Callable[[str], DatabaseSecret],
    redis_url: Callable[[int], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[EmailService]:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "email_service")
    monkeypatch.setenv("SERVICE_SECRET", "goldalert/local/email_service")
    monkeypatch.setenv("TOPIC_ARN_PREFIX", "arn:aws:sns:eu-central-1:000000000000:events-")
    secret = database("email_service")
    sqs = Sqs()
    monkeypatch.setattr(aws, "client", lambda name: sqs)
    service = EmailService(
        engine=make_engine(secret),
        sealer=Sealer(EventKey(keys=[SecretStr(Fernet.generate_key().decode())])),
        sqs=sqs,
    )
    services.cache_clear()
    services().__dict__.update(
        secret=ServiceSecret(database=secret, redis_url=SecretStr(redis_url(4))),
        engine=service.engine,
        relay=OutboxRelay(service.engine, service.topics),
        composer=Composer("https://api.example", service.sealer),
        gateway=service.mailbox,
        mail_due=service.queue,
    )
    yield service
    services().redis.client.close()
    service.engine.dispose()
    services.cache_clear()
