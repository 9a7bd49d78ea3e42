"""An account's beginning, a copy of everything that is held about it, and its end."""

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from uuid import UUID

from pydantic import JsonValue

from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.catalogue import AnyEvent
from goldalert.events.users import UserRegisteredData
from goldalert.messaging.erasure import is_living, mark_erased, publish_erased
from goldalert.observability.log import logger
from goldalert.rate_limiting import refuse_if_exhausted
from user_service.config import EXPORTS
from user_service.schemas import Export, UserPart
from user_service.use_cases.ports import (
    PRODUCER,
    Cache,
    Limiter,
    OtherService,
    Users,
    preferences_key,
    profile_key,
)

MAX_EXPORT_BYTES = 5_500_000
"""Lambda hands over 6 MB at most; the rest is for what is around the parts."""


def create_user(tx: Transaction[Users], event: AnyEvent) -> None:
    """Give a new user a profile, preferences and account settings, unless they are gone already."""
    data: UserRegisteredData = event.data
    if is_living(tx.connection, data.user_id):
        tx.repository.add_user(data.user_id, data.name)


def erase_user(tx: Transaction[Users], clock: Clock, event: AnyEvent) -> None:
    """Erase a user, and say so. The copies in Redis are for `forget_user`, after the commit."""
    user_id: UUID = event.data.user_id
    mark_erased(tx.connection, user_id)
    tx.repository.erase_user(user_id)
    publish_erased(tx, clock, producer=PRODUCER, event=event)


def forget_user(cache: Cache, event: AnyEvent) -> None:
    """Forget the copies of an erased user."""
    user_id: UUID = event.data.user_id
    cache.invalidate(profile_key(user_id), preferences_key(user_id))


def export_user(
    unit_of_work: UnitOfWork[Users],
    others: Sequence[OtherService],
    limiter: Limiter,
    *,
    user_id: UUID,
    deadline_seconds: float,
) -> Export:
    """Return what every service holds about a user; name the parts that cannot be had.

    All other services are asked at once. A part is missing when its service has not answered by
    the deadline, or when it is among the largest and the whole would not fit into an answer.

    Raises:
        RateLimitedError: the user asked too often.
    """
    refuse_if_exhausted(limiter.hit(EXPORTS, str(user_id)))
    pool = ThreadPoolExecutor(max_workers=len(others) or 1)
    asked = {
        other.service: pool.submit(other.call, "export_user", user_id=user_id) for other in others
    }
    with unit_of_work.begin() as tx:
        user = UserPart(
            profile=tx.repository.profile(user_id),
            preferences=tx.repository.preferences(user_id),
            settings=tx.repository.account_settings(user_id),
        )
    wait(asked.values(), timeout=deadline_seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    answers = {service: _answer(service, future) for service, future in asked.items()}
    parts = _fitting({service: part for service, part in answers.items() if part is not None})
    missing = sorted(asked.keys() - parts.keys())
    return Export.model_validate({"user": user, **parts, "missing": missing})


def _answer(service: str, future: Future[JsonValue]) -> JsonValue:
    try:
        return future.result(timeout=0)
    except Exception as error:
        logger.warning("part is missing", extra={"part": service, "error": repr(error)})
        return None


def _fitting(parts: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return as many parts as fit into one answer, the smaller ones first."""
    # twice: an answer's body is JSON within the JSON that Lambda hands over
    sizes = {service: len(json.dumps(json.dumps(part))) for service, part in parts.items()}
    fitting: dict[str, JsonValue] = {}
    room = MAX_EXPORT_BYTES
    for service in sorted(parts, key=lambda service: sizes[service]):
        if sizes[service] > room:
            logger.warning("part is too large", extra={"part": service, "bytes": sizes[service]})
            continue
        fitting[service] = parts[service]
        room -= sizes[service]
    return fitting
