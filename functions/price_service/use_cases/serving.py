"""Serving prices: the one that stands, earlier ones, and where they come from."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import InvalidFieldError, NotFoundError
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.money import Currency
from price_service.config import (
    CACHE_SECONDS,
    CANDLES_AT_MOST,
    CURRENT_KEY,
    HISTORY_PAGE,
    OVERDUE_SECONDS,
)
from price_service.domain.agreement import bid_and_ask
from price_service.domain.analytics import Window, analyse
from price_service.domain.conversion import Measure, prices_by_currency
from price_service.domain.market import session_opened
from price_service.domain.model import HistoryEntry, StoredTick, TickReason
from price_service.domain.standing import (
    missed_slots,
    missed_slots_since,
    next_slot,
    percent_change,
    state_now,
)
from price_service.errors import NoExchangeRateYetError, NoPriceYetError
from price_service.schemas import (
    AnalyticsView,
    CurrentPrice,
    ExchangeView,
    HistoryItem,
    PriceStatus,
    QuoteView,
    RateView,
    SourceHealthView,
    Standing,
    TickView,
)
from price_service.use_cases.ports import Cache, Prices

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Slots:
    """What time it is, and how far apart ticks are."""

    clock: Clock
    length: timedelta


def current_price(
    unit_of_work: UnitOfWork[Prices],
    slots: Slots,
    cache: Cache,
    measure: Measure,
) -> CurrentPrice:
    """Return the price that stands.

    Raises:
        NoPriceYetError: there is none, or no exchange rate for the currency.
    """
    now = slots.clock.now()
    standing = _standing(unit_of_work, cache, slots)
    last = standing.last
    if last is None or last.tick.as_of is None:
        raise _no_price(last, slots)
    price = _in_currency(last.tick.price, last, measure.currency)
    if price is None:
        raise NoExchangeRateYetError(
            f"There is no exchange rate for {measure.currency} yet.",
            retry_after=_seconds_to_next(last, slots),
        )
    bid, ask = bid_and_ask(last.tick) or (None, None)
    before = standing.day_before
    old_price = _in_currency(before.tick.price, before, measure.currency) if before else None
    tick = last.tick
    rate = next((rate for rate in last.rates if rate.currency is measure.currency), None)
    return CurrentPrice(
        tick_id=last.id,
        sequence=last.sequence,
        price=measure.show(price),
        bid=_shown(bid, last, measure),
        ask=_shown(ask, last, measure),
        currency=measure.currency,
        unit=measure.unit,
        karat=measure.karat,
        as_of=last.tick.as_of,
        status=state_now(tick, now, slots.length),
        reason=tick.reason,
        origin=tick.origin,
        sources=tick.sources,
        counted=tick.counted,
        agreeing=tick.agreeing,
        spread_bps=tick.spread_bps,
        change_24h=None if old_price is None else percent_change(old_price, price),
        exchange_rate=None if rate is None else RateView.model_validate(rate),
    )


def history(
    unit_of_work: UnitOfWork[Prices],
    slots: Slots,
    cache: Cache,
    measure: Measure,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str | None,
) -> Page[HistoryItem]:
    """Return a page of earlier prices, newest first.

    Raises:
        InvalidFieldError: `since` is not before `until`, or the cursor is not one of ours.
    """
    after = decode_cursor(cursor)
    if since and until and since >= until:
        raise InvalidFieldError("from", "`from` must be before `to`.")

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
    last = _standing(unit_of_work, cache, slots).last
    return cache.get_or_load(_key("history", last, measure), Page[HistoryItem], load)


def analytics(
    unit_of_work: UnitOfWork[Prices],
    slots: Slots,
    cache: Cache,
    measure: Measure,
    *,
    window: Window,
) -> AnalyticsView:
    """Return how the price moved in a window that ends now."""
    now = slots.clock.now()
    last = _standing(unit_of_work, cache, slots).last
    # a replay brings times of its own
    until = last.tick.slot + slots.length if last and last.tick.origin == "replay" else now

    def load() -> AnalyticsView:
        since = until - window.length
        with unit_of_work.begin() as tx:
            candles = tx.repository.candles(
                measure.currency, window.interval, since=since, until=until, limit=CANDLES_AT_MOST
            )
        found = analyse(candles)
        view = AnalyticsView(
            window=window,
            currency=measure.currency,
            unit=measure.unit,
            karat=measure.karat,
            interval=window.interval,
            since=since,
            until=until,
            candles=len(candles),
        )
        if found is None:
            return view
        shown_open, shown_close = measure.show(found.open), measure.show(found.close)
        return view.model_copy(
            update={
                "origin": found.origin,
                "open": shown_open,
                "high": measure.show(found.high),
                "low": measure.show(found.low),
                "close": shown_close,
                "change": shown_close - shown_open,
                "change_percent": found.change_percent,
                "sma": measure.show(found.sma),
                "ema": measure.show(found.ema),
                "volatility": found.volatility,
            }
        )

    return cache.get_or_load(_key(f"analytics:{window}", last, measure), AnalyticsView, load)


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
    """Return a page of the sources, the most important first.

    Raises:
        InvalidFieldError: the cursor is not one of ours, or its source was deleted.
    """
    after = decode_cursor(cursor)
    with unit_of_work.begin() as tx:
        found = tx.repository.exchanges()
    ids = [exchange.id for exchange in found]
    if after is not None and after not in ids:
        raise InvalidFieldError("cursor", "The source that this page began after is gone.")
    rest = found if after is None else found[ids.index(after) + 1 :]
    return make_page(
        rest, limit=limit, view=ExchangeView.model_validate, id_of=lambda exchange: exchange.id
    )


def status(unit_of_work: UnitOfWork[Prices], slots: Slots) -> PriceStatus:
    """Return how the price is by now."""
    now = slots.clock.now()
    with unit_of_work.begin() as tx:
        last = tx.repository.last_tick()
        rates = tx.repository.latest_rates()
        before = tx.repository.last_tick_at(now - _DAY)
        with_tick = tx.repository.slots_since(now - _DAY)
        enabled = {exchange.name for exchange in tx.repository.exchanges() if exchange.enabled}
        health = [known for known in tx.repository.health() if known.source in enabled]
    tick = last.tick if last else None
    return PriceStatus(
        status=state_now(tick, now, slots.length) if tick else "stale",
        reason=tick.reason if tick else TickReason.NO_QUOTES,
        origin=tick.origin if tick else None,
        market_open=session_opened(now) is not None,
        sequence=last.sequence if last else 0,
        last_slot=tick.slot if tick else None,
        as_of=tick.as_of if tick else None,
        next_slot=next_slot(tick, now, slots.length) if tick else None,
        slot_seconds=int(slots.length.total_seconds()),
        missed_slots=missed_slots(tick.slot, now, slots.length) if tick else 0,
        missed_slots_24h=missed_slots_since(
            now - _DAY, before.tick.slot if before else None, with_tick, now, slots.length
        ),
        sources=[SourceHealthView.model_validate(known) for known in health],
        exchange_rates=[RateView.model_validate(rate) for rate in rates],
    )


def _standing(unit_of_work: UnitOfWork[Prices], cache: Cache, slots: Slots) -> Standing:
    def load() -> Standing:
        with unit_of_work.begin() as tx:
            last = tx.repository.last_tick()
            if last is None or last.tick.as_of is None:
                return Standing(last=last, day_before=None)
            return Standing(
                last=last, day_before=tx.repository.last_tick_at(last.tick.as_of - _DAY)
            )

    def seconds_until_due(standing: Standing) -> int:
        last = standing.last
        # the next row of a replay may come at any time
        if last is None or last.tick.origin == "replay":
            return OVERDUE_SECONDS
        due_in = (last.tick.slot + slots.length - slots.clock.now()) // _SECOND
        return min(CACHE_SECONDS, max(OVERDUE_SECONDS, due_in))

    return cache.get_or_load(CURRENT_KEY, Standing, load, ttl_of=seconds_until_due)


def _key(name: str, last: StoredTick | None, measure: Measure) -> str:
    """Return a key that the next tick makes unreachable."""
    return f"price:{name}:{last.sequence if last else 0}:{measure.key}"


def _no_price(last: StoredTick | None, slots: Slots) -> NoPriceYetError:
    if last is None:
        return NoPriceYetError(
            "No source has been asked for a price yet.",
            retry_after=int(slots.length.total_seconds()),
        )
    return NoPriceYetError(
        f"No price has been agreed on yet, last because of: {last.tick.reason}.",
        retry_after=_seconds_to_next(last, slots),
    )


def _seconds_to_next(last: StoredTick, slots: Slots) -> int:
    now = slots.clock.now()
    return (next_slot(last.tick, now, slots.length) - now) // _SECOND + 1


def _in_currency(usd: Decimal | None, stored: StoredTick, currency: Currency) -> Decimal | None:
    """Return an amount of a tick's at the tick's own exchange rate, or None without one."""
    return None if usd is None else prices_by_currency(usd, stored.rates).get(currency)


def _shown(usd: Decimal | None, stored: StoredTick, measure: Measure) -> Decimal | None:
    amount = _in_currency(usd, stored, measure.currency)
    return None if amount is None else measure.show(amount)
