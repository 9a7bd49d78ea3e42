"""The routes, through the function's handler, on a real database and a real Redis."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.events.prices import PriceUpdatedV1
from goldalert.secrets import DatabaseSecret, ServiceSecret
from price_service.bootstrap import Services
from price_service.config import CURRENT_KEY, PriceSettings
from price_service.domain.model import RecordedPrice
from price_service.gateways.recorded import MONTHLY, Replay, read_recording
from price_service.handlers import api, scheduled_fetch_price, scheduled_relay_outbox, seed_history
from price_service.repository import Repository
from price_service.use_cases import ticks
from tests.support.invocations import Answer, Client, Context
from tests.support.market_day import NOON, SLOT

CALM = {"swissquote": "4390", "gold-api.com": "4390.5", "coinbase": "4391"}
EVENT = {"id": "7bf73129-1428-4cd3-a780-95db273d1602", "time": "2026-08-18T16:00:00Z"}
CONTEXT = Context()


class Silent:
    """Publishes nothing."""

    def run(self, **_: object) -> int:
        return 0


@pytest.fixture
def parts(
    prices, database, redis_url: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """The service as it is put together in a function, on this test's stores."""
    settings = PriceSettings(
        stage="local",
        powertools_service_name="price_service",
        service_secret="",
        topic_arn_prefix="",
        slot_seconds=300,
    )
    made = Services(settings)
    url = prices.engine.url
    made.secret = ServiceSecret(
        database=DatabaseSecret(
            host=url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            dbname=url.database,
            sslmode="disable",
        ),
        redis_url=redis_url(2),
    )
    made.clock = prices.clock
    made.relay = Silent()
    for module in (api, scheduled_fetch_price, scheduled_relay_outbox, seed_history):
        monkeypatch.setattr(module, "services", lambda: made)
    prices.cache = made.cache
    yield made
    made.engine.dispose()
    made.redis.client.close()


def get(path: str, **query: object) -> Answer:
    client = Client(api.lambda_handler)
    return client.get(path, **{name: str(value) for name, value in query.items()})


def ok(path: str, **query: object) -> Any:
    answer = get(path, **query)
    assert answer.status == 200, answer.body
    return answer.body


def wrong_fields(path: str, **query: object) -> list[str]:
    answer = get(path, **query)
    assert answer.status == 422, answer.body
    return [error["field"] for error in answer.body["errors"]]


@pytest.mark.usefixtures("parts")
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
        path = tmp_path / "prices.csv"
        path.write_text("timestamp,price\n2026-08-18T16:00:00Z,4389.38\n")
        ticks.replay_tick(
            prices.unit_of_work, prices.clock, Replay("local", str(path)), prices.cache
        )

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
        self, prices, parts, monkeypatch
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
        assert 0 < parts.redis.client.ttl(CURRENT_KEY) <= 30

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

    def test_is_read_through_when_redis_is_down(self, prices, parts) -> None:
        """R12."""
        prices.fetch(**CALM)
        parts.redis = RedisDatabase("redis://127.0.0.1:1/2")
        parts.cache = Cache(parts.redis, ttl_seconds=300)

        assert ok("/price/current")["price"] == "4390.50"
        assert ok("/price/health")["status"] == "degraded"

    @pytest.mark.parametrize(
        ("field", "value"),
        [("currency", "XXX"), ("currency", "usd"), ("unit", "stone"), ("karat", "23")],
    )
    def test_says_which_value_is_wrong(self, field, value) -> None:
        assert wrong_fields("/price/current", **{field: value}) == [field]


