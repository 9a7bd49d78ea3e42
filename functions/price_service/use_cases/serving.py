"""Serving prices: the one that stands, earlier ones, and where they come from."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.money import Currency
from price_service.config import CURRENT_KEY, CURRENT_SECONDS, HISTORY_PAGE
from price_service.domain.conversion import Measure, prices_by_currency
from price_service.domain.market import session_opened
from price_service.domain.model import HistoryEntry, StoredTick, TickReason
from price_service.domain.standing import missed_slots, percent_change, state_now
from price_service.errors import NoPriceYetError
from price_service.schemas import (
    CurrentPrice,
    ExchangeView,
    HistoryItem,
    PriceStatus,
    QuoteView,
    RateView,
    Standing,
    TickView,
)
from price_service.use_cases.prices import Prices

_DAY = timedelta(days=1)


class ReadCache(Protocol):
    """Keeps what was read."""

    def get_or_load[Model: BaseModel](
        self,
        key: str,
        model: type[Model],
        load: Callable[[], Model],
        *,
        ttl_seconds: int | None = None,
    ) -> Model: ...


def current_price(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    cache: ReadCache,
    measure: Measure,
    *,
    slot_length: timedelta,
) -> CurrentPrice:
    """Return the price that stands.

    Raises:
        NoPriceYetError: there is none, or no exchange rate for the currency.
    """
    standing = _standing(unit_of_work, cache)
    last = standing.last
    price = None if last is None else _price_in(last, measure.currency)
    if last is None or last.tick.as_of is None or price is None:
        raise NoPriceYetError(
            f"There is no price in {measure.currency} yet.",
            retry_after=int(slot_length.total_seconds()),
        )
    before = _price_in(standing.day_before, measure.currency) if standing.day_before else None
    tick = last.tick
    rate = next((rate for rate in last.rates if rate.currency is measure.currency), None)
    return CurrentPrice(
        tick_id=last.id,
        sequence=last.sequence,
        price=measure.show(price),
        currency=measure.currency,
        unit=measure.unit,
        karat=measure.karat,
        as_of=last.tick.as_of,
        status=state_now(tick, clock.now(), slot_length),
        reason=tick.reason,
        origin=tick.origin,
        sources=tick.sources,
        counted=tick.counted,
        agreeing=tick.agreeing,
        spread_bps=tick.spread_bps,
        change_24h=None if before is None else percent_change(before, price),
        exchange_rate=None if rate is None else RateView.model_validate(rate),
    )


def history(
    unit_of_work: UnitOfWork[Prices],
    cache: ReadCache,
    measure: Measure,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str | None,
) -> Page[HistoryItem]:
    """Return a page of earlier prices, newest first."""
    after = decode_cursor(cursor)

    def view(entry: HistoryEntry) -> HistoryItem:
        return HistoryItem(
            id=entry.id,
            timestamp=entry.changed_at,
            price=measure.show(entry.price),
            currency=measure.currency,
            unit=measure.unit,
            karat=measure.karat,
            source=entry.source,
            interval=entry.interval,
        )

    def load() -> Page[HistoryItem]:
        with unit_of_work.begin() as tx:
            entries = tx.repository.history(
                measure.currency, since=since, until=until, after=after, limit=limit + 1
            )
        return make_page(entries, limit=limit, view=view, id_of=lambda entry: entry.id)

    if since or until or after or limit != HISTORY_PAGE:
        # anyone can ask for as many of these as there are times, and would fill the cache
        return load()
    # with the sequence in the key, a new tick makes every older page unreachable
    last = _standing(unit_of_work, cache).last
    key = f"price:history:{last.sequence if last else 0}:{measure.key}"
    return cache.get_or_load(key, Page[HistoryItem], load)


def tick(unit_of_work: UnitOfWork[Prices], *, tick_id: UUID) -> TickView:
    """Return one tick and its provenance.

    Raises:
        NotFoundError: there is no such tick.
    """
    with unit_of_work.begin() as tx:
        stored = tx.repository.tick(tick_id)
    if stored is None:
        raise NotFoundError("There is no such tick.")
    found = stored.tick
    return TickView(
        id=stored.id,
        sequence=stored.sequence,
        slot=found.slot,
        state=found.state,
        reason=found.reason,
        origin=found.origin,
        price=found.price,
        as_of=found.as_of,
        candidate=found.candidate,
        counted=found.counted,
        agreeing=found.agreeing,
        spread_bps=found.spread_bps,
        quotes=[QuoteView.model_validate(verdict) for verdict in found.verdicts],
        exchange_rates=[RateView.model_validate(rate) for rate in stored.rates],
    )


def exchanges(
    unit_of_work: UnitOfWork[Prices], *, limit: int, cursor: str | None
) -> Page[ExchangeView]:
    """Return a page of the sources, the most important first."""
    after = decode_cursor(cursor)
    with unit_of_work.begin() as tx:
        found = tx.repository.exchanges()
    ids = [exchange.id for exchange in found]
    rest = found[ids.index(after) + 1 :] if after in ids else found
    return make_page(
        rest, limit=limit, view=ExchangeView.model_validate, id_of=lambda exchange: exchange.id
    )


def status(
    unit_of_work: UnitOfWork[Prices], clock: Clock, *, slot_length: timedelta
) -> PriceStatus:
    """Return how the price is by now."""
    with unit_of_work.begin() as tx:
        last = tx.repository.last_tick()
        rates = tx.repository.latest_rates()
    now = clock.now()
    tick = last.tick if last else None
    return PriceStatus(
        status=state_now(tick, now, slot_length) if tick else "stale",
        reason=tick.reason if tick else TickReason.NO_QUOTES,
        origin=tick.origin if tick else None,
        market_open=session_opened(now) is not None,
        sequence=last.sequence if last else 0,
        last_slot=tick.slot if tick else None,
        as_of=tick.as_of if tick else None,
        slot_seconds=int(slot_length.total_seconds()),
        missed_slots=missed_slots(tick, now, slot_length) if tick else 0,
        exchange_rates=[RateView.model_validate(rate) for rate in rates],
    )


def _standing(unit_of_work: UnitOfWork[Prices], cache: ReadCache) -> Standing:
    def load() -> Standing:
        with unit_of_work.begin() as tx:
            last = tx.repository.last_tick()
            if last is None or last.tick.as_of is None:
                return Standing(last=last, day_before=None)
            return Standing(
                last=last, day_before=tx.repository.last_tick_at(last.tick.as_of - _DAY)
            )

    return cache.get_or_load(CURRENT_KEY, Standing, load, ttl_seconds=CURRENT_SECONDS)


def _price_in(stored: StoredTick, currency: Currency) -> Decimal | None:
    if stored.tick.price is None:
        return None
    return prices_by_currency(stored.tick.price, stored.rates).get(currency)
