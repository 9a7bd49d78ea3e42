"""What the log says of an event."""

import pytest

from goldalert.events.catalogue import UnknownEventError
from goldalert.events.prices import TickState
from logging_service.domain import describe
from tests.support.examples import example


@pytest.mark.parametrize(
    ("name", "service", "level", "message"),
    [
        (
            "price_updated/v1/fresh",
            "price_service",
            "info",
            "price updated: tick 1042 is fresh",
        ),
        (
            "alert_triggered/v1/two_users",
            "alert_service",
            "info",
            "alerts triggered: 2 at tick 1042",
        ),
        ("email_sent/v1/alert", "email_service", "info", "email sent: alert"),
        (
            "email_failed/v1/address_suppressed",
            "email_service",
            "warning",
            "email failed: alert, address_suppressed",
        ),
    ],
)
def test_each_event_has_its_words(name: str, service: str, level: str, message: str) -> None:
    event = example(name)
    entry = describe(event)
    assert (entry.service, entry.level, entry.message) == (service, level, message)
    assert (entry.event_type, entry.correlation_id, entry.timestamp) == (
        event.event_type,
        event.correlation_id,
        event.occurred_at,
    )


@pytest.mark.parametrize(
    ("state", "level"),
    [
        ("fresh", "info"),
        ("reduced", "info"),
        ("closed", "info"),
        ("held", "warning"),
        ("unknown", "warning"),
        ("stale", "warning"),
    ],
)
def test_a_price_that_cannot_be_trusted_is_a_warning(state: TickState, level: str) -> None:
    event = example("price_updated/v1/fresh")
    tick = event.data.tick.model_copy(update={"state": state})
    data = event.data.model_copy(update={"tick": tick})
    assert describe(event.model_copy(update={"data": data})).level == level


def test_the_prices_are_kept_as_they_were_sent() -> None:
    assert describe(example("price_updated/v1/fresh")).data["prices"] == {
        "USD": "4389.38",
        "EUR": "3764.478559176672",
        "JPY": "648211.12",
    }


@pytest.mark.parametrize(
    "name",
    [
        "alert_triggered/v1/one_trigger",
        "email_sent/v1/alert",
        "email_failed/v1/address_suppressed",
    ],
)
def test_nothing_of_the_user_is_kept(name: str) -> None:
    """S15."""
    event = example(name)
    said = str(describe(event).data) + describe(event).message
    users = [t.user_id for t in getattr(event.data, "triggers", [])] or [event.data.user_id]
    personal = [str(user) for user in users] + ["time to sell", "Gold is above"]
    assert [text for text in personal if text in said] == []


def test_an_event_without_words_is_not_swallowed() -> None:
    with pytest.raises(UnknownEventError):
        describe(example("user_registered/v1/with_name"))
