"""A price that is not a real one of now says so wherever it is shown."""

from collections.abc import Callable

import pytest

from price_service.domain.model import StoredTick
from price_service.gateways.recorded import Replay
from price_service.handlers import api
from price_service.use_cases import ticks
from tests.support.invocations import Client
from tests.support.market_day import NOON, SLOT, refusal

CALM = {"swissquote": "4390", "gold-api.com": "4390.5", "coinbase": "4391"}


def live(prices) -> StoredTick:
    return prices.fetch(**CALM)


def replay(prices, tmp_path) -> StoredTick:
    path = tmp_path / "prices.csv"
    path.write_text("timestamp,price\n2026-08-18T16:00:00Z,4390\n")
    return ticks.replay_tick(
        prices.unit_of_work, prices.clock, Replay("local", str(path)), prices.cache
    )


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


@pytest.mark.usefixtures("parts")
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
