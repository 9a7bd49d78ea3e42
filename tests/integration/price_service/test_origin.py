"""A price that is not a real one of now says so wherever it is shown."""

from collections.abc import Callable

import pytest

from price_service.domain.model import StoredTick
from price_service.handlers import api
from tests.support.invocations import Client
from tests.support.market_day import CALM, NOON, SLOT, refusal


def live(prices) -> StoredTick:
    return prices.fetch(**CALM)


def replay(prices, tmp_path) -> StoredTick:
    [stored] = prices.replay(tmp_path, "2026-08-18T16:00:00Z,4390")
    return stored


def simulate(simulated) -> StoredTick:
    simulated.fetch(NOON - SLOT, **CALM)
    simulated.market.script = [[refusal("swissquote")]]
    return simulated.fetch(NOON)


@pytest.fixture(params=["live", "replay", "simulator"])
def stored(request: pytest.FixtureRequest, simulated, tmp_path) -> StoredTick:
    made: dict[str, Callable[[], StoredTick]] = {
        "live": lambda: live(simulated),
        "replay": lambda: replay(simulated, tmp_path),
        "simulator": lambda: simulate(simulated),
    }
    tick = made[request.param]()
    # else an answer could agree with a label that is itself wrong
    assert tick.tick.origin == request.param
    return tick


@pytest.mark.usefixtures("services")
def test_every_answer_says_where_its_price_comes_from(stored: StoredTick) -> None:
    client = Client(api.lambda_handler)
    window = {"from": "2026-08-18T16:00:00Z", "to": "2026-08-18T16:05:00Z"}

    said = {
        "current": client.get("/price/current").body["origin"],
        "status": client.get("/price/status").body["origin"],
        "analytics": client.get("/price/analytics").body["origin"],
        "tick": client.get(f"/price/ticks/{stored.id}").body["origin"],
        "history": client.get("/price/history", **window).body["items"][0]["source"],
        "candles": client.get("/price/candles", interval="5m", **window).body["items"][0]["origin"],
    }

    assert set(said.values()) == {stored.tick.origin}, said
