"""What the log says of an event."""

import pytest

from goldalert.events.catalogue import UnknownEventError
from goldalert.events.prices import TickState
from goldalert.ids import new_id
from logging_service.domain import describe
from tests.support.examples import example
from tests.support.facts import alert_triggered, tick, trigger


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
            "alert_triggered/v1/one_trigger",
            "alert_service",
            "info",
            "alerts triggered: 1 at tick 1042",
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
    [entry] = describe(event)
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
    [entry] = describe(event.model_copy(update={"data": data}))
    assert entry.level == level


def test_the_prices_are_kept_as_they_were_sent() -> None:
    [entry] = describe(example("price_updated/v1/fresh"))
    assert entry.user_id is None
    assert entry.data["prices"] == {
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
def test_nothing_of_the_user_is_said(name: str) -> None:
    """S15: whom an entry is about stands beside it, for export and erasure."""
    event = example(name)
    [entry] = describe(event)
    said = str(entry.data) + entry.message
    personal = [str(entry.user_id), "time to sell", "Gold is above"]
    assert [text for text in personal if text in said] == []


def test_the_alerts_of_each_user_are_an_entry_of_their_own() -> None:
    """S18: one user's is erased without the others'."""
    ada, ben = new_id(), new_id()
    triggers = [trigger(ada), trigger(ben), trigger(ada)]
    entries = describe(alert_triggered(tick(sequence=7), *triggers))
    assert [(entry.user_id, entry.message) for entry in entries] == [
        (ada, "alerts triggered: 2 at tick 7"),
        (ben, "alerts triggered: 1 at tick 7"),
    ]
    assert entries[0].data["alert_ids"] == [str(triggers[n].alert_id) for n in (0, 2)]
    assert entries[1].data["trigger_ids"] == [str(triggers[1].trigger_id)]


def test_an_event_without_words_is_not_swallowed() -> None:
    with pytest.raises(UnknownEventError):
        describe(example("user_registered/v1/with_name"))
