"""Making ticks: ask, agree, store the tick and its event."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.prices import PriceUpdatedData, PriceUpdatedV1
from goldalert.events.prices import Tick as TickFacts
from goldalert.ids import new_id
from goldalert.observability.log import current_correlation_id, logger
from price_service.config import CURRENT_KEY, RATES_OLD
from price_service.domain.agreement import HISTORY_TICKS, accept, decide, wants_more_votes
from price_service.domain.conversion import believed, oldest, prices_by_currency
from price_service.domain.health import next_health
from price_service.domain.model import (
    MONTHLY_SOURCE,
    Answer,
    Exchange,
    Rate,
    RecordedPrice,
    Refusal,
    StoredTick,
    Tick,
)
from price_service.domain.standing import is_due, slots_left_out
from price_service.use_cases.ports import (
    PRODUCER,
    Cache,
    ExchangeRates,
    Market,
    Prices,
    Replay,
    Simulator,
)

_ASK_AGAIN_AFTER = (timedelta(seconds=30), timedelta(seconds=60))
"""Pauses before a jump is asked about again: 30 and 90 s after the first time."""

_RATES_LAST = timedelta(hours=1)


def fetch_tick(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    market: Market,
    exchange_rates: ExchangeRates,
    simulator: Simulator | None,
    cache: Cache,
    sleep: Callable[[float], object],
    *,
    slot: datetime,
    slot_length: timedelta,
) -> StoredTick | None:
    """Ask the sources, agree on a price and store the slot's tick with its event.

    Returns:
        The tick, or None when the slot, or a later one, has a tick already, or is not that of now.
    """
    if abs(clock.now() - slot) > slot_length / 2:
        # what sources say now is no price of then, and a slot ahead would leave no room for others
        logger.error("slot is not that of now", extra={"slot": slot.isoformat()})
        return None
    with unit_of_work.begin() as tx:
        history = _history(tx)
        sources = [exchange for exchange in tx.repository.exchanges() if exchange.enabled]
        known_rates = tx.repository.latest_rates()
        rates_fetched_at = tx.repository.rates_fetched_at()
    if not is_due(slot, history, slot_length):
        return None
    # nothing is locked while third parties take their time
    answers, asked_after = _ask(market, clock, sources, slot, history, sleep)
    new_rates: list[Rate] = []
    if rates_fetched_at is None or clock.now() - rates_fetched_at >= _RATES_LAST:
        new_rates = _believed(exchange_rates.ask(sources), known_rates, clock.now().date())

    with unit_of_work.begin() as tx:
        tx.repository.lock_ticks()
        history = _history(tx)
        if not is_due(slot, history, slot_length):
            return None
        _report_missed_slots(history, slot, slot_length)
        tick = _simulate(tx, simulator, slot, answers, history) if simulator else None
        if tick is None:
            tick = decide(slot, answers, history, asked_after=asked_after)
        tx.repository.add_rates(new_rates, clock.now())
        rates = tx.repository.latest_rates()
        if not rates and simulator is not None:
            rates = simulator.rates(slot.date())
        return _store(tx, clock, cache, tick, rates)


def replay_tick(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    recording: Replay,
    cache: Cache,
) -> StoredTick | None:
    """Store the tick of the next recorded price, with its event.

    Returns:
        The tick, or None when there is no later price (yet).
    """
    with unit_of_work.begin() as tx:
        tx.repository.lock_ticks()
        last = tx.repository.last_tick()
        recorded = recording.next_after(last.tick.slot if last else None)
        if recorded is None:
            return None
        tick = accept(recorded.slot, recorded.price, "replay")
        return _store(tx, clock, cache, tick, recording.rates(recorded.slot.date()))


def replay_ticks(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    recording: Replay,
    cache: Cache,
) -> list[StoredTick]:
    """Store the ticks of the next recorded prices, as many as the recording's speed says."""
    made = (replay_tick(unit_of_work, clock, recording, cache) for _ in range(recording.speed))
    return [tick for tick in made if tick is not None]


def seed_history(unit_of_work: UnitOfWork[Prices], months: Sequence[RecordedPrice]) -> int:
    """Add the monthly averages that are shipped; return how many were not there yet."""
    with unit_of_work.begin() as tx:
        return tx.repository.add_months(months, MONTHLY_SOURCE)


