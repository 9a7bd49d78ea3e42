"""How the sources have done, kept with each tick."""

from decimal import Decimal

import pytest
from sqlalchemy import text

from goldalert.db.unit_of_work import UnitOfWork
from price_service.domain.health import SourceHealth
from price_service.domain.model import Reason, RecordedPrice
from price_service.repository import Repository
from price_service.use_cases import ticks
from tests.support.market_day import CALM, NOON, SLOT, quotes, refusal

FAR = {**CALM, "coinbase": "4500"}


def health(prices) -> dict[str, SourceHealth]:
    with prices.unit_of_work.begin() as tx:
        return {known.source: known for known in tx.repository.health()}


def test_of_each_source_that_was_asked_is_kept_in_the_order_of_their_priority(prices) -> None:
    prices.market.script = [[refusal("coinbase"), *quotes(swissquote="4390", a="4391")]]

    prices.fetch()

    # "a" is no exchange
    assert list(health(prices).values()) == [
        SourceHealth("swissquote", Reason.COUNTED, clean=1, last_quote_at=NOON),
        SourceHealth("coinbase", Reason.TIMED_OUT, failures=1),
    ]


def test_puts_a_source_into_quarantine_and_takes_it_back_and_its_quotes_count_throughout(
    prices,
) -> None:
    states, counted = [], []
    for number, answers in enumerate([FAR] * 3 + [CALM] * 6):
        moved = {source: str(Decimal(price) + number) for source, price in answers.items()}
        stored = prices.fetch(NOON + number * SLOT, **moved)
        states.append(health(prices)["coinbase"].state)
        counted.append(stored.tick.counted)

    assert states == ["ok", *["quarantined"] * 7, "ok"]
    assert counted == [3] * 9


def test_of_a_source_that_is_not_asked_any_more_stays(prices) -> None:
    prices.fetch(**CALM)

    prices.fetch(NOON + SLOT, swissquote="4390", coinbase="4391")

    assert health(prices)["gold-api.com"].last_quote_at == NOON


def test_changes_with_the_tick_or_not_at_all(prices) -> None:
    """R4."""

    class Failing(Repository):
        def save_health(self, health) -> None:
            super().save_health(health)
            raise RuntimeError("killed")

    prices.fetch(**CALM)
    before = health(prices)
    sound, prices.unit_of_work = prices.unit_of_work, UnitOfWork(prices.engine, Failing)
    with pytest.raises(RuntimeError, match="killed"):
        prices.fetch(NOON + SLOT, **FAR)
    prices.unit_of_work = sound

    assert health(prices) == before
    assert prices.rows("SELECT count(*) FROM prices") == [(1,)]


def test_goes_with_its_source_and_keeps_no_tick_from_being_stored(prices) -> None:
    prices.fetch(**CALM)
    with prices.engine.begin() as connection:
        connection.execute(text("DELETE FROM exchanges WHERE name = 'coinbase'"))
        connection.execute(text("UPDATE exchanges SET name = 'A' WHERE name = 'gold-api.com'"))

    assert list(health(prices)) == ["swissquote", "A"]
    assert prices.fetch(NOON + SLOT, **CALM) is not None
    assert health(prices)["swissquote"].last_quote_at == NOON + SLOT


def test_of_a_simulated_price_is_that_of_the_sources_which_did_not_answer(simulated) -> None:
    ticks.seed_history(simulated.unit_of_work, [RecordedPrice(NOON - SLOT, Decimal(4228))])

    assert simulated.fetch().tick.origin == "simulator"
    assert list(health(simulated).values()) == [
        SourceHealth("swissquote", Reason.TIMED_OUT, failures=1)
    ]
