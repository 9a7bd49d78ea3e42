"""The events of `events/contracts`, as tests start from them."""

from pathlib import Path

from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.ids import new_id

CONTRACTS = Path(__file__).resolve().parents[2] / "events" / "contracts"


def example(path: str) -> AnyEvent:
    """Return an example, such as `user_registered/v1/with_name`, as an event not seen before."""
    text = CONTRACTS.joinpath(f"{path}.json").read_text(encoding="utf-8")
    return parse_event(text).model_copy(update={"event_id": new_id()})
