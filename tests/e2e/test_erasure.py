"""An erased user is gone from every database, from Redis and from the queues (S18)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pyotp
from redis import Redis
from sqlalchemy import Connection, text

from goldalert.events.catalogue import AnyEvent
from goldalert.ids import new_id
from goldalert_local import queues
from goldalert_local.client import PASSWORD, StackClient, TimedOutError, User, wait_for
from migrator.config import DATABASES
from tests.support.examples import example
from tests.support.facts import (
    alert_triggered,
    tick,
    trigger,
    user_deleted,
    user_email_verified,
    user_preferences_changed,
    user_registered,
)
from tests.support.services import function_name, handler_files

ERASERS = {
    "user_service",
    "alert_service",
    "email_service",
    "notification_service",
    "logging_service",
}
KEPT = {"erased_users", "audit_logs"}
"""Tables that keep the ids of erased users, and nothing else of theirs."""

QUOTA_SECONDS = 120
"""How long Redis remembers whose request it has counted."""

DENIAL_SECONDS = 960
"""How long Redis refuses a session that is over: a little longer than its tokens live."""


@dataclass(frozen=True)
class Person:
    """What somebody can be recognized by: none of these words is anywhere else on the stack."""

    user_id: str
    address: str
    words: str
    session_ids: tuple[str, ...] = ()

    @property
    def marks(self) -> list[str]:
        return [self.user_id, self.address, self.words, *self.session_ids]


# --- looking everywhere ---------------------------------------------------------------------------


def tables(connection: Connection) -> list[str]:
    return list(
        connection.execute(
            text(
                "SELECT quote_ident(table_name) FROM information_schema.tables "
                "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            )
        ).scalars()
    )


def rows_with(stack: StackClient, marks: Iterable[str]) -> set[str]:
    """Return the tables, as `database.table`, that have any of the marks in any column."""
    found = set()
    for database in DATABASES.values():
        with stack.database(database).connect() as connection:
            for table in tables(connection):
                hit = connection.execute(
                    text(
                        f"SELECT EXISTS (SELECT 1 FROM {table} AS r "
                        "WHERE r::text ILIKE ANY(CAST(:patterns AS text[])))"
                    ),
                    {"patterns": [f"%{mark}%" for mark in marks]},
                ).scalar_one()
                if hit:
                    found.add(f"{database}.{table}")
    return found


def left_in_databases(stack: StackClient, person: Person) -> set[str]:
    by_id = rows_with(stack, [person.user_id])
    kept = {name for name in by_id if name.partition(".")[2] in KEPT}
    return by_id - kept | rows_with(stack, [person.address, person.words, *person.session_ids])


def value_of(redis: Redis, key: str) -> object:
    match redis.type(key):
        case "string":
            return redis.get(key)
        case "hash":
            return redis.hgetall(key)
        case "list":
            return redis.lrange(key, 0, -1)
        case "set":
            return redis.smembers(key)
        case "zset":
            return redis.zrange(key, 0, -1)
        case kind:
            # gone since it was listed
            assert kind == "none", kind
            return None


def keys_with(stack: StackClient, marks: Iterable[str]) -> Iterator[tuple[int, str, int]]:
    """Yield database, name and seconds to live of the keys that have any of the marks."""
    for number in range(16):
        url = f"{stack.description['redis_url']}/{number}"
        with Redis.from_url(url, decode_responses=True) as redis:
            for key in redis.scan_iter(count=1000):
                said = f"{key} {value_of(redis, key)}"
                if any(mark in said for mark in marks):
                    yield number, key, redis.ttl(key)


def left_in_redis(stack: StackClient, person: Person) -> list[tuple[int, str, int]]:
    """Return the keys that are left, but for counters and denials that are about to expire."""
    expiring = {"limit": QUOTA_SECONDS, "revoked": DENIAL_SECONDS}
    return [
        (number, key, seconds)
        for number, key, seconds in keys_with(stack, person.marks)
        if not 0 <= seconds <= expiring.get(key.lower().partition(":")[0], -1)
    ]


def left_in_queues(stack: StackClient, person: Person) -> list[str]:
    """Return the consumers' queues, and dead-letter queues, with messages about somebody."""
    names = [
        f"{function_name(service, handler)}{suffix}"
        for service, handler in handler_files()
        if handler.startswith("on_")
        for suffix in ("", "-dlq")
    ]
    return [
        name
        for name in names
        for message in queues.peek(stack.aws, stack.queue_url(name))
        if any(mark in message["MessageBody"] for mark in person.marks)
    ]


