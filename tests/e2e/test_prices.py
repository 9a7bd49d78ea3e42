"""Prices at the front door: what anybody reads of them, and what admins do about them."""

from decimal import Decimal
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from goldalert.money import Currency
from goldalert.units import Karat, Unit
from goldalert_local.client import Http, HttpAnswer, StackClient, User, wait_for

INTERVALS = ["5m", "1h", "1d", "1w", "1mo"]
WINDOWS = ["24h", "7d", "30d", "1y"]
MOVES = [Decimal("4321.10"), Decimal("4399.90"), Decimal("4300.00"), Decimal("4333.30")]


def ask(http: Http, path: str, **query: object) -> HttpAnswer:
    return http.get(f"{path}?{urlencode(query)}")


def read(http: Http, path: str, **query: object) -> dict:
    answer = ask(http, path, **query)
    assert answer.status == 200, answer
    return answer.body


def test_a_price_that_moved_is_told_alike_by_every_route(stack: StackClient) -> None:
    http = stack.elsewhere()
    with stack.price_feed() as move:
        for price in MOVES:
            move(price)
        current = read(http, "/price/current")
        history = read(http, "/price/history", limit=len(MOVES))["items"]
        candles = {name: read(http, "/price/candles", interval=name) for name in INTERVALS}
        analytics = {name: read(http, "/price/analytics", window=name) for name in WINDOWS}
        status = read(http, "/price/status")

    tick = read(http, f"/price/ticks/{current['tick_id']}")
    assert [Decimal(current["price"]), Decimal(tick["price"])] == [MOVES[-1]] * 2
    assert [Decimal(item["price"]) for item in history] == MOVES[::-1]
    for page in candles.values():
        newest = page["items"][-1]
        assert Decimal(newest["close"]) == MOVES[-1]
        assert Decimal(newest["low"]) <= MOVES[-1] <= Decimal(newest["high"])
    # a day's begins before the first move and ends after the last, unless midnight is between them
    low, high = (Decimal(analytics["24h"][name]) for name in ("low", "high"))
    assert low <= min(MOVES)
    assert high >= max(MOVES)
    assert {Decimal(found["close"]) for found in analytics.values()} == {MOVES[-1]}
    assert status["sequence"] == current["sequence"] == tick["sequence"]
    told = [current, tick, status, *analytics.values(), *(p["items"][-1] for p in candles.values())]
    assert {found["origin"] for found in told} == {"replay"}, "a replay says so everywhere"
    assert {item["source"] for item in history} == {"replay"}


def test_a_price_is_told_in_every_currency_unit_and_karat(stack: StackClient) -> None:
    http = stack.elsewhere()
    with stack.price_feed() as move:
        move(Decimal("4000.00"))
    for currency in Currency:
        for path in ("current", "history", "candles", "analytics"):
            read(http, f"/price/{path}", currency=currency)
    for unit in Unit:
        assert Decimal(read(http, "/price/current", unit=unit)["price"]) > 0
    for karat in Karat:
        found = read(http, "/price/current", karat=karat)
        assert found["karat"] == karat


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("current", {"currency": "XXX"}, "currency"),
        ("current", {"unit": "stone"}, "unit"),
        ("current", {"karat": 23}, "karat"),
        ("history", {"limit": 0}, "limit"),
        ("history", {"from": "yesterday"}, "from"),
        ("history", {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
        ("candles", {"interval": "2m"}, "interval"),
        ("candles", {"interval": "5m", "from": "2026-01-01T00:00:00Z"}, "from"),
        ("candles", {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
        ("analytics", {"window": "1h"}, "window"),
    ],
)
def test_a_bad_query_is_refused_by_the_name_of_its_field(
    stack: StackClient, path: str, query: dict[str, object], field: str
) -> None:
    answer = ask(stack.http, f"/price/{path}", **query)
    assert answer.status == 422, answer
    assert {error["field"] for error in answer.body["errors"]} == {field}


def test_a_range_that_is_too_wide_is_told_the_limit(stack: StackClient) -> None:
    answer = ask(stack.http, "/price/candles", interval="5m", **{"from": "2026-01-01T00:00:00Z"})
    assert "2,016" in answer.body["detail"]


def new_exchange() -> dict[str, object]:
    return {
        "name": f"e2e-{uuid4().hex[:8]}",
        "region": "nowhere",
        "api_url": f"https://{uuid4().hex}.example.com",
        "adapter": "gold_api_com",
        "enabled": False,
    }


def names(http: Http) -> set[str]:
    return {item["name"] for item in http.get("/price/exchanges?limit=100").body["items"]}


def test_an_admin_sets_up_a_source_that_everybody_sees(
    stack: StackClient, admin: User, user: User
) -> None:
    """S8, S9, S12."""
    body, anybody = new_exchange(), stack.elsewhere()
    for http, status in ((anybody, 401), (user.http, 403)):
        assert http.post("/price/exchanges", body).status == status
    assert body["name"] not in names(anybody)

    key = {"Idempotency-Key": str(uuid4())}
    made = admin.http.post("/price/exchanges", body, headers=key)
    assert made.status == 201, made
    again = admin.http.post("/price/exchanges", body, headers=key)
    assert again.body == made.body
    assert admin.http.post("/price/exchanges", body).status == 409
    assert body["name"] in names(anybody)

    path = f"/price/exchanges/{made.body['id']}"
    for method in ("PATCH", "DELETE"):
        assert user.http.call(method, path, {"priority": 7}).status == 403
    assert admin.http.patch(path, {"priority": 7}).body["priority"] == 7
    assert admin.http.patch(path, {"no_such_field": 7}).status == 422
    assert admin.http.delete(path).status == 204
    assert admin.http.delete(path).status == 404
    assert body["name"] not in names(anybody)


@pytest.mark.parametrize(
    "api_url",
    [
        "http://example.com",
        "https://169.254.169.254",
        "https://10.0.0.1",
        "https://[fd00::1]",
        "https://user:password@example.com",
        "ftp://example.com",
    ],
)
def test_a_source_may_not_be_within(admin: User, api_url: str) -> None:
    """S12."""
    answer = admin.http.post("/price/exchanges", new_exchange() | {"api_url": api_url})
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "api_url")


def test_an_admin_has_a_price_fetched_now(stack: StackClient, admin: User, user: User) -> None:
    assert stack.elsewhere().post("/price/fetch").status == 401
    assert user.http.post("/price/fetch").status == 403
    price = Decimal("4242.42")
    with stack.price_feed():
        stack.append_price(price)

        def has_arrived() -> bool:
            # others may have left recorded prices before it, which are played first
            answer = admin.http.post("/price/fetch")
            assert (answer.status, answer.body["started"]) == (202, True)
            return stack.current_price() == price

        wait_for(has_arrived, "the price that was asked for")