def _ask(
    market: Market,
    clock: Clock,
    sources: Sequence[Exchange],
    slot: datetime,
    history: Sequence[Tick],
    sleep: Callable[[float], object],
) -> tuple[list[Answer], timedelta]:
    """Ask the sources; about a jump that too few of them vouch for, ask again.

    Returns:
        The answers, and how long after the slot they were asked for.
    """
    asked_after = clock.now() - slot
    answers = market.ask(sources)
    if not wants_more_votes(decide(slot, answers, history, asked_after=asked_after)):
        return answers, asked_after
    for pause in _ASK_AGAIN_AFTER:
        sleep(pause.total_seconds())
        again_after = clock.now() - slot
        again = market.ask(sources)
        # whom a plan does not let be asked twice has said already what there is to say
        asked = {answer.source for answer in again}
        again += [answer for answer in answers if answer.source not in asked]
        if decide(slot, again, history, asked_after=again_after).may_trigger:
            return again, again_after
    return answers, asked_after


def _report_missed_slots(history: Sequence[Tick], slot: datetime, slot_length: timedelta) -> None:
    """Log the slots between the last tick and this one: nobody fetches them any more (R3)."""
    if not history or history[0].origin == "replay":
        return
    missed = slots_left_out((history[0].slot, slot), slot_length)
    if missed:
        logger.error(
            "slots were missed",
            extra={
                "missed": missed,
                "after": history[0].slot.isoformat(),
                "before": slot.isoformat(),
            },
        )


def _believed(said: Sequence[Rate], known: Sequence[Rate], today: date) -> list[Rate]:
    """Return a rate of each currency that is to be believed; log what is not, or is old."""
    since = oldest(known)
    if since is not None and today - since > RATES_OLD:
        logger.error("exchange rates are old", extra={"as_of": since.isoformat()})
    last = {rate.currency: rate for rate in known}
    chosen = []
    for currency in dict.fromkeys(rate.currency for rate in said):
        of_currency = [rate for rate in said if rate.currency == currency]
        before = last.get(currency)
        rate = believed(of_currency, before, today)
        if rate is not None:
            chosen.append(rate)
        else:
            logger.error(
                "exchange rate is not believed",
                extra={
                    "currency": currency,
                    "per_usd": {rate.source: str(rate.per_usd) for rate in of_currency},
                    "known_per_usd": str(before.per_usd) if before else None,
                    "known_as_of": before.as_of.isoformat() if before else None,
                },
            )
    return chosen


def _store(
    tx: Transaction[Prices],
    clock: Clock,
    cache: Cache,
    tick: Tick,
    rates: Sequence[Rate],
) -> StoredTick:
    """Add a tick, its place in the history, its sources' health and its event, all at once."""
    last = tx.repository.last_tick()
    if last is not None and tick.price == last.tick.price:
        # it stands in every currency that it is known in: new rates alone move no price and
        # trigger no alert
        known = {rate.currency for rate in last.rates}
        rates = [*last.rates, *(rate for rate in rates if rate.currency not in known)]
    new = StoredTick(new_id(), last.sequence + 1 if last else 1, tick, tuple(rates))
    tx.repository.add_tick(new)
    tx.after_commit(lambda: cache.invalidate(CURRENT_KEY))
    old_price = last.tick.price if last else None
    if tick.may_trigger and tick.price != old_price:
        tx.repository.add_change(new, old_price)
    health = {known.source: known for known in tx.repository.health()}
    tx.repository.save_health(
        next_health(health.get(verdict.source), verdict, tick) for verdict in tick.verdicts
    )
    if tick.may_trigger:
        tx.repository.add_to_candles(new)
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
                    sources=tick.sources,
                    counted=tick.counted,
                    agreeing=tick.agreeing,
                    spread_bps=Decimal(tick.spread_bps),
                    exchange_rates_as_of=oldest(rates),
                ),
                prices={} if tick.price is None else prices_by_currency(tick.price, rates),
                rates={rate.currency: rate.per_usd for rate in rates},
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
    simulator: Simulator,
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


def _history(tx: Transaction[Prices]) -> list[Tick]:
    return [stored.tick for stored in tx.repository.last_ticks(HISTORY_TICKS)]
