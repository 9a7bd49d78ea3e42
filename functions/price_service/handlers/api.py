"""All HTTP routes of the price service. Whatever reads prices is public."""

from http import HTTPStatus
from uuid import UUID

from aws_lambda_powertools.event_handler import Response

from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentAdmin
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.idempotency import IdempotencyKey
from goldalert.http.paging import Cursor, From, Limit, To
from goldalert.http.schemas import Page
from goldalert.money import Currency
from goldalert.units import Karat, Unit
from price_service.bootstrap import services
from price_service.config import HISTORY_PAGE
from price_service.domain.analytics import Window
from price_service.domain.candles import Interval
from price_service.domain.conversion import Measure
from price_service.schemas import (
    AddExchangeRequest,
    AnalyticsView,
    CandleView,
    ChangeExchangeRequest,
    CurrentPrice,
    ExchangeView,
    FetchView,
    HistoryItem,
    PriceStatus,
    TickView,
)
from price_service.use_cases import administration, charts, serving

app = make_resolver()


@app.get("/price/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health(
            "price",
            essential={"database": services().ping_database},
            optional={"redis": services().ping_redis},
        )
    )


@app.get("/price/current")
def current_price(
    currency: Currency = Currency.USD,
    unit: Unit = Unit.TROY_OUNCE,
    karat: Karat = Karat.K24,
) -> CurrentPrice:
    return serving.current_price(
        services().unit_of_work,
        services().slots,
        services().cache,
        Measure(currency, unit, karat),
    )


@app.get("/price/history")
def history(
    currency: Currency = Currency.USD,
    unit: Unit = Unit.TROY_OUNCE,
    karat: Karat = Karat.K24,
    since: From = None,
    until: To = None,
    limit: Limit = HISTORY_PAGE,
    cursor: Cursor = None,
) -> Page[HistoryItem]:
    return serving.history(
        services().unit_of_work,
        services().slots,
        services().cache,
        Measure(currency, unit, karat),
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )


@app.get("/price/analytics")
def analytics(
    window: Window = Window.DAY,
    currency: Currency = Currency.USD,
    unit: Unit = Unit.TROY_OUNCE,
    karat: Karat = Karat.K24,
) -> AnalyticsView:
    return serving.analytics(
        services().unit_of_work,
        services().slots,
        services().cache,
        Measure(currency, unit, karat),
        window=window,
    )


@app.get("/price/candles")
def candles(
    currency: Currency = Currency.USD,
    unit: Unit = Unit.TROY_OUNCE,
    karat: Karat = Karat.K24,
    interval: Interval = Interval.HOUR,
    since: From = None,
    until: To = None,
) -> Page[CandleView]:
    return charts.candles(
        services().unit_of_work,
        services().clock,
        Measure(currency, unit, karat),
        interval,
        since=since,
        until=until,
    )


@app.get("/price/ticks/<tick_id>")
def tick(tick_id: UUID) -> TickView:
    return serving.tick(services().unit_of_work, tick_id=tick_id)


@app.get("/price/exchanges")
def exchanges(limit: Limit = 50, cursor: Cursor = None) -> Page[ExchangeView]:
    return serving.exchanges(services().unit_of_work, limit=limit, cursor=cursor)


@app.post("/price/exchanges", status_code=HTTPStatus.CREATED)
def add_exchange(
    body: AddExchangeRequest, admin: CurrentAdmin, idempotency_key: IdempotencyKey = None
) -> ExchangeView:
    return administration.add_exchange(
        services().unit_of_work,
        admin_id=admin.user_id,
        request=body,
        idempotency_key=idempotency_key,
        allow_loopback=services().settings.stage == "local",
    )


@app.patch("/price/exchanges/<exchange_id>")
def change_exchange(
    exchange_id: UUID, body: ChangeExchangeRequest, admin: CurrentAdmin
) -> ExchangeView:
    return administration.change_exchange(
        services().unit_of_work,
        admin_id=admin.user_id,
        exchange_id=exchange_id,
        request=body,
        allow_loopback=services().settings.stage == "local",
    )


@app.delete("/price/exchanges/<exchange_id>", status_code=HTTPStatus.NO_CONTENT)
def delete_exchange(exchange_id: UUID, admin: CurrentAdmin) -> None:
    administration.delete_exchange(
        services().unit_of_work, admin_id=admin.user_id, exchange_id=exchange_id
    )


@app.post("/price/fetch", status_code=HTTPStatus.ACCEPTED)
def fetch_now(admin: CurrentAdmin) -> FetchView:
    return administration.fetch_now(
        services().unit_of_work,
        services().clock,
        services().fetching,
        admin_id=admin.user_id,
        slot_length=services().settings.slot_length,
    )


@app.get("/price/status")
def status() -> PriceStatus:
    return serving.status(services().unit_of_work, services().slots)


lambda_handler = serve(app, lambda: services())
