"""What the price service does, one function per action."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.prices import PriceUpdatedData, PriceUpdatedV1
from goldalert.events.prices import Tick as TickFacts
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.ids import new_id
from goldalert.money import Currency
from goldalert.observability.log import current_correlation_id, logger
from price_service.domain.agreement import HISTORY_TICKS, accept, decide, wants_more_votes
from price_service.domain.conversion import (
    Measure,
    believable_rates,
    oldest,
    prices_by_currency,
)
from price_service.domain.judging import is_counted
from price_service.domain.market import session_opened
from price_service.domain.model import (
    Answer,
    Exchange,
    HistoryEntry,
    Rate,
    RecordedPrice,
    Refusal,
    StoredTick,
    Tick,
    TickReason,
)
from price_service.domain.standing import is_due, missed_slots, percent_change, state_now
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

PRODUCER = "price_service"
MONTHLY_SOURCE = "worldbank-pinksheet"
CURRENT_KEY = "price:current"

_ASK_AGAIN_AFTER = (timedelta(seconds=30), timedelta(seconds=60))
"""Pauses before a jump is asked about again: 30 and 90 s after the first time."""

_RATES_LAST = timedelta(hours=1)
_DAY = timedelta(days=1)


class Prices(Protocol):
    """What the use cases need of the database."""

    def lock_ticks(self) -> None: ...
    def last_ticks(self, limit: int) -> list[StoredTick]: ...
    def tick(self, tick_id: UUID) -> StoredTick | None: ...
    def last_tick_at(self, moment: datetime) -> StoredTick | None: ...
    def add_tick(self, stored: StoredTick) -> None: ...
    def add_change(self, stored: StoredTick, old_value: Decimal | None) -> None: ...
    def add_months(self, months: Sequence[RecordedPrice], source: str) -> int: ...
    def last_known_price(self) -> Decimal | None: ...
    def history(
        self,
        currency: Currency,
        *,
        since: datetime | None,
        until: datetime | None,
        after: UUID | None,
        limit: int,
    ) -> list[HistoryEntry]: ...
    def exchanges(self) -> list[Exchange]: ...
    def latest_rates(self) -> list[Rate]: ...
    def rates_fetched_at(self) -> datetime | None: ...
    def add_rates(self, rates: Iterable[Rate], fetched_at: datetime) -> None: ...


class Market(Protocol):
    """Asks the price sources among the exchanges, all at once."""

    def ask(self, exchanges: Sequence[Exchange]) -> list[Answer]: ...


class RatesMarket(Protocol):
    """Asks the sources of exchange rates among the exchanges, until one answers."""

    def ask(self, exchanges: Sequence[Exchange]) -> list[Rate]: ...


class Recording(Protocol):
    """Gives recorded prices, one after the other, and exchange rates for them."""

    def next_after(self, last: datetime | None) -> RecordedPrice | None: ...
    def rates(self, as_of: date) -> list[Rate]: ...


class PriceSimulator(Protocol):
    """Invents prices and exchange rates, on a local machine."""

    def step(self, last: Decimal, slot: datetime) -> Decimal: ...
    def rates(self, as_of: date) -> list[Rate]: ...


class ReadCache(Protocol):
    """Keeps what was read."""

    def get_or_load[Model: BaseModel](
        self, key: str, model: type[Model], load: Callable[[], Model]
    ) -> Model: ...
    def invalidate(self, *keys: str) -> None: ...


def fetch_tick(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    market: Market,
    rates_market: RatesMarket,
    simulator: PriceSimulator | None,
    cache: ReadCache,
    sleep: Callable[[float], object],
    *,
    slot: datetime,
    slot_length: timedelta,
) -> StoredTick | None:
    """Ask the sources, agree on a price and store the slot's tick with its event.

    Returns:
        The tick, or None when the slot, or a later one, has a tick already.
    """
    with unit_of_work.begin() as tx:
        history = _history(tx)
        sources = [exchange for exchange in tx.repository.exchanges() if exchange.enabled]
        known_rates = tx.repository.latest_rates()
        rates_fetched_at = tx.repository.rates_fetched_at()
    if not is_due(slot, history, slot_length):
        return None
    # nothing is locked while third parties take their time
    answers, asked_after = _ask(market, sources, slot, history, sleep)
    new_rates: list[Rate] = []
    if rates_fetched_at is None or clock.now() - rates_fetched_at >= _RATES_LAST:
        new_rates = rates_market.ask(sources)

    with unit_of_work.begin() as tx:
        tx.repository.lock_ticks()
        history = _history(tx)
        if not is_due(slot, history, slot_length):
            return None
        tick = _simulate(tx, simulator, slot, answers, history) if simulator else None
        if tick is None:
            tick = decide(slot, answers, history, asked_after=asked_after)
        tx.repository.add_rates(believable_rates(new_rates, known_rates), clock.now())
        rates = tx.repository.latest_rates()
        if not rates and simulator is not None:
            rates = simulator.rates(slot.date())
        new = _store(tx, clock, tick, rates)
    cache.invalidate(CURRENT_KEY)
    return new


def replay_tick(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    recording: Recording,
    cache: ReadCache,
) -> StoredTick | None:
    """Store the tick of the next recorded price, with its event.

    Returns:
        The tick, or None when there is no later price (yet).
    """
    with unit_of_work.begin() as tx:
        tx.repository.lock_ticks()
        last = _last_tick(tx)
        recorded = recording.next_after(last.tick.slot if last else None)
        if recorded is None:
            return None
        tick = accept(recorded.slot, recorded.price, "replay")
        new = _store(tx, clock, tick, recording.rates(recorded.slot.date()))
    cache.invalidate(CURRENT_KEY)
    return new


def seed_history(unit_of_work: UnitOfWork[Prices], months: Sequence[RecordedPrice]) -> int:
    """Add the monthly averages that are shipped; return how many were not there yet."""
    with unit_of_work.begin() as tx:
        return tx.repository.add_months(months, MONTHLY_SOURCE)


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
        sources=_sources(tick),
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
    last = _standing(unit_of_work, cache).last

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

    # with the sequence in the key, a new tick makes every older page unreachable
    sequence = last.sequence if last else 0
    key = f"price:history:{sequence}:{measure.key}:{since}:{until}:{limit}:{after}"
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
        last = _last_tick(tx)
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


def _ask(
    market: Market,
    sources: Sequence[Exchange],
    slot: datetime,
    history: Sequence[Tick],
    sleep: Callable[[float], object],
) -> tuple[list[Answer], timedelta]:
    """Ask the sources; about a jump that too few of them vouch for, ask again.

    Returns:
        The answers, and how long after the slot they were asked for.
    """
    answers = market.ask(sources)
    asked_after = timedelta(0)
    if not wants_more_votes(decide(slot, answers, history)):
        return answers, asked_after
    for pause in _ASK_AGAIN_AFTER:
        sleep(pause.total_seconds())
        asked_after += pause
        again = market.ask(sources)
        if decide(slot, again, history, asked_after=asked_after).may_trigger:
            return again, asked_after
    return answers, timedelta(0)


def _store(
    tx: Transaction[Prices],
    clock: Clock,
    tick: Tick,
    rates: Sequence[Rate],
) -> StoredTick:
    """Add a tick, its place in the history and its event, in one transaction."""
    last = _last_tick(tx)
    if last is not None and not tick.may_trigger:
        # the price stands as it was, in every currency
        rates = last.rates
    new = StoredTick(new_id(), last.sequence + 1 if last else 1, tick, tuple(rates))
    tx.repository.add_tick(new)
    old_price = last.tick.price if last else None
    if tick.may_trigger and tick.price != old_price:
        tx.repository.add_change(new, old_price)
    tx.publish(
        PriceUpdatedV1(
            occurred_at=clock.now(),
            producer=PRODUCER,
            correlation_id=current_correlation_id(),
            data=PriceUpdatedData(
                tick=TickFacts(
                    tick_id=new.id,
                    sequence=new.sequence,
                    slot=tick.slot,
                    state=tick.state,
                    origin=tick.origin,
                    sources=_sources(tick),
                    counted=tick.counted,
                    agreeing=tick.agreeing,
                    spread_bps=Decimal(tick.spread_bps),
                    exchange_rates_as_of=oldest(rates),
                ),
                prices={} if tick.price is None else prices_by_currency(tick.price, rates),
            ),
        )
    )
    logger.info(
        "tick",
        extra={
            "sequence": new.sequence,
            "slot": tick.slot.isoformat(),
            "state": tick.state,
            "reason": tick.reason,
            "origin": tick.origin,
            "price": None if tick.price is None else str(tick.price),
            "verdicts": {verdict.source: verdict.reason for verdict in tick.verdicts},
        },
    )
    return new


def _simulate(
    tx: Transaction[Prices],
    simulator: PriceSimulator,
    slot: datetime,
    answers: Sequence[Answer],
    history: Sequence[Tick],
) -> Tick | None:
    """Return a simulated tick when no real source has answered and some price is known."""
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    last = history[0].price if history else None
    known = tx.repository.last_known_price() if last is None else last
    if known is None or len(refusals) < len(answers):
        return None
    return accept(slot, simulator.step(known, slot), "simulator", refusals)


def _standing(unit_of_work: UnitOfWork[Prices], cache: ReadCache) -> Standing:
    def load() -> Standing:
        with unit_of_work.begin() as tx:
            last = _last_tick(tx)
            if last is None or last.tick.as_of is None:
                return Standing(last=last, day_before=None)
            return Standing(
                last=last, day_before=tx.repository.last_tick_at(last.tick.as_of - _DAY)
            )

    return cache.get_or_load(CURRENT_KEY, Standing, load)


def _price_in(stored: StoredTick, currency: Currency) -> Decimal | None:
    if stored.tick.price is None:
        return None
    return prices_by_currency(stored.tick.price, stored.rates).get(currency)


def _sources(tick: Tick) -> list[str]:
    return [verdict.source for verdict in tick.verdicts if is_counted(verdict)]


def _history(tx: Transaction[Prices]) -> list[Tick]:
    return [stored.tick for stored in tx.repository.last_ticks(HISTORY_TICKS)]


def _last_tick(tx: Transaction[Prices]) -> StoredTick | None:
    return next(iter(tx.repository.last_ticks(1)), None)
