"""What admins do about prices, through the function's handler, on a real database and a socket."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from goldalert.ids import new_id
from price_service.bootstrap import Services
from price_service.config import MAX_EXCHANGES
from price_service.domain.model import Exchange, Reason
from price_service.errors import ExchangeExistsError
from price_service.gateways.fetching import FetchFunction
from price_service.gateways.recorded import Replay
from price_service.handlers import api, scheduled_fetch_price
from price_service.schemas import AddExchangeRequest
from price_service.use_cases import administration, ticks
from tests.support.invocations import Answer, Client
from tests.support.lambda_endpoint import LambdaEndpoint, serve_lambda
from tests.support.market_day import CALM, NOON, SLOT

ADMIN = new_id()
ANY_ID = "0198f2a0-0000-7000-8000-000000000001"
MIRROR = {
    "name": "mirror",
    "region": "Iceland",
    "api_url": "https://gold.mirror.example",
    "adapter": "gold_api_com",
}


@pytest.fixture
def admin(services: Services) -> Client:
    services.settings = services.settings.model_copy(update={"stage": "prod"})
    return Client(api.lambda_handler, ADMIN, "admin")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The lines that these routes leave for an audit."""
    lines: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        "price_service.use_cases.administration.logger.info",
        lambda message, **how: lines.append((message, how["extra"])),
    )
    return lines


def audit(lines: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [(message, extra) for message, extra in lines if "admin_id" in extra]


def add(admin: Client, **changes: object) -> Answer:
    return admin.post("/price/exchanges", MIRROR | changes)


def exchanges(admin: Client) -> dict[str, dict[str, Any]]:
    items = admin.get("/price/exchanges", limit="100").body["items"]
    return {item["name"]: item for item in items}


def wrong_fields(answer: Answer) -> list[str]:
    assert answer.status == 422, answer
    return [error["field"] for error in answer.body["errors"]]


class TestAdding:
    def test_a_source_is_added_and_asked_by_the_next_tick(self, admin, prices) -> None:
        answer = add(admin)

        assert answer.status == 201
        assert answer.body == {
            **MIRROR,
            "id": answer.body["id"],
            "upstream": "gold-api.com",
            "priority": 100,
            "enabled": True,
        }
        assert exchanges(admin)["mirror"] == answer.body
        prices.fetch(**CALM)
        assert prices.market.asked[-1][-1] == "mirror"

    @pytest.mark.parametrize(
        ("changes", "upstream"),
        [
            ({}, "gold-api.com"),
            ({"upstream": "another"}, "another"),
            ({"adapter": "coinbase"}, "mirror"),
        ],
    )
    def test_it_shares_the_vote_of_its_adapter_unless_it_is_said_otherwise(
        self, admin, changes, upstream
    ) -> None:
        # of this adapter there is no source any more
        admin.send("DELETE", f"/price/exchanges/{exchanges(admin)['coinbase']['id']}")

        assert add(admin, **changes).body["upstream"] == upstream

    def test_one_that_is_not_enabled_is_not_asked(self, admin, prices) -> None:
        add(admin, enabled=False)

        prices.fetch(**CALM)

        assert "mirror" not in prices.market.asked[-1]

    def test_it_says_who_added_what(self, admin, logged) -> None:
        exchange = add(admin).body

        [(message, extra)] = audit(logged)
        assert message == "exchange added"
        assert (extra["admin_id"], extra["exchange_id"]) == (str(ADMIN), exchange["id"])
        assert extra["changes"]["api_url"] == "https://gold.mirror.example"

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": "swissquote"},
            {"adapter": "swissquote", "api_url": "https://forex-data-feed.swissquote.com"},
            {"adapter": "swissquote", "api_url": "https://FOREX-data-feed.swissquote.com:443/"},
        ],
    )
    def test_no_source_is_there_twice(self, admin, changes) -> None:
        """Two rows that ask one source would give it two votes."""
        answer = add(admin, **changes)

        assert (answer.status, answer.body["code"]) == (409, "exchange_exists")
        assert len(exchanges(admin)) == 8

    def test_a_key_brings_one_source_however_often_it_comes(self, admin) -> None:
        key = {"Idempotency-Key": "key-of-a-test"}
        first = admin.post("/price/exchanges", MIRROR, **key)
        again = admin.post("/price/exchanges", MIRROR, **key)
        other = admin.post("/price/exchanges", MIRROR | {"name": "other"}, **key)

        assert (first.status, again.status, again.body) == (201, 201, first.body)
        assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")
        assert len(exchanges(admin)) == 9

    def test_of_many_at_once_one_gets_the_name(self, services) -> None:
        """The use case, since a resolver serves one request at a time."""
        ready = threading.Barrier(4)

        def race(number: int) -> str:
            request = AddExchangeRequest(**MIRROR | {"api_url": f"https://m{number}.example"})
            ready.wait()
            try:
                administration.add_exchange(
                    services.unit_of_work,
                    admin_id=ADMIN,
                    request=request,
                    idempotency_key=None,
                    allow_loopback=False,
                )
            except ExchangeExistsError:
                return "exists"
            return "added"

        with ThreadPoolExecutor(4) as pool:
            outcomes = sorted(pool.map(race, range(4)))

        assert outcomes == ["added", "exists", "exists", "exists"]

    def test_there_are_only_so_many(self, admin) -> None:
        """S11."""
        statuses = [
            add(admin, name=f"mirror-{n}", api_url=f"https://m{n}.example").status
            for n in range(MAX_EXCHANGES - 8 + 1)
        ]

        assert statuses == [201] * (MAX_EXCHANGES - 8) + [409]

    def test_it_says_which_value_is_wrong(self, admin) -> None:
        """S9, S12. What the schema sees alone is in tests/unit/price_service/test_schemas.py."""
        for field, value in (
            ("name", "simulator"),
            ("secret", "x"),
            ("api_url", "https://user:sesame@gold.mirror.example"),
            ("api_url", "https://169.254.169.254"),
            ("api_url", "http://127.0.0.1:8080"),
        ):
            answer = add(admin, **{field: value})
            assert wrong_fields(answer) == [field]
            assert "sesame" not in str(answer.body)
        assert len(exchanges(admin)) == 8

    def test_on_the_local_machine_a_source_may_be_on_it(self, admin, services) -> None:
        services.settings = services.settings.model_copy(update={"stage": "local"})

        assert add(admin, api_url="http://127.0.0.1:8080").status == 201
        assert wrong_fields(add(admin, name="x", api_url="http://10.0.0.1")) == ["api_url"]

    def test_a_name_that_leads_inside_is_not_asked(self, admin, services, monkeypatch) -> None:
        """S12: a name can be public when it is added, and lead anywhere later."""
        look_up = socket.getaddrinfo

        def lead_inside(host: str, *args: Any, **how: Any) -> list[Any]:
            return look_up("10.0.0.1" if host == "gold.mirror.example" else host, *args, **how)

        monkeypatch.setattr(socket, "getaddrinfo", lead_inside)
        exchange = Exchange(**{**add(admin).body, "id": ADMIN})

        [answer] = services.market.ask([exchange])

        assert (answer.source, answer.reason) == ("mirror", Reason.FORBIDDEN_ADDRESS)


