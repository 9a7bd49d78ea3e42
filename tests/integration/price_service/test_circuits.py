"""R1: sources that keep failing, or asked for a pause, are left alone. With a real Redis."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig
from pydantic import BaseModel

from goldalert.cache.client import RedisDatabase
from goldalert.clock import Clock
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret, ServiceSecret
from price_service import bootstrap
from price_service.bootstrap import Services
from price_service.config import PriceSettings
from price_service.domain.model import Quote, Reason, Refusal
from price_service.gateways.circuits import (
    BREAKER,
    DEFAULT_PAUSE,
    LONGEST_PAUSE,
    Circuits,
)
from price_service.gateways.keys import FREE_PLAN_MINUTES, SourceKey, SourceKeys
from price_service.gateways.outgoing import OutgoingHttp, RefusedError
from price_service.gateways.rates import ExchangeRates
from price_service.gateways.sources import Market
from tests.support.price_sources import (
    ECB,
    FRANKFURTER,
    KEY,
    NO_KEYS,
    PATHS,
    NoCircuits,
    PriceSources,
    StandingClock,
    answer,
    exchange_at,
    serve_price_sources,
    shape,
)

# powertools counts whole seconds, so that two are more than one; nothing is kept in the process, so
# that what Redis says shows at once
BRIEF = CircuitBreakerConfig(
    failure_threshold=BREAKER.failure_threshold,
    recovery_timeout=2,
    success_threshold=BREAKER.success_threshold,
    local_cache_max_age=0,
)


@pytest.fixture
def make_database(redis_url: Callable[[int], str]) -> Iterator[Callable[[], RedisDatabase]]:
    """What each process has of its own."""
    url = redis_url(2)
    made: list[RedisDatabase] = []

    def make() -> RedisDatabase:
        made.append(RedisDatabase(url))
        return made[-1]

    yield make
    for database in made:
        database.client.close()


@pytest.fixture
def circuits(make_database) -> Circuits:
    return Circuits(make_database())


@pytest.fixture
def brief(make_database) -> Circuits:
    """Circuits that are open for as short as can be."""
    return Circuits(make_database(), BRIEF)


@pytest.fixture
def source() -> str:
    """A source that no other test asks: failures are counted by the process."""
    return new_id().hex


def failing(
    reason: Reason, detail: str = "", retry_after: int | None = None
) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise RefusedError(reason, detail, retry_after=retry_after)

    return fail


def outcome(circuits: Circuits, source: str, ask: Callable[[], str]) -> str | Reason:
    try:
        return circuits.ask(source, ask)
    except RefusedError as refused:
        return refused.reason


def opened(circuits: Circuits, source: str) -> None:
    for _ in range(BREAKER.failure_threshold):
        assert outcome(circuits, source, failing(Reason.TIMED_OUT)) is Reason.TIMED_OUT


class TestCircuit:
    @pytest.mark.parametrize(
        "reason", [Reason.TIMED_OUT, Reason.UNREACHABLE, Reason.BAD_STATUS, Reason.BAD_KEY]
    )
    def test_opens_after_three_failures_in_a_row(self, circuits, source, reason) -> None:
        for _ in range(3):
            assert outcome(circuits, source, failing(reason)) is reason

        assert outcome(circuits, source, lambda: pytest.fail("asked")) is Reason.CIRCUIT_OPEN

    @pytest.mark.parametrize(
        "reason",
        [
            Reason.MALFORMED,
            Reason.TOO_LARGE,
            Reason.REDIRECTED,
            Reason.SOURCE_ERROR,
            Reason.FORBIDDEN_ADDRESS,
        ],
    )
    def test_stays_closed_for_a_source_that_answers_at_once(self, circuits, source, reason) -> None:
        for _ in range(5):
            assert outcome(circuits, source, failing(reason)) is reason

        assert outcome(circuits, source, lambda: "4390") == "4390"

    def test_counts_failures_in_a_row_only(self, circuits, source) -> None:
        for _ in range(3):
            outcome(circuits, source, failing(Reason.TIMED_OUT))
            outcome(circuits, source, failing(Reason.TIMED_OUT))
            assert outcome(circuits, source, lambda: "4390") == "4390"

    def test_is_open_for_the_next_process(self, circuits, source, make_database) -> None:
        """A Lambda function forgets; the next environment reads what this one found out."""
        opened(circuits, source)

        assert outcome(Circuits(make_database()), source, lambda: "4390") is Reason.CIRCUIT_OPEN

    def test_of_one_source_is_not_that_of_another(self, circuits, source) -> None:
        opened(circuits, source)

        assert outcome(circuits, f"{source} 2", lambda: "4390") == "4390"

    @pytest.mark.parametrize(
        ("ask", "first"),
        [(lambda: "4390", "4390"), (failing(Reason.MALFORMED), Reason.MALFORMED)],
    )
    def test_closes_when_the_source_works_again(self, brief, source, ask, first) -> None:
        opened(brief, source)

        end = time.monotonic() + 10
        while (got := outcome(brief, source, ask)) is Reason.CIRCUIT_OPEN:
            assert time.monotonic() < end
        assert got == first
        assert outcome(brief, source, lambda: "4390") == "4390"

    def test_opens_anew_when_it_does_not(self, brief, source) -> None:
        opened(brief, source)

        end = time.monotonic() + 10
        still = failing(Reason.UNREACHABLE)
        while outcome(brief, source, still) is Reason.CIRCUIT_OPEN:
            assert time.monotonic() < end
        assert outcome(brief, source, still) is Reason.CIRCUIT_OPEN

    def test_works_in_its_process_while_redis_is_away(self, source) -> None:
        """R12."""
        circuits = Circuits(RedisDatabase("redis://127.0.0.1:1/2"))
        opened(circuits, source)

        assert outcome(circuits, source, lambda: "4390") is Reason.CIRCUIT_OPEN

    def test_leaves_a_source_out_of_every_other_tick(self) -> None:
        slot = 300
        assert slot < BREAKER.recovery_timeout < 2 * slot


class TestPause:
    @pytest.mark.parametrize(
        ("asked_for", "seconds"),
        [(60, 60), (None, DEFAULT_PAUSE), (3600, 3600), (10**8, LONGEST_PAUSE)],
    )
    def test_is_as_long_as_the_source_asks_for(
        self, circuits, source, make_database, asked_for, seconds
    ) -> None:
        outcome(circuits, source, failing(Reason.RATE_LIMITED, retry_after=asked_for))

        left = make_database().client.ttl(f"paused:{source}")
        assert seconds - 10 < left <= seconds

    def test_keeps_every_process_from_asking(self, circuits, source, make_database) -> None:
        outcome(circuits, source, failing(Reason.RATE_LIMITED, retry_after=60))

        with pytest.raises(RefusedError) as caught:
            Circuits(make_database()).ask(source, lambda: pytest.fail("asked"))
        assert caught.value.reason is Reason.RATE_LIMITED
        assert "s more" in caught.value.detail

    def test_that_is_over_at_once_is_none(self, circuits, source) -> None:
        outcome(circuits, source, failing(Reason.RATE_LIMITED, retry_after=0))

        assert outcome(circuits, source, lambda: "4390") == "4390"
        # and Redis was not asked for what it refuses, which would have it left alone
        outcome(circuits, source, failing(Reason.RATE_LIMITED, retry_after=60))
        assert outcome(circuits, source, lambda: "4390") is Reason.RATE_LIMITED

    def test_ends(self, circuits, source) -> None:
        outcome(circuits, source, failing(Reason.RATE_LIMITED, retry_after=1))

        end = time.monotonic() + 10
        while outcome(circuits, source, lambda: "4390") != "4390":
            assert time.monotonic() < end

    def test_opens_no_circuit(self, circuits, source, make_database) -> None:
        for _ in range(5):
            outcome(circuits, source, failing(Reason.RATE_LIMITED, retry_after=0))

        assert outcome(circuits, source, lambda: "4390") == "4390"

    def test_is_kept_by_its_process_while_redis_is_away(self, source) -> None:
        """R12."""
        circuits = Circuits(RedisDatabase("redis://127.0.0.1:1/2"))
        outcome(circuits, source, failing(Reason.RATE_LIMITED, retry_after=60))

        assert outcome(circuits, source, lambda: pytest.fail("asked")) is Reason.RATE_LIMITED
        assert outcome(circuits, f"{source} 2", lambda: "4390") == "4390"


@pytest.fixture
def serving() -> Iterator[PriceSources]:
    with serve_price_sources() as sources:
        for adapter, path in PATHS.items():
            sources.behave(path, answer(shape(f"{adapter}.json")))
        yield sources


@pytest.fixture
def exchanges(serving, source):
    """The keyless sources, by names that no other test has."""
    return [
        exchange_at(serving, adapter, name=f"{adapter} {source}")
        for adapter in ("swissquote", "gold_api_com", "coinbase")
    ]


class TestMarket:
    @pytest.fixture
    def market(self, circuits) -> Market:
        http = OutgoingHttp(allow_loopback=True)
        return Market(http, StandingClock(), circuits, NO_KEYS, seconds=5)

    def reasons(self, market: Market, exchanges) -> list[Reason | None]:
        return [
            answer.reason if isinstance(answer, Refusal) else None
            for answer in market.ask(exchanges)
        ]

    def break_down(self, market, serving, exchanges, *adapters: str) -> None:
        for adapter in adapters:
            serving.behave(PATHS[adapter], answer("", status=404))
        for _ in range(BREAKER.failure_threshold):
            market.ask(exchanges)

    def test_does_not_ask_a_source_that_keeps_failing(self, market, serving, exchanges) -> None:
        self.break_down(market, serving, exchanges, "coinbase")
        asked = len(serving.requests)

        assert self.reasons(market, exchanges) == [None, None, Reason.CIRCUIT_OPEN]

        assert len(serving.requests) == asked + 2

    def test_asks_all_when_there_would_be_no_price_without(
        self, market, circuits, serving, exchanges
    ) -> None:
        """An outage of our own network opens all circuits; it must not outlast itself."""
        self.break_down(market, serving, exchanges, *PATHS)
        for adapter, path in PATHS.items():
            serving.behave(path, answer(shape(f"{adapter}.json")))

        assert self.reasons(market, exchanges) == [None, None, None]
        for exchange in exchanges:
            assert outcome(circuits, exchange.name, lambda: "closed") == "closed"

    def test_asks_the_missing_one_when_one_quote_is_left(self, market, serving, exchanges) -> None:
        self.break_down(market, serving, exchanges, "swissquote", "coinbase")
        serving.behave(PATHS["coinbase"], answer(shape("coinbase.json")))

        assert self.reasons(market, exchanges) == [Reason.BAD_STATUS, None, None]

    def test_keeps_a_pause_that_was_asked_for_whatever_the_others_do(
        self, market, serving, exchanges
    ) -> None:
        limited = answer("", status=429, headers={"Retry-After": "60"})
        for path in PATHS.values():
            serving.behave(path, limited)
        assert self.reasons(market, exchanges) == [Reason.RATE_LIMITED] * 3
        asked = len(serving.requests)

        assert self.reasons(market, exchanges) == [Reason.RATE_LIMITED] * 3

        assert len(serving.requests) == asked

    def test_notes_a_pause_of_those_it_asks_all_the_same(self, market, serving, exchanges) -> None:
        self.break_down(market, serving, exchanges, *PATHS)
        for path in PATHS.values():
            serving.behave(path, answer("", status=429))
        assert self.reasons(market, exchanges) == [Reason.RATE_LIMITED] * 3
        asked = len(serving.requests)

        assert self.reasons(market, exchanges) == [Reason.RATE_LIMITED] * 3

        assert len(serving.requests) == asked

    def test_counts_each_source_once_though_all_are_asked_at_once(
        self, circuits, make_database, source
    ) -> None:
        """Thirty threads, each with a circuit of its own."""
        with serve_price_sources() as gone:
            exchanges = [
                exchange_at(gone, "coinbase", name=f"{source} {number}") for number in range(30)
            ]
        http = OutgoingHttp(allow_loopback=True)
        market = Market(http, StandingClock(), circuits, NO_KEYS, seconds=5)

        for _ in range(BREAKER.failure_threshold - 1):
            assert self.reasons(market, exchanges) == [Reason.UNREACHABLE] * 30
        assert make_database().client.keys("breaker:*") == []
        assert self.reasons(market, exchanges) == [Reason.UNREACHABLE] * 30
        assert len(make_database().client.keys("breaker:*")) == 30


class TestMeteredSource:
    """The free plans allow about a hundred requests a month."""

    def make(self, database: RedisDatabase, *, clock: Clock | None = None, **plan: int) -> Market:
        keys = {"goldapi_io": SourceKey(key=KEY, **plan)}
        return Market(
            OutgoingHttp(allow_loopback=True),
            clock or StandingClock(),
            NoCircuits(),
            SourceKeys(lambda: keys, database),
            seconds=5,
        )

    def test_is_asked_once_in_eight_hours_by_whatever_process(
        self, serving, source, make_database
    ) -> None:
        exchange = exchange_at(serving, "goldapi_io", name=source)

        [first] = self.make(make_database()).ask([exchange])

        assert isinstance(first, Quote)
        assert self.make(make_database()).ask([exchange]) == []
        left = make_database().client.ttl(f"asked:{source}")
        assert FREE_PLAN_MINUTES * 60 - 60 < left < FREE_PLAN_MINUTES * 60, "before the slot is due"

    def test_has_used_a_request_when_it_failed(self, serving, source, make_database) -> None:
        serving.behave(PATHS["goldapi_io"], answer("", status=404))
        market = self.make(make_database())
        exchange = exchange_at(serving, "goldapi_io", name=source)

        [first] = market.ask([exchange])

        assert first.reason is Reason.BAD_STATUS
        assert market.ask([exchange]) == []

    def test_is_asked_by_one_of_those_who_want_to_at_once(self, source, make_database) -> None:
        """The schedule and an admin, say."""
        key = SourceKey(key=KEY)
        processes = [SourceKeys(dict, make_database()) for _ in range(8)]
        with ThreadPoolExecutor(len(processes)) as pool:
            taken = list(pool.map(lambda keys: keys.take(source, key), processes))

        assert sum(taken) == 1

    @pytest.mark.parametrize(("plan", "asked"), [({}, 0), ({"minutes_between_requests": 0}, 1)])
    def test_is_not_asked_while_the_market_is_closed(
        self, serving, source, make_database, plan, asked
    ) -> None:
        class Saturday:
            def now(self) -> datetime:
                return datetime(2026, 8, 22, 16, 0, tzinfo=UTC)

        exchange = exchange_at(serving, "goldapi_io", name=source)

        answers = self.make(make_database(), clock=Saturday(), **plan).ask([exchange])

        assert len(answers) == len(serving.requests) == asked

    def test_is_asked_always_where_its_plan_allows_it(self, serving, source, make_database) -> None:
        market = self.make(make_database(), minutes_between_requests=0)
        exchange = exchange_at(serving, "goldapi_io", name=source)

        assert [len(market.ask([exchange])) for _ in range(3)] == [1, 1, 1]


class TestFunction:
    """The parts as a function puts them together."""

    @pytest.fixture
    def services(self, redis_url: Callable[[int], str], monkeypatch) -> Iterator[Services]:
        def read(name: str, model: type[BaseModel]) -> BaseModel:
            return model.model_validate_json(f'{{"goldapi_io": "{KEY}"}}' if name == "keys" else "")

        monkeypatch.setattr(bootstrap, "read_secret", read)
        made = Services(
            PriceSettings(
                stage="local",
                powertools_service_name="price_service",
                service_secret="",
                topic_arn_prefix="",
                slot_seconds=300,
                source_keys_secret="keys",
            )
        )
        nowhere = DatabaseSecret(host="127.0.0.1", port=1, user="u", password="p", dbname="d")
        made.clock = StandingClock()  # a weekday: a plan that is counted rests at weekends
        made.secret = ServiceSecret(database=nowhere, redis_url=redis_url(2))
        yield made
        made.redis.client.close()

    def test_asks_with_the_key_of_the_secret_as_often_as_its_plan_allows(
        self, services, serving, source
    ) -> None:
        exchange = exchange_at(serving, "goldapi_io", name=source)

        [quote] = services.market.ask([exchange])

        assert isinstance(quote, Quote)
        assert serving.headers[0]["x-access-token"] == KEY
        assert services.redis.client.keys("*") == [f"asked:{source}"]

    def test_leaves_prices_and_rates_alone_that_ask_for_it(self, services, serving, source) -> None:
        limited = answer("", status=429)
        serving.behave(PATHS["coinbase"], limited)
        serving.behave(FRANKFURTER, limited)

        services.market.ask([exchange_at(serving, "coinbase", name=f"{source} 1")])
        services.exchange_rates.ask([exchange_at(serving, "frankfurter", name=f"{source} 2")])

        kept = {f"paused:{source} 1", f"paused:{source} 2"}
        assert set(services.redis.client.keys("*")) == kept


class TestExchangeRates:
    def test_come_from_the_other_source_while_the_circuit_of_one_is_open(
        self, circuits, serving, source
    ) -> None:
        serving.behave(FRANKFURTER, answer("", status=404))
        serving.behave(ECB, answer(shape("ecb_daily.xml")))
        exchanges = [
            exchange_at(serving, adapter, name=f"{adapter} {source}")
            for adapter in ("frankfurter", "ecb")
        ]
        http = OutgoingHttp(allow_loopback=True)
        rates = ExchangeRates(http, StandingClock(), circuits, seconds=5)
        for _ in range(BREAKER.failure_threshold):
            rates.ask(exchanges)
        serving.requests.clear()

        found = rates.ask(exchanges)

        assert {rate.source for rate in found} == {f"ecb {source}", "peg"}
        assert serving.requests == [ECB]