def wait_until_gone(stack: StackClient, person: Person) -> None:
    def left() -> list[object]:
        return [
            *left_in_databases(stack, person),
            *left_in_queues(stack, person),
            *left_in_redis(stack, person),
        ]

    try:
        wait_for(lambda: not left(), "the last of them", seconds=150)
    except TimedOutError:
        assert left() == []


# --- an account with everything -------------------------------------------------------------------


def export(user: User) -> dict[str, Any]:
    answer = user.http.get("/user/export")
    assert answer.status == 200, answer
    body: dict[str, Any] = answer.body
    return body


def session_id(user: User) -> str:
    answer = user.http.get("/auth/validate")
    assert answer.status == 200, answer
    found: str = answer.body["session_id"]
    return found


def is_full(part: dict[str, Any]) -> bool:
    return bool(
        not part["missing"]
        and part["user"]["profile"]
        and part["alert"]["triggers"]
        and len(part["email"]["mails"]) >= 2
        and {"alert_triggered", "email_sent"}
        <= {entry["type"] for entry in part["notification"]["notifications"]}
        and part["admin"]["audit_logs"]
        and {"alert_triggered", "email_sent"}
        <= {entry["event_type"] for entry in part["logging"]["logs"]}
    )


def test_an_erased_user_is_gone_and_the_address_is_free(stack: StackClient, admin: User) -> None:
    """S18: data in every service, the export that shows it, the erasure, and nothing is left."""
    words, address = f"words{uuid4().hex}", f"{uuid4().hex}@example.com"
    stack.register(address, name=words)
    stack.verify(address)
    user, second = stack.login(address), stack.login(address)
    person = Person(user.user_id, address, words, (session_id(user), session_id(second)))
    recovery_code = live_a_life(stack, user, words)

    part = wait_for(lambda: ok if is_full(ok := export(user)) else None, "all parts", seconds=120)
    assert part["auth"]["account"]["email"] == address
    assert part["auth"]["account"]["two_factor_enabled"] is True
    assert len(part["auth"]["sessions"]) == 2
    assert part["auth"]["known_networks"]
    assert part["user"]["profile"]["name"] == words
    assert part["user"]["preferences"]["theme"] == "dark"
    assert words in {alert["note"] for alert in part["alert"]["alerts"]}
    assert part["email"]["recipient"]["email"] == address
    assert {entry["action"] for entry in part["admin"]["audit_logs"]} == {"alert_triggered"}
    # the search finds what is there, so that finding nothing later means something
    found = {name.partition(".")[0] for name in rows_with(stack, person.marks)}
    assert found == set(DATABASES.values()) - {"price_db"}
    assert list(keys_with(stack, person.marks))

    erased = user.http.delete("/auth/account", body={"password": PASSWORD, "totp": recovery_code})
    assert erased.status == 204, erased

    assert user.http.get("/auth/me").status == 401
    assert second.http.get("/user/profile").status == 401
    answers = wait_for(lambda: erasure_answers(admin, person.user_id), "five answers", seconds=120)
    assert answers == ERASERS
    wait_until_gone(stack, person)
    assert "admin_db.audit_logs" in rows_with(stack, [person.user_id])
    assert admin.http.get("/admin/audit-logs/verify").body["intact"] is True

    stack.register(address, name=words)
    wait_for(
        lambda: len([mail for mail in stack.mails(address) if "verify" in mail.subject]) == 2,
        "the welcome mail of a new account",
    )
    again = stack.login(address)
    assert again.user_id != person.user_id
    assert again.http.get("/alert").body["items"] == []


