"""How secrets are read."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber
from pydantic import BaseModel, SecretStr

from goldalert import aws, secrets
from goldalert.errors import UnavailableError
from goldalert.secrets import read_secret


class Pepper(BaseModel):
    pepper: SecretStr


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    aws.client.cache_clear()  # type: ignore[attr-defined]
    secrets._provider.cache_clear()
    with Stubber(aws.client("secretsmanager")) as stub:
        yield stub
    aws.client.cache_clear()  # type: ignore[attr-defined]
    secrets._provider.cache_clear()


def test_a_secret_is_asked_for_again_only_when_it_must_be_fresh(secrets_manager: Stubber) -> None:
    """S16."""
    for value in ("first", "second"):
        answer = {"SecretString": f'{{"pepper": "{value}"}}'}
        secrets_manager.add_response("get_secret_value", answer, {"SecretId": "pepper"})
    read = [
        read_secret("pepper", Pepper, fresh=fresh).pepper.get_secret_value()
        for fresh in (False, False, True, False)
    ]
    assert read == ["first", "first", "second", "second"]


def test_secrets_manager_is_given_eight_seconds_in_all(secrets_manager: Stubber) -> None:
    config = secrets_manager.client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 3)
    assert config.retries["total_max_attempts"] == 2


def test_a_secret_that_cannot_be_read_makes_the_service_unavailable(
    secrets_manager: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_out(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://secretsmanager")

    monkeypatch.setattr(secrets_manager.client, "get_secret_value", time_out)
    with pytest.raises(UnavailableError):
        read_secret("pepper", Pepper)
