"""The user service from its handlers down to PostgreSQL and Redis."""

import json
from uuid import UUID

import pytest
from sqlalchemy import text

from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.ids import new_id
from tests.support.examples import example
from tests.support.invocations import Client, deliver
from user_service.bootstrap import Services
from user_service.config import CACHE_SECONDS
from user_service.handlers import api, on_user_registered

PATHS = ["/user/profile", "/user/preferences", "/user/settings"]


def rows(services: Services) -> dict[str, list[tuple[object, ...]]]:
    with services.engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))]
            for table in ("profiles", "preferences", "account_settings")
        }


def test_a_new_user_has_the_defaults(ada: Client) -> None:
    assert ada.get("/user/profile").body == {
        "name": "Ada Lovelace",
        "avatar": None,
        "bio": None,
        "locale": "en",
        "timezone": "UTC",
    }
    assert ada.get("/user/preferences").body == {
        "currency": "USD",
        "unit": "troy_ounce",
        "theme": "system",
        "notifications": True,
        "quiet_hours": None,
        "digest": "off",
    }
    assert ada.get("/user/settings").body == {"privacy": "private"}


def test_a_registration_that_comes_three_times_changes_nothing(services: Services) -> None:
    """R7."""
    event = example("user_registered/v1/without_name")
    deliver(on_user_registered.lambda_handler, event, event)
    first = rows(services)
    user = Client(api.lambda_handler, event.data.user_id)
    user.patch("/user/profile", {"name": "Jörg"})
    after_change = rows(services)
    deliver(on_user_registered.lambda_handler, event)
    deliver(on_user_registered.lambda_handler, event.model_copy(update={"event_id": new_id()}))
    assert [len(found) for found in first.values()] == [1, 1, 1]
    assert rows(services) == after_change


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_before_the_registration_arrives_there_is_nothing(
    services: Services, method: str, path: str
) -> None:
    stranger = Client(api.lambda_handler, new_id())
    answer = stranger.send(method, path, body={} if method == "PATCH" else None)
    assert (answer.status, answer.body["code"]) == (404, "not_found")
    assert all(not found for found in rows(services).values())


def test_a_registration_shows_at_once_after_a_404(services: Services) -> None:
    event = example("user_registered/v1/with_name")
    user = Client(api.lambda_handler, event.data.user_id)
    assert user.get("/user/profile").status == 404
    deliver(on_user_registered.lambda_handler, event)
    assert user.get("/user/profile").status == 200


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/user/profile", {"name": "Ada", "locale": "fr_fr", "timezone": "Europe/Paris"}),
        ("/user/profile", {"bio": "I count."}),
        ("/user/preferences", {"currency": "EUR", "unit": "gram"}),
        ("/user/profile", {"avatar": "https://example.com/a.png"}),
        ("/user/preferences", {"theme": "dark", "notifications": False}),
        ("/user/preferences", {"quiet_hours": {"start": "22:00", "end": "07:00"}}),
        ("/user/preferences", {"digest": "weekly"}),
        ("/user/settings", {"privacy": "public"}),
    ],
)
def test_a_change_shows_at_once_and_leaves_the_rest(
    ada: Client, path: str, change: dict[str, object]
) -> None:
    before = ada.get(path).body
    answer = ada.patch(path, change)
    expected = {**before, **change} | ({"locale": "fr-FR"} if "locale" in change else {})
    assert (answer.status, answer.body, ada.get(path).body) == (200, expected, expected)


