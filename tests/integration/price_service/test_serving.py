"""What readers of prices are told, also while parts of the service are away, slow or dead."""

from datetime import timedelta
from decimal import Decimal

import pytest

from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.money import Currency
from goldalert_local.stores.redis import EmbeddedRedis
from price_service.config import CACHE_SECONDS, CURRENT_KEY
from price_service.domain.analytics import Window
from price_service.domain.model import Rate, Reason, RecordedPrice
from price_service.gateways.recorded import MONTHLY, read_recording
from price_service.use_cases import ticks
from tests.support.market_day import CALM, NOON, SLOT, quote, refusal
from tests.support.price_api import get, ok, wrong_fields

EUR = Rate(Currency.EUR, Decimal("0.86"), "frankfurter", NOON.date())

pytestmark = pytest.mark.usefixtures("services")


class TestCurrent:
    def test_tells_what_sources_buy_and_sell_for_in_the_measure_that_is_asked_for(
        self, prices
    ) -> None:
        prices.rates.rates = [EUR]
        spread = {"bid": Decimal("4389.50"), "ask": Decimal("4391.10")}
        prices.market.script = [
            [quote("swissquote", "4390", **spread), quote("a", "4390.5"), quote("b", "4391")]
        ]
        prices.fetch()

        body = ok("/price/current")
        assert (body["bid"], body["price"], body["ask"]) == ("4389.50", "4390.50", "4391.10")
        # times 0.86 / 31.1034768 * 22 / 24
        body = ok("/price/current", currency="EUR", unit="gram", karat=22)
        assert (body["bid"], body["price"], body["ask"]) == ("111.25", "111.28", "111.29")

    def test_tells_no_spread_that_the_price_lies_outside_of(self, prices) -> None:
        spread = {"bid": Decimal("4389.50"), "ask": Decimal("4390.20")}
        prices.market.script = [
            [quote("swissquote", "4390", **spread), quote("a", "4390.5"), quote("b", "4391")]
        ]
        prices.fetch()

        body = ok("/price/current")
        assert (body["bid"], body["price"], body["ask"]) == (None, "4390.50", None)

    def test_without_an_exchange_rate_says_so_and_when_the_next_tick_is_due(self, prices) -> None:
        prices.fetch(**CALM)

        answer = get("/price/current", currency="EUR")

        assert (answer.status, answer.body["code"]) == (503, "no_exchange_rate_yet")
        assert "EUR" in answer.body["detail"]
        # the tick came two seconds after its slot
        assert answer.headers["Retry-After"] == "299"
        assert ok("/price/history", currency="EUR")["items"] == []
        assert ok("/price/candles", currency="EUR")["items"] == []
        assert ok("/price/analytics", currency="EUR")["candles"] == 0

    def test_that_was_never_agreed_on_says_why(self, prices) -> None:
        prices.market.script = [[refusal("swissquote", Reason.TIMED_OUT)]]
        prices.fetch()

        answer = get("/price/current")

        assert (answer.status, answer.body["code"]) == (503, "no_price_yet")
        assert answer.body["detail"].endswith("no_quotes.")
        assert answer.headers["Retry-After"] == "299"


class TestKeeping:
    """Redis DB 2 keeps the last tick until the next one is due, and then for 30 s at a time."""

    def kept_for(self, services) -> int:
        services.redis.client.flushdb()
        ok("/price/current")
        return services.redis.client.ttl(CURRENT_KEY)

    @pytest.mark.parametrize(
        ("after", "seconds"), [(2, 298), (120, 180), (280, 30), (300, 30), (2000, 30)]
    )
    def test_the_last_tick_is_kept_until_the_next_is_due(
        self, prices, services, after, seconds
    ) -> None:
        prices.fetch(**CALM)
        prices.clock.time = NOON + timedelta(seconds=after)

        assert seconds - 2 <= self.kept_for(services) <= seconds

    def test_the_next_row_of_a_replay_may_come_at_any_time(
        self, prices, services, tmp_path
    ) -> None:
        prices.replay(tmp_path, "2026-08-18T16:00:00Z,4389.38")
        prices.clock.time = NOON

        assert self.kept_for(services) <= 30

    def test_nothing_is_kept_for_longer_than_five_minutes(self, prices, services) -> None:
        prices.fetch(**CALM)
        prices.clock.time = NOON - timedelta(hours=1)

        assert self.kept_for(services) <= CACHE_SECONDS

    def test_pages_and_analytics_are_kept_for_five_minutes_a_measure(
        self, prices, services
    ) -> None:
        prices.fetch(**CALM)
        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))
        for _ in range(2):
            ok("/price/history", unit="gram")
            ok("/price/analytics", window="7d")

        kept = {
            key: services.redis.client.ttl(key) for key in services.redis.client.keys("price:*")
        }
        assert kept.keys() == {
            "price:current",
            "price:history:2:USD:gram:24",
            "price:analytics:7d:2:USD:troy_ounce:24",
        }
        assert all(CACHE_SECONDS - 20 < ttl <= CACHE_SECONDS for ttl in kept.values())

    def test_no_writer_who_dies_before_it_forgets_the_last_tick_makes_it_last(
        self, prices, services, monkeypatch
    ) -> None:
        """What was read before a tick is told for 30 s after its slot, and no longer."""
        monkeypatch.setattr(type(services.cache), "invalidate", lambda *_: None)
        for number, read_after in enumerate((3, 100, 269, 285, 299)):
            slot = NOON + number * SLOT
            prices.fetch(slot, **dict.fromkeys(CALM, str(4400 + number)))
            # whoever reads up to the next slot keeps the tick up to then, or for 30 s
            prices.clock.time = slot + timedelta(seconds=read_after)
            services.redis.client.delete(CURRENT_KEY)
            ok("/price/current")
            expires = prices.clock.time + timedelta(seconds=services.redis.client.ttl(CURRENT_KEY))
            assert expires <= slot + SLOT + timedelta(seconds=30)