@pytest.mark.usefixtures("parts")
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
        path = tmp_path / "prices.csv"
        path.write_text("timestamp,price\n2026-08-18T16:00:00Z,4389.38\n")
        ticks.replay_tick(
            prices.unit_of_work, prices.clock, Replay("local", str(path)), prices.cache
        )

        [item] = ok("/price/history", currency="EUR", unit="gram")["items"]

        assert (item["price"], item["currency"], item["source"]) == ("121.36", "EUR", "replay")

    def test_shows_a_new_tick_at_once_though_it_is_cached(self, prices) -> None:
        prices.fetch(**CALM)
        assert len(ok("/price/history")["items"]) == 1

        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))

        assert len(ok("/price/history")["items"]) == 2

    def test_keeps_no_page_that_anyone_can_ask_for_in_endless_ways(self, prices, parts) -> None:
        prices.fetch(**CALM)
        prices.fetch(NOON + SLOT, **dict.fromkeys(CALM, "4391"))
        ok("/price/history")
        kept = sorted(parts.redis.client.keys("price:*"))

        cursor = ok("/price/history", limit=1)["next_cursor"]
        for query in (
            {"cursor": cursor},
            {"from": "2026-01-01T00:00:00Z"},
            {"to": "2027-01-01T00:00:00Z"},
        ):
            ok("/price/history", **query)

        assert kept == ["price:current", "price:history:2:USD:troy_ounce:24"]
        assert sorted(parts.redis.client.keys("price:*")) == kept

    @pytest.mark.parametrize(
        ("field", "value"),
        [("from", "yesterday"), ("to", "2026-08-18T12:00:00"), ("limit", "101"), ("cursor", "?")],
    )
    def test_says_which_value_is_wrong(self, field, value) -> None:
        assert wrong_fields("/price/history", **{field: value}) == [field]


@pytest.mark.usefixtures("parts")
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

    def test_that_does_not_exist_is_not_found(self) -> None:
        assert get(f"/price/ticks/{uuid4()}").status == 404

    def test_that_has_no_id_is_refused(self) -> None:
        assert wrong_fields("/price/ticks/1") == ["tick_id"]


@pytest.mark.usefixtures("parts")
def test_exchanges_are_listed_and_paged() -> None:
    first = ok("/price/exchanges", limit=3)
    second = ok("/price/exchanges", limit=3, cursor=first["next_cursor"])

    assert [item["name"] for item in first["items"] + second["items"]] == [
        "swissquote",
        "gold-api.com",
        "coinbase",
        "frankfurter",
        "ecb",
    ]
    assert second["next_cursor"] is None


@pytest.mark.usefixtures("parts")
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


@pytest.mark.usefixtures("parts")
class TestScheduled:
    def test_the_slot_is_the_time_of_the_event(self, prices, parts) -> None:
        parts.market = prices.market
        parts.exchange_rates = prices.rates
        prices.fetch(NOON - SLOT, **CALM)

        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": 2}
        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": None}
        last: PriceUpdatedV1 = prices.published()[-1]
        assert last.data.tick.slot == NOON
        assert last.correlation_id == EVENT["id"]

    def test_a_setting_replays_a_recording(self, prices, parts) -> None:
        parts.settings = parts.settings.model_copy(
            update={"price_sources": "replay:gold_usd_monthly.csv@2026-06"}
        )

        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": 1}
        assert scheduled_fetch_price.lambda_handler(EVENT, CONTEXT) == {"sequence": None}
        assert ok("/price/current")["price"] == "4228.00"

    def test_what_is_left_in_the_outbox_is_relayed(self) -> None:
        assert scheduled_relay_outbox.lambda_handler(EVENT, CONTEXT) == {"published": 0}

    def test_the_seed_is_loaded_once(self) -> None:
        assert seed_history.lambda_handler({}, CONTEXT) == {"added": 2322}
        assert seed_history.lambda_handler({}, CONTEXT) == {"added": 0}


def test_the_last_shipped_month_is_what_the_simulator_begins_with(prices) -> None:
    months: list[RecordedPrice] = list(read_recording(MONTHLY))
    ticks.seed_history(prices.unit_of_work, months)

    with prices.unit_of_work.begin() as tx:
        assert tx.repository.last_known_price() == Decimal(4228)
