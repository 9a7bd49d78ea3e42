"""From the sources' answers to the stored tick and its event."""

import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text

from goldalert.db.unit_of_work import UnitOfWork
from goldalert.money import Currency
from price_service.domain.model import Rate, RecordedPrice, TickReason
from price_service.repository import Repository
from price_service.use_cases import ticks
from tests.support.market_day import CALM, NOON, SLOT, quote, quotes, refusal

DEARER = dict.fromkeys(CALM, "4391")
SEED = [RecordedPrice(NOON - timedelta(days=78), Decimal(4228))]
EURO = Rate(Currency.EUR, Decimal("0.85697"), "frankfurter", date(2026, 8, 18))


def test_a_tick_is_stored_with_its_event_in_all_currencies(prices) -> None:
    prices.rates.rates = [EURO]

    stored = prices.fetch(**CALM)

    [event] = prices.published()
    assert event.data.tick.model_dump() == {
        "tick_id": stored.id,
        "sequence": 1,
        "slot": NOON,
        "state": "fresh",
        "origin": "live",
        "sources": ["swissquote", "gold-api.com", "coinbase"],
        "counted": 3,
        "agreeing": 3,
        "spread_bps": Decimal(2),
        "exchange_rates_as_of": date(2026, 8, 18),
    }
    assert event.data.prices == {"USD": Decimal("4390.5"), "EUR": Decimal("3762.526785")}
    assert event.data.rates == {"EUR": EURO.per_usd}
    assert prices.rows("SELECT sequence, price, timestamp, state FROM prices") == [
        (1, Decimal("4390.5"), NOON, "fresh")
    ]


def test_a_stored_tick_is_read_as_it_was_made(prices) -> None:
    prices.rates.rates = [EURO]
    prices.market.script = [[*quotes(**CALM), refusal("other")]]

    stored = prices.fetch()

    with prices.unit_of_work.begin() as tx:
        assert tx.repository.tick(stored.id) == stored
        assert tx.repository.last_ticks(5) == [stored]


def test_the_enabled_sources_are_asked_in_the_order_of_their_priority(prices) -> None:
    prices.fetch(**CALM)

    [asked] = prices.market.asked
    assert asked == [
        "swissquote",
        "gold-api.com",
        "coinbase",
        "frankfurter",
        "ecb",
        "goldapi.io",
        "metals.dev",
        "metalpriceapi.com",
    ]


def test_a_disabled_source_is_not_asked(prices) -> None:
    with prices.engine.begin() as connection:
        connection.execute(text("UPDATE exchanges SET enabled = false WHERE name = 'coinbase'"))

    prices.fetch(**CALM)

    assert "coinbase" not in prices.market.asked[0]


def test_sequences_have_no_gap_whatever_the_states(prices) -> None:
    slots = [CALM, {"swissquote": "4390", "coinbase": "4600"}, {"coinbase": "4390"}, CALM]
    for number, answers in enumerate(slots):
        prices.fetch(NOON + number * SLOT, **answers)

    facts = [event.data.tick for event in prices.published()]
    assert [(tick.sequence, tick.state) for tick in facts] == [
        (1, "fresh"),
        (2, "held"),
        (3, "held"),
        (4, "fresh"),
    ]
    assert {event.data.prices["USD"] for event in prices.published()} == {Decimal("4390.5")}


def test_before_the_first_price_an_event_has_none(prices) -> None:
    prices.fetch()

    [event] = prices.published()
    assert (event.data.tick.state, event.data.prices) == ("stale", {})


@pytest.mark.parametrize("seconds", [0, 2, 149, -600])
def test_a_schedule_that_fires_twice_changes_nothing(prices, seconds) -> None:
    """R2."""
    prices.fetch(**CALM)

    assert prices.fetch(NOON + timedelta(seconds=seconds), **CALM) is None
    assert len(prices.published()) == 1


