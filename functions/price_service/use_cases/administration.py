"""What admins do about prices: set up the sources, and have them asked now."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import InvalidFieldError, NotFoundError
from goldalert.http.idempotency import answer_once
from goldalert.ids import new_id
from goldalert.observability.log import logger
from price_service.config import MAX_EXCHANGES
from price_service.domain.addresses import clean_api_url
from price_service.domain.model import Exchange
from price_service.domain.standing import is_due
from price_service.errors import ExchangeExistsError, TooManyExchangesError
from price_service.schemas import (
    AddExchangeRequest,
    ChangeExchangeRequest,
    ExchangeView,
    FetchView,
)
from price_service.use_cases.ports import FetchFunction, Prices


def add_exchange(
    unit_of_work: UnitOfWork[Prices],
    *,
    admin_id: UUID,
    request: AddExchangeRequest,
    idempotency_key: str | None,
    allow_loopback: bool,
) -> ExchangeView:
    """Add a source, which the next tick asks, too.

    Args:
        allow_loopback: whether a source may be on this machine.

    Raises:
        InvalidFieldError: the address is none that may be asked (S12).
        ExchangeExistsError: there is such a source.
        TooManyExchangesError: there are `MAX_EXCHANGES`.
        KeyReusedError: the key came before with another request.
    """
    api_url = _clean(request.api_url, allow_loopback=allow_loopback)
    with unit_of_work.begin() as tx:
        tx.repository.lock_exchanges()

        def add() -> ExchangeView:
            others = tx.repository.exchanges()
            if len(others) >= MAX_EXCHANGES:
                raise TooManyExchangesError(f"There may be {MAX_EXCHANGES} sources. Delete one.")
            # one provider under two addresses has one vote, unless the admin knows better
            alike = (other.upstream for other in others if other.adapter == request.adapter)
            new = Exchange(
                id=new_id(),
                **request.model_dump(exclude={"api_url", "upstream"}),
                api_url=api_url,
                upstream=request.upstream or next(alike, request.name),
            )
            _check_distinct(new, others)
            tx.repository.add_exchange(new)
            tx.after_commit(lambda: _log("exchange added", admin_id, new, _fields(new)))
            return ExchangeView.model_validate(new)

        return answer_once(
            tx.connection,
            user_id=admin_id,
            key=idempotency_key,
            request=request,
            answer_type=ExchangeView,
            effect=add,
        )


def change_exchange(
    unit_of_work: UnitOfWork[Prices],
    *,
    admin_id: UUID,
    exchange_id: UUID,
    request: ChangeExchangeRequest,
    allow_loopback: bool,
) -> ExchangeView:
    """Change what the request sends of a source.

    Raises:
        NotFoundError: there is no such source.
        InvalidFieldError, ExchangeExistsError: as for a new source.
    """
    changes = request.model_dump(exclude_unset=True)
    if "api_url" in changes:
        changes["api_url"] = _clean(request.api_url, allow_loopback=allow_loopback)
    with unit_of_work.begin() as tx:
        tx.repository.lock_exchanges()
        exchanges = tx.repository.exchanges()
        old = _find(exchanges, exchange_id)
        new = replace(old, **changes)
        _check_distinct(new, exchanges)
        tx.repository.save_exchange(new)
    before = _fields(old)
    changed = {
        name: {"from": before[name], "to": value}
        for name, value in _fields(new).items()
        if value != before[name]
    }
    if changed:
        _log("exchange changed", admin_id, new, changed)
    return ExchangeView.model_validate(new)


def delete_exchange(unit_of_work: UnitOfWork[Prices], *, admin_id: UUID, exchange_id: UUID) -> None:
    """Delete a source. What it said remains with the ticks.

    Raises:
        NotFoundError: there is no such source.
    """
    with unit_of_work.begin() as tx:
        tx.repository.lock_exchanges()
        old = _find(tx.repository.exchanges(), exchange_id)
        tx.repository.delete_exchange(exchange_id)
    _log("exchange deleted", admin_id, old, _fields(old))


def fetch_now(
    unit_of_work: UnitOfWork[Prices],
    clock: Clock,
    fetching: FetchFunction,
    *,
    admin_id: UUID,
    slot_length: timedelta,
) -> FetchView:
    """Have a tick fetched now, unless the slot that runs has one.

    The tick's slot is the time of the request. One in the second half of a slot stands for the
    next slot, too, as a schedule does that fires early.

    Raises:
        UnavailableError: the function that fetches is out of reach.
    """
    now = clock.now().replace(microsecond=0)
    with unit_of_work.begin() as tx:
        last = tx.repository.last_tick()
    # a replay brings times of its own, which say nothing about now
    if last and last.tick.origin != "replay" and not is_due(now, [last.tick], slot_length):
        return FetchView(slot=last.tick.slot, started=False, tick_id=last.id)
    fetching.start(now)
    logger.info("tick asked for", extra={"admin_id": str(admin_id), "slot": now.isoformat()})
    return FetchView(slot=now, started=True, tick_id=None)


def _clean(api_url: str, *, allow_loopback: bool) -> str:
    try:
        return clean_api_url(api_url, allow_loopback=allow_loopback)
    except ValueError as error:
        raise InvalidFieldError("api_url", f"The address {error}.") from error


def _find(exchanges: Iterable[Exchange], exchange_id: UUID) -> Exchange:
    for exchange in exchanges:
        if exchange.id == exchange_id:
            return exchange
    raise NotFoundError("There is no such source.")


def _check_distinct(new: Exchange, exchanges: Iterable[Exchange]) -> None:
    """Raise if a source is there already: asked twice, it would have two votes."""
    for other in exchanges:
        if other.id == new.id:
            continue
        if other.name == new.name:
            raise ExchangeExistsError("There is a source of this name.")
        if (other.adapter, other.api_url) == (new.adapter, new.api_url):
            raise ExchangeExistsError(f"The source {other.name} has this adapter and address.")


def _fields(exchange: Exchange) -> dict[str, Any]:
    return {name: value for name, value in asdict(exchange).items() if name != "id"}


def _log(message: str, admin_id: UUID, exchange: Exchange, changes: dict[str, Any]) -> None:
    """Leave a line for an audit: who, which source, and what."""
    logger.info(
        message,
        extra={
            "admin_id": str(admin_id),
            "exchange_id": str(exchange.id),
            "source": exchange.name,
            "changes": changes,
        },
    )