def test_an_empty_change_changes_nothing(ada: Client) -> None:
    for path in PATHS:
        before = ada.get(path).body
        assert ada.patch(path, {}).body == before


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/user/profile", "name", "Ada"),
        ("/user/profile", "avatar", "https://example.com/a.png"),
        ("/user/profile", "bio", "I count."),
        ("/user/preferences", "quiet_hours", {"start": "22:00", "end": "07:00"}),
    ],
)
def test_what_was_given_can_be_taken_back(
    ada: Client, path: str, field: str, value: object
) -> None:
    assert ada.patch(path, {field: value}).body[field] == value
    assert ada.patch(path, {field: None}).body[field] is None
    assert ada.get(path).body[field] is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/user/profile", {"user_id": str(new_id())}),
        ("/user/profile", {"name": 7}),
        ("/user/profile", {"locale": None}),
        ("/user/profile", {"timezone": "Mars/Olympus"}),
        ("/user/preferences", {"currency": "EUR", "unit": "stone"}),
        ("/user/preferences", {"theme": "dark", "notifications": "yes"}),
        ("/user/preferences", {"theme": "dark", "version": 9}),
        ("/user/preferences", {"quiet_hours": {"start": "22:00", "end": "07:00", "days": 5}}),
        ("/user/settings", {"two_factor_enabled": True}),
        ("/user/settings", []),
    ],
)
def test_a_wrong_change_is_refused_as_a_whole(
    ada: Client, services: Services, path: str, body: object
) -> None:
    before = rows(services)
    answer = ada.patch(path, body)
    assert (answer.status, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert rows(services) == before


def test_everyone_changes_their_own(ada: Client, services: Services) -> None:
    """S8."""
    event = example("user_registered/v1/without_name")
    deliver(on_user_registered.lambda_handler, event)
    other = Client(api.lambda_handler, event.data.user_id)
    ada.patch("/user/preferences", {"currency": "CHF"})
    assert other.get("/user/preferences").body["currency"] == "USD"


def test_copies_are_kept_for_an_hour(ada: Client, services: Services) -> None:
    ada.get("/user/profile")
    ada.get("/user/preferences")
    redis = services.redis.client
    assert redis.connection_pool.connection_kwargs["db"] == 1
    copies = {key for key in redis.keys() if not key.startswith("limit:")}
    assert copies == {f"profile:{ada.user_id}", f"preferences:{ada.user_id}"}
    assert all(0 < redis.ttl(key) <= CACHE_SECONDS for key in copies)


def test_a_copy_answers_without_the_database(ada: Client, services: Services) -> None:
    ada.get("/user/preferences")
    change_behind_the_cache(services, ada.user_id)
    assert ada.get("/user/preferences").body["currency"] == "USD"


def test_a_flushed_cache_is_read_through(ada: Client, services: Services) -> None:
    """R12."""
    ada.get("/user/preferences")
    change_behind_the_cache(services, ada.user_id)
    services.redis.client.flushdb()
    assert ada.get("/user/preferences").body["currency"] == "CHF"


def test_without_redis_reading_and_writing_go_on(ada: Client, services: Services) -> None:
    """R12."""
    services.redis.client.close()
    services.redis = RedisDatabase("redis://127.0.0.1:1/1")
    services.cache = Cache(services.redis, ttl_seconds=CACHE_SECONDS)
    assert ada.patch("/user/profile", {"name": "Countess"}).status == 200
    assert ada.get("/user/profile").body["name"] == "Countess"
    health = ada.get("/user/health")
    assert (health.status, health.body["status"]) == (200, "degraded")
    assert health.body["checks"] == {"database": "ok", "redis": "down"}


def test_a_part_that_cannot_even_be_made_is_down(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Services) -> RedisDatabase:
        raise ConnectionError("the secret cannot be read")

    with monkeypatch.context() as broken:
        broken.setattr(Services, "redis", property(unreadable))
        health = Client(api.lambda_handler).get("/user/health")
    assert (health.status, health.body["status"]) == (200, "degraded")


def test_health_names_its_parts(services: Services) -> None:
    health = Client(api.lambda_handler).get("/user/health")
    assert (health.status, health.body) == (
        200,
        {"service": "user", "status": "ok", "checks": {"database": "ok", "redis": "ok"}},
    )


def test_a_message_that_is_no_event_comes_back_alone(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R8."""
    monkeypatch.setattr("goldalert.messaging.consumer._give_back", lambda *_: None)
    good = example("user_registered/v1/with_name")
    unknown = good.model_copy(update={"event_version": 99, "event_id": new_id()})
    assert deliver(on_user_registered.lambda_handler, unknown, good) == ["message-0"]
    assert Client(api.lambda_handler, good.data.user_id).get("/user/profile").status == 200


def change_behind_the_cache(services: Services, user_id: UUID | None) -> None:
    with services.engine.begin() as connection:
        connection.execute(
            text("UPDATE preferences SET currency = 'CHF' WHERE user_id = :id"), {"id": user_id}
        )


def test_copies_hold_what_the_answer_says_and_no_more(ada: Client, services: Services) -> None:
    answer = ada.get("/user/profile").body
    assert json.loads(services.redis.client.get(f"profile:{ada.user_id}")) == answer
