"""The routes, through the function's handler, on a real database and a real Redis."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import text

from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.events.prices import PriceUpdatedV1
from price_service.config import CURRENT_KEY
from price_service.domain.model import RecordedPrice
from price_service.gateways.recorded import MONTHLY, read_recording
from price_service.handlers import scheduled_fetch_price, scheduled_relay_outbox, seed_history
from price_service.repository import Repository
from price_service.use_cases import ticks
from tests.support.invocations import Context
from tests.support.market_day import CALM, NOON, SLOT
from tests.support.price_api import get, ok, wrong_fields

EVENT = {"id": "7bf73129-1428-4cd3-a780-95db273d1602", "time": "2026-08-18T16:00:00Z"}
CONTEXT = Context()


@pytest.mark.usefixtures("services")
class TestCurrent:
    def test_without_a_price_says_when_to_come_back(self) -> None:
        answer = get("/price/current")

        assert (answer.status, answer.body["code"]) == (503, "no_price_yet")
        assert answer.headers["Retry-After"] == "300"

    def test_is_the_price_that_stands(self, prices) -> None:
        stored = prices.fetch(**CALM)

        assert ok("/price/current") == {
            "tick_id": str(stored.id),
            "sequence": 1,
            "price": "4390.50",
            "bid": None,
            "ask": None,
            "currency": "USD",
            "unit": "troy_ounce",
            "karat": 24,
            "as_of": "2026-08-18T16:00:00Z",
            "status": "fresh",
            "reason": "agreed",
            "origin": "live",
            "sources": ["swissquote", "gold-api.com", "coinbase"],
            "counted": 3,
            "agreeing": 3,
            "spread_bps": 2,
            "change_24h": None,
            "exchange_rate": None,
        }

    def test_is_in_the_currency_unit_and_karat_that_is_asked_for(self, prices, tmp_path) -> None:
        prices.replay(tmp_path, "2026-08-18T16:00:00Z,4389.38")

        body = ok("/price/current", currency="EUR", unit="gram", karat=18)

        # 4389.38 * 0.86 / 31.1034768 * 18 / 24
        assert body["price"] == "91.02"
        assert body["origin"] == "replay"
        assert body["exchange_rate"]["source"] == "simulator"
        assert ok("/price/current", currency="JPY")["price"] == "649628"

    def test_changes_with_the_next_tick_though_it_is_cached(self, prices) -> None:
        prices.fetch(**CALM)
        assert ok("/price/current")["price"] == "4390.50"

        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))

        assert ok("/price/current")["price"] == "4391.00"

    def test_is_kept_by_no_reader_who_loaded_it_before_the_next_tick(
        self, prices, services, monkeypatch
    ) -> None:
        prices.fetch(**CALM)
        load = Repository.last_tick_at

        def store_the_next_one_meanwhile(repository, moment):
            monkeypatch.setattr(Repository, "last_tick_at", load)
            prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))
            return load(repository, moment)

        monkeypatch.setattr(Repository, "last_tick_at", store_the_next_one_meanwhile)
        assert ok("/price/current")["price"] == "4390.50"

        assert ok("/price/current")["price"] == "4391.00"
        assert 0 < services.redis.client.ttl(CURRENT_KEY) <= 298

    def test_says_how_it_changed_in_a_day(self, prices) -> None:
        prices.fetch(NOON - timedelta(days=1), **dict.fromkeys(CALM, "4300"))
        prices.fetch(**dict.fromkeys(CALM, "4386"))

        assert ok("/price/current")["change_24h"] == "2.00"

    def test_is_stale_when_the_ticks_after_it_are_missing(self, prices) -> None:
        """R3."""
        prices.fetch(**CALM)
        prices.clock.time = NOON + 3 * SLOT
        assert ok("/price/current")["status"] == "fresh"

        prices.clock.time += timedelta(seconds=1)

        assert ok("/price/current")["status"] == "stale"

    def test_is_read_through_when_redis_is_down(self, prices, services) -> None:
        """R12."""
        prices.fetch(**CALM)
        services.redis = RedisDatabase("redis://127.0.0.1:1/2")
        services.cache = Cache(services.redis, ttl_seconds=300)

        assert ok("/price/current")["price"] == "4390.50"
        assert ok("/price/health")["status"] == "degraded"

    @pytest.mark.parametrize(
        ("field", "value"),
        [("currency", "XXX"), ("currency", "usd"), ("unit", "stone"), ("karat", "23")],
    )
    def test_says_which_value_is_wrong(self, field, value) -> None:
        assert wrong_fields("/price/current", **{field: value}) == [field]


@pytest.mark.usefixtures("services")
class TestHistory:
    def test_is_empty_at_first(self) -> None:
        assert ok("/price/history") == {"items": [], "next_cursor": None}

    def test_is_paged_from_the_newest_to_the_oldest(self, prices) -> None:
        seed_history.lambda_handler({}, CONTEXT)
        prices.fetch(**CALM)
        seen, cursor = [], None
        while True:
            query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
            page = ok("/price/history", **query)
            seen += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break

        assert len(seen) == 2323
        times = [datetime.fromisoformat(item["timestamp"]) for item in seen]
        assert times == sorted(times, reverse=True)
        assert [(item["source"], item["interval"]) for item in seen[:2]] == [
            ("live", "tick"),
            ("worldbank-pinksheet", "1mo"),
        ]
        assert seen[1]["price"] == "4228.00"

    def test_has_a_beginning_and_an_end(self) -> None:
        seed_history.lambda_handler({}, CONTEXT)

        page = ok(
            "/price/history", **{"from": "2026-01-01T00:00:00Z", "to": "2026-03-01T12:00:00Z"}
        )

        assert [item["timestamp"] for item in page["items"]] == [
            "2026-02-01T12:00:00Z",
            "2026-01-01T12:00:00Z",
        ]

    def test_in_another_currency_has_what_there_was_a_rate_for(self, tmp_path, prices) -> None:
        seed_history.lambda_handler({}, CONTEXT)
        prices.replay(tmp_path, "2026-08-18T16:00:00Z,4389.38")

        [item] = ok("/price/history", currency="EUR", unit="gram")["items"]

        assert (item["price"], item["currency"], item["source"]) == ("121.36", "EUR", "replay")

    def test_shows_a_new_tick_at_once_though_it_is_cached(self, prices) -> None:
        prices.fetch(**CALM)
        assert len(ok("/price/history")["items"]) == 1

        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))

        assert len(ok("/price/history")["items"]) == 2

    def test_keeps_no_page_that_anyone_can_ask_for_in_endless_ways(self, prices, services) -> None:
        prices.fetch(**CALM)
        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))
        ok("/price/history")
        kept = sorted(services.redis.client.keys("price:*"))

        cursor = ok("/price/history", limit=1)["next_cursor"]
        for query in (
            {"cursor": cursor},
            {"from": "2026-01-01T00:00:00Z"},
            {"to": "2027-01-01T00:00:00Z"},
        ):
            ok("/price/history", **query)

        assert kept == ["price:current", "price:history:2:USD:troy_ounce:24"]
        assert sorted(services.redis.client.keys("price:*")) == kept

    @pytest.mark.parametrize(
        ("field", "value"),
        [("from", "yesterday"), ("to", "2026-08-18T12:00:00"), ("limit", "101"), ("cursor", "?")],
    )
    def test_says_which_value_is_wrong(self, field, value) -> None:
        assert wrong_fields("/price/history", **{field: value}) == [field]


@pytest.mark.usefixtures("services")
class TestCandles:
    def test_are_an_empty_list_when_there_are_none(self) -> None:
        assert ok("/price/candles") == {"items": [], "next_cursor": None}

    def test_are_in_the_currency_unit_and_karat_that_is_asked_for(self, prices, tmp_path) -> None:
        prices.replay(
            tmp_path,
            "2026-08-18T16:00:00Z,4000",
            "2026-08-18T16:05:00Z,4100",
            "2026-08-18T16:10:00Z,3900.5",
        )
        query = {"currency": "AED", "unit": "kilogram", "karat": 18, "interval": "1d"}

        [candle] = ok("/price/candles", **query)["items"]

        per_kilogram = Decimal("3.6725") * 1000 / Decimal("31.1034768") * 18 / 24
        assert candle == {
            "start": "2026-08-18T00:00:00Z",
            "open": f"{4000 * per_kilogram:.2f}",
            "high": f"{4100 * per_kilogram:.2f}",
            "low": f"{Decimal('3900.5') * per_kilogram:.2f}",
            "close": f"{Decimal('3900.5') * per_kilogram:.2f}",
            "ticks": 3,
            "origin": "replay",
        }

    def test_are_the_last_hundred_hours_that_have_a_price_by_default(
        self, prices, tmp_path
    ) -> None:
        prices.replay(tmp_path, *(f"{NOON + n * timedelta(hours=2)},4000" for n in range(101)))

        starts = [item["start"] for item in ok("/price/candles")["items"]]
        earlier = ok("/price/candles", to=(NOON + timedelta(hours=3)).isoformat())["items"]

        assert (len(starts), starts[0]) == (100, "2026-08-18T18:00:00Z")
        assert starts == sorted(starts)
        assert [item["start"] for item in earlier] == [
            "2026-08-18T16:00:00Z",
            "2026-08-18T18:00:00Z",
        ]

    def test_begin_from_one_time_on_and_before_another(self, prices, tmp_path) -> None:
        prices.replay(tmp_path, *(f"{NOON + n * SLOT},4000" for n in range(4)))
        query = {"interval": "5m", "from": "2026-08-18T16:05:00Z"}

        def starts(**more: str) -> list[str]:
            return [item["start"][11:16] for item in ok("/price/candles", **query, **more)["items"]]

        assert starts(to="2026-08-18T16:15:00Z") == ["16:05", "16:10"]
        prices.clock.time = NOON + timedelta(hours=1)
        assert starts() == ["16:05", "16:10", "16:15"]

    def test_two_thousand_and_sixteen_are_the_most(self, prices, tmp_path) -> None:
        prices.replay(tmp_path, *(f"{NOON + n * SLOT},4000" for n in range(3)))
        query = {"interval": "5m", "from": NOON.isoformat()}
        week_later = NOON + timedelta(days=7)

        assert len(ok("/price/candles", **query, to=week_later.isoformat())["items"]) == 3

        answer = get("/price/candles", **query, to=(week_later + timedelta(seconds=1)).isoformat())
        assert answer.status == 422
        [problem] = answer.body["errors"]
        assert problem["field"] == "from"
        assert "2,016 candles of 5m" in problem["message"]

    @pytest.mark.parametrize("interval", ["5m", "1h", "1d", "1w", "1mo"])
    def test_come_in_five_lengths(self, prices, interval) -> None:
        prices.fetch(**CALM)

        [candle] = ok("/price/candles", interval=interval)["items"]

        assert (candle["close"], candle["origin"]) == ("4390.50", "live")

    def test_in_a_currency_without_a_rate_are_an_empty_list(self, prices) -> None:
        prices.fetch(**CALM)

        assert ok("/price/candles", currency="EUR")["items"] == []

    def test_monthly_averages_are_no_candles(self) -> None:
        assert seed_history.lambda_handler({}, CONTEXT) == {"added": 2322}

        assert ok("/price/candles", interval="1mo")["items"] == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("interval", "1y"),
            ("currency", "EURO"),
            ("unit", "pound"),
            ("karat", 23),
            ("from", "yesterday"),
            ("from", "2026-08-18T16:00:00"),
            ("to", "2026-13-01T00:00:00Z"),
        ],
    )
    def test_says_which_value_is_wrong(self, field, value) -> None:
        assert wrong_fields("/price/candles", **{field: value}) == [field]

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "2026-08-18T16:00:00Z", "to": "2026-08-18T16:00:00Z"},
            {"from": "2026-08-19T16:00:00Z"},  # now is the day before
            {"from": "0001-01-01T00:00:00Z"},
        ],
    )
    def test_the_beginning_is_before_the_end_and_not_too_far(self, query) -> None:
        assert wrong_fields("/price/candles", **query) == ["from"]


@pytest.mark.usefixtures("services")
class TestTick:
    def test_shows_what_each_source_said_and_what_was_made_of_it(self, prices) -> None:
        stored = prices.fetch(**{**CALM, "coinbase": "8780"})

        body = ok(f"/price/ticks/{stored.id}")

        assert (body["state"], body["price"]) == ("fresh", "4390.500000000000")
        assert [(q["source"], q["price"], q["reason"], q["agrees"]) for q in body["quotes"]] == [
            ("swissquote", "4390", "counted", True),
            ("gold-api.com", "4390.5", "counted", True),
            ("coinbase", "8780", "counted", False),
        ]

    def test_of_before_shows_who_shares_a_vote_under_the_name_of_now(self, prices) -> None:
        stored = prices.fetch(swissquote="4390")
        with prices.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE prices SET quotes = "
                    """CAST(replace(CAST(quotes AS text), '"upstream"', '"group"') AS jsonb)"""
                )
            )

        [quote] = ok(f"/price/ticks/{stored.id}")["quotes"]

        assert (quote["source"], quote["upstream"]) == ("swissquote", "swissquote")

    def test_that_does_not_exist_is_not_found(self) -> None:
        assert get(f"/price/ticks/{uuid4()}").status == 404

    def test_that_has_no_id_is_refused(self) -> None:
        assert wrong_fields("/price/ticks/1") == ["tick_id"]


@pytest.mark.usefixtures("services")
def test_exchanges_are_listed_and_paged() -> None:
    first = ok("/price/exchanges", limit=5)
    second = ok("/price/exchanges", limit=5, cursor=first["next_cursor"])

    assert [item["name"] for item in first["items"] + second["items"]] == [
        "swissquote",
        "gold-api.com",
        "coinbase",
        "frankfurter",
        "ecb",
        "goldapi.io",
        "metals.dev",
        "metalpriceapi.com",
    ]
    assert second["next_cursor"] is None


@pytest.mark.usefixtures("services")
def test_exchanges_do_not_begin_anew_after_one_that_was_deleted(prices) -> None:
    cursor = ok("/price/exchanges", limit=1)["next_cursor"]
    prices.rows("DELETE FROM exchanges WHERE name = 'swissquote' RETURNING id")

    assert wrong_fields("/price/exchanges", cursor=cursor) == ["cursor"]


@pytest.mark.usefixtures("services")
class TestStatus:
    def test_before_the_first_tick(self) -> None:
        body = ok("/price/status")

        assert (body["status"], body["sequence"], body["last_slot"]) == ("stale", 0, None)

    def test_counts_the_slots_that_are_missing(self, prices) -> None:
        """R3."""
        prices.fetch(**CALM)
        prices.clock.time = NOON + 4 * SLOT + timedelta(seconds=2)

        body = ok("/price/status")

        assert (body["status"], body["missed_slots"]) == ("stale", 3)
        assert body["market_open"] is True
        assert body["last_slot"] == "2026-08-18T16:00:00Z"


@pytest.mark.usefixtures("services")
class TestScheduled:
    def test_the_slot_is_the_time_of_the_event(self, prices, services) -> None:
        services.market = prices.market
        services.exchange_rates = prices.rates
        prices.fetch(NOON - SLOT, **CALM)
        prices.clock.time = NOON

        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": 2}
        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": None}
        last: PriceUpdatedV1 = prices.published()[-1]
        assert last.data.tick.slot == NOON
        assert last.correlation_id == EVENT["id"]

    def test_a_setting_replays_a_recording(self, prices, services) -> None:
        services.settings = services.settings.model_copy(
            update={"price_sources": "replay:gold_usd_monthly.csv@2026-06"}
        )

        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": 1}
        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": None}
        assert ok("/price/current")["price"] == "4228.00"

    def test_what_is_left_in_the_outbox_is_relayed(self) -> None:
        assert scheduled_relay_outbox.lambda_handler(EVENT, CONTEXT) == {
            "published": 0,
            "removed": 0,
        }

    def test_the_seed_is_loaded_once(self) -> None:
        assert seed_history.lambda_handler({}, CONTEXT) == {"added": 2322}
        assert seed_history.lambda_handler({}, CONTEXT) == {"added": 0}


def test_the_last_shipped_month_is_what_the_simulator_begins_with(prices) -> None:
    months: list[RecordedPrice] = list(read_recording(MONTHLY))
    ticks.seed_history(prices.unit_of_work, months)

    with prices.unit_of_work.begin() as tx:
        assert tx.repository.last_known_price() == Decimal(4228)
