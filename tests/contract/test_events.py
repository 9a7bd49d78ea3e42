"""Every example under `events/contracts` is an event as it travels."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from alert_service.domain.rules import AlertType
from goldalert.events.catalogue import CATALOGUE, AnyEvent, UnknownEventError, parse_event, topic_of
from tests.support.examples import CONTRACTS, example

EXAMPLES = sorted(CONTRACTS.rglob("*.json"))


def name_of(path: Path) -> str:
    return path.relative_to(CONTRACTS).with_suffix("").as_posix()


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object inside a value, the value itself included."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects_in(item)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_is_the_event_that_its_place_says(path: Path) -> None:
    event_type, version, _ = name_of(path).split("/")
    event = parse_event(path.read_text(encoding="utf-8"))
    assert (event.event_type, f"v{event.event_version}") == (event_type, version)
    assert topic_of(event)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_comes_back_as_it_was_sent(path: Path) -> None:
    """A field that no contract knows, or a number that loses digits, would show here."""
    text = path.read_text(encoding="utf-8")
    event = parse_event(text)
    assert json.loads(event.to_message()) == json.loads(text)
    assert parse_event(event.to_message()) == event


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_fields_that_are_unknown_are_ignored(path: Path) -> None:
    """A producer may add an optional field before its consumers know it."""
    text = path.read_text(encoding="utf-8")
    newer = json.loads(text)
    # a map by currency has no fields
    maps = [id(newer["data"].get(name)) for name in ("prices", "rates")]
    for found in list(objects_in(newer)):
        if id(found) not in maps:
            found["added_later"] = {"by": "a newer producer"}
    assert parse_event(json.dumps(newer)) == parse_event(text)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
@pytest.mark.parametrize("change", [{"event_type": "gold_stolen"}, {"event_version": 99}])
def test_an_unknown_type_or_version_is_refused(path: Path, change: dict[str, object]) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    with pytest.raises(UnknownEventError):
        parse_event(json.dumps({**raw, **change}))


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
@pytest.mark.parametrize("field", ["event_id", "occurred_at", "producer", "correlation_id", "data"])
def test_an_event_without_its_envelope_is_refused(path: Path, field: str) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    del raw[field]
    with pytest.raises(ValueError, match=field):
        parse_event(json.dumps(raw))


@pytest.mark.parametrize("message", ["", "null", "[]", '"text"', "{", "{}", '{"event_type": []}'])
def test_what_is_no_event_is_refused(message: str) -> None:
    with pytest.raises((ValueError, UnknownEventError)):
        parse_event(message)


@pytest.mark.parametrize("contract", CATALOGUE.values(), ids=lambda contract: contract.__name__)
def test_every_contract_has_an_example(contract: type[AnyEvent]) -> None:
    event_type, version = (
        contract.model_fields[name].default for name in ("event_type", "event_version")
    )
    assert list(CONTRACTS.joinpath(event_type, f"v{version}").glob("*.json"))


@pytest.mark.parametrize("contract", CATALOGUE.values(), ids=lambda contract: contract.__name__)
def test_a_contract_says_its_name_and_version_once(contract: type[AnyEvent]) -> None:
    event_type, version = (
        contract.model_fields[name].default for name in ("event_type", "event_version")
    )
    camel = "".join(word.capitalize() for word in event_type.split("_"))
    assert contract.__name__ == f"{camel}V{version}"


def test_every_condition_has_an_example() -> None:
    event = example("alert_triggered/v1/every_condition")
    assert sorted(trigger.alert_type for trigger in event.data.triggers) == sorted(
        get_args(AlertType)
    )


def test_a_price_is_that_of_dollars_times_the_rate_that_it_comes_with() -> None:
    data = example("price_updated/v1/with_rates").data
    assert data.rates
    assert data.prices == {
        "USD": data.prices["USD"],
        **{currency: data.prices["USD"] * rate for currency, rate in data.rates.items()},
    }


def test_an_event_outside_the_catalogue_cannot_be_published() -> None:
    class GoldStolenV1(type(example_event())):  # type: ignore[misc]
        pass

    event = GoldStolenV1.model_validate(example_event().model_dump())
    with pytest.raises(UnknownEventError):
        topic_of(event)


def example_event() -> AnyEvent:
    return parse_event(EXAMPLES[0].read_text(encoding="utf-8"))