@pytest.mark.parametrize("path", ["/price/history", "/price/candles"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_has_no_place_in_utc_is_refused(path, time) -> None:
    assert wrong_fields(path, **{"from": time, "to": time}) == ["from", "to"]


@pytest.mark.parametrize("path", ["/price/history", "/price/candles"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "99999999999999"])
def test_any_other_time_is_taken(path, time) -> None:
    assert ok(path, to=time)["items"] == []


class TestHistory:
    def test_has_no_end_before_its_beginning(self) -> None:
        at = "2026-08-18T16:00:00Z"
        assert wrong_fields("/price/history", **{"from": at, "to": at}) == ["from"]

    def test_pages_of_any_size_from_any_place_are_parts_of_the_whole(self, prices) -> None:
        prices.rates.rates = [EUR]
        ticks.seed_history(prices.unit_of_work, list(read_recording(MONTHLY))[-10:])
        for number in range(5):
            prices.fetch(NOON + number * SLOT, **dict.fromkeys(CALM, str(4400 + number)))
        for query in ({}, {"currency": "EUR"}, {"to": "2026-08-18T16:14:00Z"}):
            whole = ok("/price/history", **query)["items"]
            for limit in (2, 7):
                seen, cursor = [], {}
                while cursor is not None:
                    page = ok("/price/history", limit=limit, **query, **cursor)
                    assert len(page["items"]) <= limit
                    seen += page["items"]
                    following = page["next_cursor"]
                    cursor = {"cursor": following} if following else None
                assert seen == whole

    def test_a_page_that_begins_after_nothing_is_empty(self, prices) -> None:
        prices.fetch(**CALM)
        unknown = "AZkAAAAAcACAAAAAAAAAAQ"

        assert ok("/price/history", cursor=unknown) == {"items": [], "next_cursor": None}


class TestAnalytics:
    def test_is_null_without_a_candle(self) -> None:
        body = ok("/price/analytics")

        assert body.pop("candles") == 0
        numbers = {
            "origin",
            "open",
            "high",
            "low",
            "close",
            "change",
            "change_percent",
            "sma",
            "ema",
            "volatility",
        }
        assert {name for name, value in body.items() if value is None} == numbers

    def test_is_the_window_in_the_measure_that_is_asked_for(self, prices) -> None:
        prices.rates.rates = [EUR]
        # too early for a day
        prices.fetch(NOON - timedelta(hours=24), **dict.fromkeys(CALM, "4300"))
        for number, price in enumerate(("4400", "4420", "4380", "4444")):
            prices.fetch(NOON + number * SLOT, **dict.fromkeys(CALM, price))

        day = ok("/price/analytics")
        assert day == {
            "window": "24h",
            "currency": "USD",
            "unit": "troy_ounce",
            "karat": 24,
            "interval": "5m",
            "since": "2026-08-17T16:15:02Z",
            "until": "2026-08-18T16:15:02Z",
            "candles": 4,
            "origin": "live",
            "open": "4400.00",
            "high": "4444.00",
            "low": "4380.00",
            "close": "4444.00",
            "change": "44.00",
            "change_percent": "1.00",
            "sma": "4411.00",
            "ema": "4415.68",
            "volatility": "1.77",
        }
        gram = ok("/price/analytics", unit="gram")
        # what is shown adds up, though 44 dollars an ounce are 1.4146 a gram
        assert (gram["open"], gram["close"], gram["change"]) == ("141.46", "142.88", "1.42")
        week = ok("/price/analytics", window="7d", currency="EUR", unit="kilogram", karat=18)
        assert (week["candles"], week["interval"]) == (2, "1h")
        # 4300 and 4444 times 0.86 / 31.1034768 * 1000 * 18 / 24
        assert (week["open"], week["close"]) == ("89170.10", "92156.26")
        assert week["change"] == "2986.16"
        assert (week["change_percent"], week["volatility"]) == ("3.35", "3.29")

    @pytest.mark.parametrize("window", Window)
    def test_of_a_replay_ends_with_its_last_row(self, prices, tmp_path, window) -> None:
        prices.replay(tmp_path, "2020-01-02T12:00:00Z,1500", "2020-01-02T12:05:00Z,1515")

        body = ok("/price/analytics", window=window)

        assert (body["origin"], body["close"], body["change_percent"]) == (
            "replay",
            "1515.00",
            "1.00",
        )

    def test_shows_a_new_tick_at_once_though_it_is_cached(self, prices) -> None:
        prices.fetch(**CALM)
        assert ok("/price/analytics")["candles"] == 1

        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))

        assert ok("/price/analytics")["candles"] == 2

    def test_says_which_value_is_wrong(self) -> None:
        assert wrong_fields("/price/analytics", window="1h") == ["window"]