class TestChanging:
    def test_what_is_not_sent_stays(self, admin) -> None:
        before = exchanges(admin)["coinbase"]

        answer = admin.patch(f"/price/exchanges/{before['id']}", {"enabled": False})

        assert (answer.status, answer.body) == (200, before | {"enabled": False})
        assert exchanges(admin)["coinbase"] == answer.body

    def test_a_source_that_is_switched_off_is_not_asked(self, admin, prices) -> None:
        admin.patch(f"/price/exchanges/{exchanges(admin)['coinbase']['id']}", {"enabled": False})

        prices.fetch(**CALM)

        assert "coinbase" not in prices.market.asked[-1]

    def test_all_can_be_changed_at_once(self, admin) -> None:
        exchange = add(admin).body
        changes = {
            "name": "glass",
            "region": "Norway",
            "api_url": "https://glass.example",
            "adapter": "coinbase",
            "upstream": "coinbase",
            "priority": 0,
            "enabled": False,
        }

        answer = admin.patch(f"/price/exchanges/{exchange['id']}", changes)

        assert answer.body == changes | {"id": exchange["id"]}

    def test_its_health_goes_with_its_new_name(self, admin, prices) -> None:
        prices.fetch(**CALM)
        admin.patch(f"/price/exchanges/{exchanges(admin)['coinbase']['id']}", {"name": "c"})

        known = [source for (source,) in prices.rows("SELECT source FROM source_health")]

        assert "c" in known
        assert "coinbase" not in known

    def test_it_says_who_changed_what(self, admin, logged) -> None:
        exchange = exchanges(admin)["coinbase"]
        admin.patch(f"/price/exchanges/{exchange['id']}", {"enabled": False, "region": "here"})

        [(message, extra)] = audit(logged)
        assert (message, extra["admin_id"], extra["source"]) == (
            "exchange changed",
            str(ADMIN),
            "coinbase",
        )
        assert extra["changes"] == {
            "region": {"from": "United States", "to": "here"},
            "enabled": {"from": True, "to": False},
        }

    def test_what_changes_nothing_is_no_change(self, admin, logged) -> None:
        exchange = exchanges(admin)["coinbase"]
        assert admin.patch(f"/price/exchanges/{exchange['id']}", {}).body == exchange
        assert audit(logged) == []

    def test_no_source_becomes_another(self, admin) -> None:
        exchange = add(admin).body
        path = f"/price/exchanges/{exchange['id']}"

        for changes in (
            {"name": "swissquote"},
            {"api_url": "https://api.gold-api.com"},
            {"adapter": "coinbase", "api_url": "https://api.coinbase.com"},
        ):
            answer = admin.patch(path, changes)
            assert (answer.status, answer.body["code"]) == (409, "exchange_exists")
        assert admin.patch(path, {"name": "mirror", "adapter": "gold_api_com"}).status == 200

    def test_it_says_which_value_is_wrong(self, admin) -> None:
        """S9, S12."""
        path = f"/price/exchanges/{exchanges(admin)['coinbase']['id']}"
        for field, value in (("id", ANY_ID), ("enabled", None), ("api_url", "https://127.0.0.1")):
            assert wrong_fields(admin.patch(path, {field: value})) == [field]

    def test_a_source_that_does_not_exist_is_not_found(self, admin) -> None:
        assert admin.patch(f"/price/exchanges/{ANY_ID}", {"enabled": False}).status == 404


