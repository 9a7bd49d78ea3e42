"""All HTTP routes of the price service. All of them are public."""

from uuid import UUID

from aws_lambda_powertools.event_handler import Response

from goldalert.http.api import make_resolver, serve
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.paging import Cursor, Limit
from goldalert.http.schemas import Page
from goldalert.money import Currency
from goldalert.units import Karat, Unit
from price_service.bootstrap import services
from price_service.config import HISTORY_PAGE
from price_service.domain.conversion import Measure
from price_service.schemas import (
    CurrentPrice,
    ExchangeView,
    From,
    HistoryItem,
    PriceStatus,
    TickView,
    To,
)
from price_service.use_cases import serving

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
        services().clock,
        services().cache,
        Measure(currency, unit, karat),
        slot_length=services().settings.slot_length,
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
        services().cache,
        Measure(currency, unit, karat),
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )


@app.get("/price/ticks/<tick_id>")
def tick(tick_id: UUID) -> TickView:
    return serving.tick(services().unit_of_work, tick_id=tick_id)


@app.get("/price/exchanges")
def exchanges(limit: Limit = 50, cursor: Cursor = None) -> Page[ExchangeView]:
    return serving.exchanges(services().unit_of_work, limit=limit, cursor=cursor)


@app.get("/price/status")
def status() -> PriceStatus:
    return serving.status(
        services().unit_of_work, services().clock, slot_length=services().settings.slot_length
    )


lambda_handler = serve(app, lambda: services())