class TestStatus:
    def test_says_when_the_next_tick_is_due_and_how_the_sources_do(self, prices) -> None:
        prices.market.script = [
            [quote("swissquote", "4390"), quote("gold-api.com", "4391"), refusal("coinbase")]
        ]
        prices.fetch()

        body = ok("/price/status")

        assert body["next_slot"] == "2026-08-18T16:05:00Z"
        assert [(s["name"], s["state"], s["reason"]) for s in body["sources"]] == [
            ("swissquote", "ok", "counted"),
            ("gold-api.com", "ok", "counted"),
            ("coinbase", "failing", "timed_out"),
        ]
        assert body["sources"][0]["last_quote_at"] == "2026-08-18T16:00:00Z"

        prices.rows("UPDATE exchanges SET enabled = false WHERE name = 'coinbase' RETURNING 1")
        names = [source["name"] for source in ok("/price/status")["sources"]]
        assert names == ["swissquote", "gold-api.com"], "nobody asks the other one any more"

    def test_still_says_that_slots_were_missed_when_ticks_come_again(self, prices) -> None:
        """R3: skip 3 slots."""
        prices.fetch(**CALM)
        prices.fetch(NOON + 4 * SLOT, **CALM)
        prices.clock.time = NOON + 6 * SLOT

        body = ok("/price/status")

        assert (body["missed_slots"], body["missed_slots_24h"]) == (1, 4)
        assert body["next_slot"] == "2026-08-18T16:35:00Z"

        prices.clock.time = NOON + timedelta(days=1) + 4 * SLOT  # when they are a day old
        assert ok("/price/status")["missed_slots_24h"] == ok("/price/status")["missed_slots"]


class TestSeed:
    """The monthly averages that are shipped are history, and no price of any day or minute."""

    def test_is_never_shown_as_intraday(self, prices) -> None:
        months: list[RecordedPrice] = list(read_recording(MONTHLY))
        ticks.seed_history(prices.unit_of_work, months)
        prices.clock.time = months[-1].slot + timedelta(hours=1)

        items = ok("/price/history")["items"]
        assert {(item["source"], item["interval"]) for item in items} == {
            ("worldbank-pinksheet", "1mo")
        }
        assert get("/price/current").status == 503
        for interval in ("5m", "1h", "1d", "1w", "1mo"):
            assert ok("/price/candles", interval=interval)["items"] == []
        for window in Window:
            assert ok("/price/analytics", window=window)["candles"] == 0
        assert ok("/price/status")["status"] == "stale"
        assert prices.rows("SELECT count(*) FROM prices") == [(0,)]

    def test_is_no_price_of_a_day_before(self, prices) -> None:
        ticks.seed_history(prices.unit_of_work, list(read_recording(MONTHLY)))
        prices.fetch(**CALM)

        assert ok("/price/current")["change_24h"] is None


def test_reading_goes_on_while_redis_is_down_and_after_it_was_flushed(
    prices, services, tmp_path
) -> None:
    """R12: on a server that is stopped, comes back and is flushed in the middle of it."""
    server = EmbeddedRedis(tmp_path / "data", tmp_path, "only-for-tests")
    server.start()
    server.wait()
    seconds = [0.0]
    services.redis = RedisDatabase(f"{server.url}/2", monotonic=lambda: seconds[0])
    services.cache = prices.cache = Cache(services.redis, ttl_seconds=CACHE_SECONDS)

    def read_all() -> list[object]:
        seconds[0] += 10  # a Redis that failed is left alone for some seconds
        return [
            ok("/price/current")["price"],
            len(ok("/price/history")["items"]),
            ok("/price/analytics")["candles"],
            len(ok("/price/candles")["items"]),
            ok("/price/status")["sequence"],
        ]

    try:
        prices.fetch(**CALM)
        assert read_all() == ["4390.50", 1, 1, 1, 1]
        assert services.redis.client.keys("price:*")

        server.stop()
        assert read_all() == ["4390.50", 1, 1, 1, 1]
        # a tick is stored without Redis, too
        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))
        assert read_all() == ["4391.00", 2, 2, 1, 2]
        assert ok("/price/health")["status"] == "degraded"

        server.start()
        server.wait()
        # what it had is older than the tick that came while it was away
        services.redis.client.flushall()
        assert read_all() == ["4391.00", 2, 2, 1, 2]
        services.redis.client.flushall()
        assert read_all() == ["4391.00", 2, 2, 1, 2]
        assert services.redis.client.keys("price:*")
    finally:
        server.stop()