class TestDeleting:
    def test_a_source_goes_and_its_quotes_remain(self, admin, prices, logged) -> None:
        stored = prices.fetch(**CALM)
        exchange = exchanges(admin)["coinbase"]

        answer = admin.send("DELETE", f"/price/exchanges/{exchange['id']}")

        assert answer.status == 204
        assert "coinbase" not in exchanges(admin)
        quotes = admin.get(f"/price/ticks/{stored.id}").body["quotes"]
        assert "coinbase" in [quote["source"] for quote in quotes]
        [(message, extra)] = audit(logged)
        assert (message, extra["admin_id"]) == ("exchange deleted", str(ADMIN))
        assert admin.send("DELETE", f"/price/exchanges/{exchange['id']}").status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/price/exchanges"),
        ("PATCH", f"/price/exchanges/{ANY_ID}"),
        ("DELETE", f"/price/exchanges/{ANY_ID}"),
        ("POST", "/price/fetch"),
    ],
)
@pytest.mark.usefixtures("services")
def test_only_admins_are_let_in(method, path) -> None:
    """S8: whatever the gateway let through."""
    body = {"POST": MIRROR, "PATCH": {"enabled": False}}.get(method)
    if path.endswith("fetch"):
        body = None
    assert Client(api.lambda_handler, new_id()).send(method, path, body=body).status == 403
    assert Client(api.lambda_handler).send(method, path, body=body).status == 401


class TestFetchingNow:
    @pytest.fixture
    def endpoint(self, services, prices) -> Iterator[LambdaEndpoint]:
        services.market, services.exchange_rates = prices.market, prices.rates
        endpoint = LambdaEndpoint(scheduled_fetch_price.lambda_handler)
        with serve_lambda(endpoint) as invoker:
            services.fetching = FetchFunction("fetch", invoker)
            yield endpoint

    def test_a_tick_is_fetched_as_the_schedule_would(self, admin, endpoint, prices, logged) -> None:
        prices.fetch(**CALM)
        prices.clock.time = NOON + timedelta(minutes=4, microseconds=7)

        answer = admin.post("/price/fetch", **{"X-Correlation-Id": "asked-by-an-admin"})

        assert answer.status == 202
        assert answer.body == {"slot": "2026-08-18T16:04:00Z", "started": True, "tick_id": None}
        assert endpoint.invoked == ["fetch"]
        tick = prices.published()[-1]
        assert (tick.data.tick.sequence, tick.data.tick.slot.minute) == (2, 4)
        assert tick.correlation_id == "asked-by-an-admin"
        [(message, extra)] = audit(logged)
        assert (message, extra["admin_id"]) == ("tick asked for", str(ADMIN))

    def test_a_slot_that_has_its_tick_says_so(self, admin, endpoint, prices) -> None:
        stored = prices.fetch(**CALM)
        prices.clock.time = NOON + SLOT / 2 - timedelta(seconds=1)

        answer = admin.post("/price/fetch")

        assert answer.status == 202
        assert answer.body == {
            "slot": "2026-08-18T16:00:00Z",
            "started": False,
            "tick_id": str(stored.id),
        }
        assert endpoint.invoked == []

    def test_a_replay_is_always_played_on(self, admin, endpoint, prices, tmp_path) -> None:
        """Its slots are those of the file, and say nothing about now."""
        path = tmp_path / "prices.csv"
        path.write_text("timestamp,price\n2026-08-18T16:00:00Z,4390\n")
        playing = Replay("local", str(path))
        ticks.replay_tick(prices.unit_of_work, prices.clock, playing, prices.cache)
        endpoint.handler = lambda *_: None

        assert admin.post("/price/fetch").body["started"] is True
        assert endpoint.invoked == ["fetch"]

    def test_the_very_first_tick_can_be_asked_for(self, admin, endpoint, prices) -> None:
        prices.market.script = [[]]

        assert admin.post("/price/fetch").body["started"] is True
        assert prices.rows("SELECT sequence FROM prices") == [(1,)]

    @pytest.mark.parametrize("state", ["failing", "throttling", "hanging"])
    def test_lambda_that_does_not_take_the_call_is_unavailable(
        self, admin, endpoint, state
    ) -> None:
        endpoint.states = [state]
        endpoint.handler = lambda *_: None  # one that hangs is called when the test is over

        answer = admin.post("/price/fetch")

        assert (answer.status, answer.body["code"]) == (503, "unavailable")
        assert "Retry-After" in answer.headers
