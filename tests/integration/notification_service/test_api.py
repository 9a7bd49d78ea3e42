"""The routes of the notification service."""

from uuid import UUID

import pytest
from sqlalchemy import Engine

from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.ids import new_id
from notification_service.bootstrap import services
from notification_service.handlers import api, on_alert_triggered
from tests.support.facts import alert_triggered, tick, trigger
from tests.support.lambda_runtime import call, deliver


@pytest.fixture
def ada(engine: Engine) -> UUID:
    """A user with three notifications."""
    user_id = new_id()
    deliver(on_alert_triggered, alert_triggered(tick(), *(trigger(user_id) for _ in range(3))))
    return user_id


def ids(user_id: UUID, **query: str) -> list[str]:
    _, page = call(api, "GET", "/notification", user_id=user_id, query=query)
    return [item["id"] for item in page["items"]]


def unread(user_id: UUID) -> int:
    status, count = call(api, "GET", "/notification/count", user_id=user_id)
    assert status == 200
    return int(count["unread"])


def test_a_user_sees_their_own_notifications_newest_first(ada: UUID) -> None:
    """S8."""
    listed = ids(ada)
    assert (len(listed), listed) == (3, sorted(listed, reverse=True))
    assert ids(new_id()) == []


def test_reading_one_counts_once(ada: UUID) -> None:
    assert unread(ada) == 3
    [first, *others] = ids(ada)
    status, read = call(api, "POST", f"/notification/{first}/read", user_id=ada)
    assert (status, read["id"], read["read_at"] is not None) == (200, first, True)
    _, again = call(api, "POST", f"/notification/{first}/read", user_id=ada)
    assert again["read_at"] == read["read_at"]
    assert (unread(ada), ids(ada, unread="true")) == (2, others)


def test_reading_all(ada: UUID) -> None:
    assert unread(ada) == 3
    assert call(api, "POST", "/notification/read-all", user_id=ada) == (200, {"marked": 3})
    assert call(api, "POST", "/notification/read-all", user_id=ada) == (200, {"marked": 0})
    assert (unread(ada), ids(ada, unread="true"), len(ids(ada))) == (0, [], 3)


def test_deleting(ada: UUID) -> None:
    assert unread(ada) == 3
    [first, *others] = ids(ada)
    assert call(api, "DELETE", f"/notification/{first}", user_id=ada)[0] == 204
    assert call(api, "DELETE", f"/notification/{first}", user_id=ada)[0] == 404
    assert (unread(ada), ids(ada)) == (2, others)


@pytest.mark.parametrize(("method", "suffix"), [("POST", "/read"), ("DELETE", "")])
def test_a_foreign_notification_is_answered_like_a_missing_one(
    ada: UUID, method: str, suffix: str
) -> None:
    """S8."""
    [first, *_] = ids(ada)
    stranger = new_id()
    foreign = call(api, method, f"/notification/{first}{suffix}", user_id=stranger)
    missing = call(api, method, f"/notification/{new_id()}{suffix}", user_id=stranger)
    assert foreign == missing
    assert foreign[0] == 404
    assert unread(ada) == 3


def test_reading_all_leaves_other_users_alone(ada: UUID) -> None:
    """S8."""
    call(api, "POST", "/notification/read-all", user_id=new_id())
    assert unread(ada) == 3


def test_pages_follow_each_other_without_a_gap(ada: UUID) -> None:
    _, first = call(api, "GET", "/notification", user_id=ada, query={"limit": "2"})
    second = ids(ada, limit="2", cursor=first["next_cursor"])
    assert [item["id"] for item in first["items"]] + second == ids(ada)


@pytest.mark.parametrize(
    "query", [{"unread": "x"}, {"limit": "0"}, {"cursor": "!"}, {"cursor": "\0"}]
)
def test_wrong_filters_are_refused(engine: Engine, query: dict[str, str]) -> None:
    """S19."""
    status, _ = call(api, "GET", "/notification", user_id=new_id(), query=query)
    assert status == 422


def test_an_id_that_is_none_is_refused(engine: Engine) -> None:
    assert call(api, "POST", "/notification/7/read", user_id=new_id())[0] == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/notification"),
        ("GET", "/notification/count"),
        ("POST", "/notification/read-all"),
        ("POST", f"/notification/{UUID(int=1)}/read"),
        ("DELETE", f"/notification/{UUID(int=1)}"),
    ],
)
def test_without_a_caller_nothing_is_told(engine: Engine, method: str, path: str) -> None:
    assert call(api, method, path)[0] == 401


def test_the_count_is_kept_in_redis_for_15_minutes(ada: UUID) -> None:
    assert unread(ada) == 3
    redis = services().redis.client
    assert [*redis.scan_iter("unread:*")] == [f"unread:{ada}"]
    assert 0 < redis.ttl(f"unread:{ada}") <= 15 * 60
    assert redis.connection_pool.connection_kwargs["db"] == 5


def test_the_count_is_right_while_redis_is_down(ada: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """R12."""
    down = RedisDatabase("redis://127.0.0.1:1/5")
    monkeypatch.setitem(services().__dict__, "redis", down)
    monkeypatch.setitem(services().__dict__, "cache", Cache(down, ttl_seconds=60))
    assert unread(ada) == 3
    assert call(api, "POST", "/notification/read-all", user_id=ada)[0] == 200
    assert unread(ada) == 0
    status, health = call(api, "GET", "/notification/health")
    assert (status, health["status"]) == (200, "degraded")


def test_the_service_is_healthy(engine: Engine) -> None:
    status, health = call(api, "GET", "/notification/health")
    assert (status, health["status"]) == (200, "ok")
