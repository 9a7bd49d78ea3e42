"""Settings from the environment."""

import pytest
from pydantic import ValidationError

from goldalert.settings import Settings

GOOD = {
    "STAGE": "local",
    "POWERTOOLS_SERVICE_NAME": "alert_service",
    "SERVICE_SECRET": "goldalert/local/alert_service",
    "TOPIC_ARN_PREFIX": "arn:aws:sns:us-east-1:000000000000:goldalert-local-events-",
}


class SettingsWithLimit(Settings):
    limit: int = 7


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_a_service_adds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SettingsWithLimit.from_environment().limit == 7
    monkeypatch.setenv("LIMIT", "9")
    settings = SettingsWithLimit.from_environment()
    assert (settings.limit, settings.stage, settings.service) == (9, "local", "alert_service")


@pytest.mark.parametrize(("name", "value"), [("STAGE", "production"), ("LIMIT", "many")])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        SettingsWithLimit.from_environment()


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERVICE_SECRET")
    with pytest.raises(ValidationError, match="service_secret"):
        Settings.from_environment()