def test_of_fifty_that_fire_at_once_one_makes_the_tick(prices) -> None:
    """R2: each on a connection of its own, and some of them a little late, as EventBridge is."""
    prices.market.script = [quotes(**CALM)]
    start = threading.Barrier(50)
    made: list[object] = []

    def fire(late: timedelta) -> None:
        engine = create_engine(prices.engine.url)
        start.wait()
        made.append(
            ticks.fetch_tick(
                UnitOfWork(engine, Repository),
                prices.clock,
                prices.market,
                prices.rates,
                None,
                prices.cache,
                prices.slept.append,
                slot=NOON + late,
                slot_length=SLOT,
            )
        )
        engine.dispose()

    threads = [
        threading.Thread(target=fire, args=[timedelta(seconds=number % 3)]) for number in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(tick is None for tick in made) == [False] + [True] * 49
    assert prices.rows("SELECT count(*) FROM prices") == [(1,)]
    assert len(prices.published()) == 1


@pytest.mark.parametrize("late", [timedelta(seconds=-150), timedelta(seconds=150)])
def test_an_event_that_waited_makes_a_price_while_its_slot_lasts(prices, late) -> None:
    """R3: a run that failed is tried again after a minute."""
    tick = prices.fetch(late=late, **CALM).tick

    assert (tick.slot, tick.state) == (NOON, "fresh")


@pytest.mark.parametrize(
    "late", [timedelta(hours=2), timedelta(seconds=151), timedelta(seconds=-151), -400 * SLOT]
)
def test_there_is_no_tick_of_another_slot_than_that_of_now(prices, late) -> None:
    """R1: neither of one that is over, nor of one to come, after which none would be due."""
    assert prices.fetch(late=late, **CALM) is None

    assert prices.market.asked == []
    assert prices.rows("SELECT count(*) FROM prices") == [(0,)]


def test_a_tick_is_told_by_the_cache_before_its_event_is(prices) -> None:
    forgotten_before_publishing: list[list[str]] = []

    class Relay:
        def run(self, *, only: list[UUID]) -> int:
            forgotten_before_publishing.append(prices.cache.invalidated.copy())
            return len(only)

    prices.unit_of_work = UnitOfWork(prices.engine, Repository, Relay())
    prices.fetch(**CALM)

    assert forgotten_before_publishing == [["price:current"]]


def test_no_tick_is_left_without_its_event(prices) -> None:
    """R4."""
    prices.rates.rates = [EURO]

    class Failing(Repository):
        def add_change(self, stored, old_value) -> None:
            super().add_change(stored, old_value)
            raise RuntimeError("killed")

    prices.unit_of_work = UnitOfWork(prices.engine, Failing)
    with pytest.raises(RuntimeError, match="killed"):
        prices.fetch(**CALM)

    for table in ("prices", "price_history", "exchange_rates", "outbox"):
        assert prices.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_the_history_gets_what_changed(prices) -> None:
    first = prices.fetch(**CALM)
    prices.fetch(NOON + SLOT, **CALM)
    third = prices.fetch(NOON + 2 * SLOT, **{**CALM, "gold-api.com": "4391", "coinbase": "4391.5"})
    prices.fetch(NOON + 3 * SLOT, swissquote="4390")

    assert prices.rows(
        "SELECT price_id, old_value, new_value, source FROM price_history ORDER BY changed_at"
    ) == [
        (first.id, None, Decimal("4390.5"), "live"),
        (third.id, Decimal("4390.5"), Decimal(4391), "live"),
    ]


MOVED = {"swissquote": "4500", "gold-api.com": "4500"}


class TestJump:
    def test_is_asked_about_again_and_published_when_a_third_source_agrees(self, prices) -> None:
        prices.fetch(**CALM)
        slot = NOON + SLOT
        late = slot + timedelta(seconds=89)
        prices.market.script = [
            quotes(slot, **MOVED),
            quotes(slot, **MOVED),
            [quote("swissquote", "4500", slot, quoted_at=late), *quotes(slot, a="4500", b="4500")],
        ]

        stored = prices.fetch(slot)

        assert prices.slept == [30, 60]
        assert (stored.tick.state, stored.tick.price) == ("fresh", Decimal(4500))

    def test_is_published_when_a_source_that_may_be_asked_once_only_has_said_so(
        self, prices
    ) -> None:
        """The plan of goldapi.io counts requests: the second time it is not among the answers."""
        prices.fetch(**CALM)
        slot = NOON + SLOT
        metered = quote("goldapi.io", "4500", slot, quoted_at=slot)
        late = quote("swissquote", "4500", slot, quoted_at=slot + timedelta(seconds=29))
        prices.market.script = [
            [refusal("swissquote"), *quotes(slot, coinbase="4500"), metered],
            [late, *quotes(slot, coinbase="4500")],
        ]

        stored = prices.fetch(slot)

        assert prices.slept == [30]
        assert (stored.tick.state, stored.tick.price) == ("fresh", Decimal(4500))
        assert stored.tick.sources == ["swissquote", "coinbase", "goldapi.io"]

    def test_is_held_one_slot_when_none_does(self, prices) -> None:
        prices.fetch(**CALM)

        held = prices.fetch(NOON + SLOT, **MOVED)
        confirmed = prices.fetch(NOON + 2 * SLOT, **MOVED)

        assert prices.slept == [30, 60]
        assert (held.tick.state, held.tick.price) == ("held", Decimal("4390.5"))
        assert (confirmed.tick.state, confirmed.tick.price) == ("reduced", Decimal(4500))


class TestExchangeRates:
    def test_are_got_once_an_hour(self, prices) -> None:
        prices.rates.rates = [EURO]
        for number in range(14):
            prices.fetch(NOON + number * SLOT, **CALM)

        assert prices.rates.asked == 2

    def test_are_asked_for_until_there_are_some(self, prices) -> None:
        for number in range(3):
            prices.fetch(NOON + number * SLOT, **CALM)

        assert prices.rates.asked == 3

    def test_that_cannot_be_right_are_not_used_and_logged(self, prices, monkeypatch) -> None:
        errors: list[tuple[str, dict[str, str]]] = []
        monkeypatch.setattr(ticks.logger, "error", lambda text, extra: errors.append((text, extra)))
        prices.rates.rates = [EURO]
        prices.fetch(**CALM)
        wrong = Rate(Currency.EUR, Decimal("85.697"), "frankfurter", date(2026, 8, 19))
        yen = Rate(Currency.JPY, Decimal(148), "frankfurter", date(2026, 8, 19))
        prices.rates.rates = [wrong, yen]

        later = prices.fetch(NOON + timedelta(hours=2), **DEARER)

        assert set(later.rates) == {EURO, yen}
        assert [extra for text, extra in errors if text == "exchange rate is not believed"] == [
            {
                "currency": "EUR",
                "per_usd": {"frankfurter": "85.697"},
                "known_per_usd": "0.856970000000",
                "known_as_of": "2026-08-18",
            }
        ]

    def test_that_moved_far_while_they_were_away_are_used_again(self, prices) -> None:
        lira = Rate(Currency.TRY, Decimal(38), "ecb", date(2025, 10, 17))
        prices.rates.rates = [lira]
        prices.fetch(**CALM)
        moved = Rate(Currency.TRY, Decimal("46.4"), "ecb", date(2026, 8, 18))
        prices.rates.rates = [moved]

        assert prices.fetch(NOON + timedelta(hours=2), **DEARER).rates == (moved,)

    @pytest.mark.parametrize(("days", "reported"), [(5, []), (6, ["exchange rates are old"])])
    def test_that_are_old_are_reported(self, prices, monkeypatch, days, reported) -> None:
        prices.rates.rates = [replace(EURO, as_of=NOON.date() - timedelta(days=days))]
        prices.fetch(**CALM)
        errors: list[str] = []
        monkeypatch.setattr(ticks.logger, "error", lambda text, **_: errors.append(text))
        prices.rates.rates = []

        # the next slot that asks, so that none is missed
        for number in range(1, 13):
            prices.fetch(NOON + number * SLOT, **CALM)

        assert errors == reported

    def test_of_a_currency_without_one_count_at_once(self, prices) -> None:
        """Else a price that stands over a weekend would be none in that currency."""
        prices.fetch(**CALM)
        prices.rates.rates = [EURO]

        standing = prices.fetch(NOON + SLOT, **CALM)

        assert standing.rates == (EURO,)
        assert set(prices.published()[-1].data.prices) == {"USD", "EUR"}

    @pytest.mark.parametrize(
        ("answers", "state"), [({"swissquote": "4390"}, "held"), (CALM, "fresh")]
    )
    def test_move_no_price_while_gold_stands(self, prices, answers, state) -> None:
        prices.rates.rates = [EURO]
        prices.fetch(**CALM)
        newer = Rate(Currency.EUR, Decimal("0.88"), "frankfurter", date(2026, 8, 19))
        prices.rates.rates = [newer]

        standing = prices.fetch(NOON + timedelta(hours=2), **answers)
        moved = prices.fetch(NOON + timedelta(hours=3), **DEARER)

        assert (standing.tick.state, standing.rates) == (state, (EURO,))
        first, second, third = (event.data for event in prices.published())
        assert (second.prices, second.rates) == (first.prices, {"EUR": EURO.per_usd})
        assert moved.rates == (newer,)
        assert (third.prices["EUR"], third.rates["EUR"]) == (Decimal("3864.08"), newer.per_usd)

    def test_of_each_currency_are_the_newest(self, prices) -> None:
        dirham = Rate(Currency.AED, Decimal("3.6725"), "frankfurter", date(2026, 8, 17))
        prices.rates.rates = [dirham, EURO]
        prices.fetch(**CALM)
        newer = Rate(Currency.EUR, Decimal("0.86"), "ecb", date(2026, 8, 19))
        prices.rates.rates = [newer]

        later = prices.fetch(NOON + timedelta(hours=2), **DEARER)

        assert set(later.rates) == {dirham, newer}


class TestSimulator:
    def test_prices_when_no_source_answers_and_says_so(self, simulated) -> None:
        ticks.seed_history(simulated.unit_of_work, SEED)

        stored = simulated.fetch()

        assert (stored.tick.state, stored.tick.reason) == ("fresh", TickReason.SIMULATED)
        assert stored.tick.origin == "simulator"
        assert abs(stored.tick.price - 4228) < 25
        [event] = simulated.published()
        assert (event.data.tick.origin, event.data.tick.sources) == ("simulator", ["simulator"])
        assert set(event.data.prices) == set(Currency)
        assert [verdict.source for verdict in stored.tick.verdicts] == ["simulator", "swissquote"]

    def test_goes_on_from_its_last_price(self, simulated) -> None:
        ticks.seed_history(simulated.unit_of_work, SEED)
        made = [simulated.fetch(NOON + number * SLOT).tick for number in range(3)]

        assert len({tick.price for tick in made}) == 3
        assert simulated.simulator.step(made[1].price, made[2].slot) == made[2].price

    def test_is_silent_when_a_source_answers(self, simulated) -> None:
        ticks.seed_history(simulated.unit_of_work, SEED)

        assert simulated.fetch(swissquote="4390").tick.state == "held"

    def test_needs_a_price_to_begin_with(self, simulated) -> None:
        assert simulated.fetch().tick.state == "stale"

    def test_leaves_its_round_rates_for_real_ones(self, simulated) -> None:
        ticks.seed_history(simulated.unit_of_work, SEED)
        simulated.fetch()
        simulated.rates.rates = [EURO]

        assert simulated.fetch(NOON + SLOT).rates == (EURO,)