def live_a_life(stack: StackClient, user: User, words: str) -> str:
    """Leave something in every service; return a code that stands for the second factor."""
    wait_for(lambda: user.http.get("/user/profile").status == 200, "the profile")
    assert user.http.patch("/user/profile", {"bio": words}).status == 200
    assert user.http.patch("/user/preferences", {"theme": "dark"}).status == 200
    secret = user.http.post("/auth/2fa/setup").body["secret"]
    enabled = user.http.post(
        "/auth/2fa/enable", {"password": PASSWORD, "code": pyotp.TOTP(secret).now()}
    )
    assert enabled.status == 200, enabled
    alert = {"alert_type": "above", "currency": "USD", "note": words}
    with stack.price_feed() as move:
        move(Decimal("6000"))
        for threshold in ("6050", "9999"):
            key = {"Idempotency-Key": f"key-{uuid4()}"}
            created = user.http.put("/alert", alert | {"threshold": threshold}, headers=key)
            assert created.status == 201, created
        move(Decimal("6060.60"))
    stack.wait_for_mail(user.email, "6,060.60")
    # which leaves a copy of them in Redis
    assert user.http.get("/alert?active=true").status == 200
    code: str = enabled.body["recovery_codes"][0]
    return code


def erasure_answers(admin: User, user_id: str) -> set[str] | None:
    """Return who has answered, as an operator finds it, once everybody has."""
    entries = admin.http.get(f"/admin/audit-logs?target=user:{user_id}").body["items"]
    deletions = [entry for entry in entries if entry["action"] == "user_deleted"]
    services = {entry["data"]["service"] for entry in entries if entry["action"] == "user_erased"}
    return services if deletions and len(services) >= len(ERASERS) else None


# --- the wrong order ------------------------------------------------------------------------------


def deliver(stack: StackClient, event: AnyEvent, *consumers: str) -> None:
    """Put an event straight into the queues of consumers, and wait until they are done with it."""
    for consumer in consumers:
        queue = stack.queue_url(function_name(*consumer.split(".")))
        stack.aws.sqs.send_message(QueueUrl=queue, MessageBody=event.to_message())

    def is_done(consumer: str) -> bool:
        with stack.database(DATABASES[consumer.partition(".")[0]]).connect() as connection:
            return bool(
                connection.execute(
                    text("SELECT 1 FROM inbox WHERE event_id = :id AND consumer = :consumer"),
                    {"id": event.event_id, "consumer": consumer},
                ).scalar()
            )

    wait_for(lambda: all(map(is_done, consumers)), f"{consumers} to be done", seconds=120)


def test_what_comes_after_the_erasure_leaves_nothing(stack: StackClient, admin: User) -> None:
    """S18, R7: `user_deleted` comes first, and the whole life of the account after it."""
    user_id, neighbour, address = new_id(), new_id(), f"{uuid4().hex}@example.com"
    person = Person(str(user_id), address, f"words{uuid4().hex}")
    erasers = [f"{service}.on_user_deleted" for service in sorted(ERASERS)]
    deliver(stack, user_deleted(user_id), "admin_service.on_user_deleted", *erasers)
    wait_for(lambda: erasure_answers(admin, person.user_id), "five answers", seconds=120)

    for event, subscribers in late_events(user_id, person, neighbour):
        consumers = [f"{service}.on_{event.event_type}" for service in subscribers]
        deliver(stack, event, *consumers)

    wait_until_gone(stack, person)
    assert stack.mails(address) == []
    with stack.database("logging_db").connect() as connection:
        # of a message about two users the living one's part is there
        others = connection.execute(
            text("SELECT count(*) FROM application_logs WHERE user_id = :id"), {"id": neighbour}
        ).scalar_one()
    assert others == 1


def late_events(
    user_id: UUID, person: Person, neighbour: UUID
) -> Iterator[tuple[AnyEvent, list[str]]]:
    yield (
        user_registered(user_id, email=person.address, name=person.words),
        ["user_service", "email_service", "notification_service"],
    )
    yield user_email_verified(user_id, email=person.address), ["email_service"]
    yield (
        user_preferences_changed(user_id, name=person.words),
        ["email_service", "notification_service"],
    )
    yield (
        alert_triggered(tick(), trigger(user_id, note=person.words), trigger(neighbour)),
        ["email_service", "notification_service", "logging_service"],
    )
    for name in ("email_sent/v1/alert", "email_failed/v1/address_suppressed"):
        event = example(name)
        data = event.data.model_copy(update={"user_id": user_id})
        yield event.model_copy(update={"data": data}), ["notification_service", "logging_service"]
