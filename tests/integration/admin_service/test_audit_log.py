"""The audit log from its handlers down to PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from admin_service import use_cases
from admin_service.bootstrap import Services
from admin_service.handlers import api, on_alert_triggered
from admin_service.repository import Repository
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.alerts import AlertTriggeredV1
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret
from tests.support.examples import example
from tests.support.invocations import Client, deliver


@pytest.fixture
def admin(services: Services) -> Client:
    return Client(api.lambda_handler, new_id(), "admin")


@pytest.fixture
def owner(services: Services, postgres: DatabaseSecret) -> Iterator[Engine]:
    """The database as its administrator reaches it, whom no grant holds back."""
    name = services.secret.database.dbname
    engine = make_engine(postgres.model_copy(update={"dbname": name}))
    yield engine
    engine.dispose()


def trigger(correlation_id: str = "tick", count: int = 1) -> AlertTriggeredV1:
    event = example("alert_triggered/v1/one_trigger")
    one = event.data.triggers[0]
    many = [
        one.model_copy(update={"trigger_id": new_id(), "alert_id": new_id()}) for _ in range(count)
    ]
    return event.model_copy(
        update={
            "correlation_id": correlation_id,
            "data": event.data.model_copy(update={"triggers": many}),
        }
    )


def record(*events: AlertTriggeredV1) -> None:
    assert deliver(on_alert_triggered.lambda_handler, *events) == []


def test_each_trigger_is_one_entry(admin: Client) -> None:
    event = example("alert_triggered/v1/two_users")
    record(event)
    items = admin.get("/admin/audit-logs").body["items"]
    triggers = event.data.triggers
    assert {item["target"] for item in items} == {f"alert:{t.alert_id}" for t in triggers}
    assert {item["data"]["trigger_id"] for item in items} == {str(t.trigger_id) for t in triggers}
    assert len(items) == len(triggers)
    entry = next(item for item in items if item["target"] == f"alert:{triggers[1].alert_id}")
    assert (entry["action"], entry["admin_id"]) == ("alert_triggered", None)
    assert entry["timestamp"] == "2026-08-18T16:05:03Z"
    assert entry["correlation_id"] == event.correlation_id
    assert (entry["data"]["threshold"], entry["data"]["price"]) == ("110", "105.841382260533")


def test_a_trigger_that_comes_three_times_is_one_entry(admin: Client) -> None:
    """R7."""
    event = trigger()
    record(event, event)
    record(event)
    assert len(admin.get("/admin/audit-logs").body["items"]) == 1


def test_the_users_note_is_not_kept(admin: Client) -> None:
    """S15: the log outlives an erased user."""
    record(example("alert_triggered/v1/one_trigger"))
    assert "time to sell" not in str(admin.get("/admin/audit-logs").body)


def test_an_unchanged_log_is_intact(admin: Client) -> None:
    record(trigger(count=100), trigger(), trigger(count=3))
    answer = admin.get("/admin/audit-logs/verify")
    assert (answer.status, answer.body) == (
        200,
        {"intact": True, "checked": 104, "first_broken_id": None, "next_cursor": None},
    )


def test_an_empty_log_is_intact(admin: Client) -> None:
    assert admin.get("/admin/audit-logs/verify").body["intact"] is True


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_logs SET target = 'alert:other' WHERE sequence = 3",
        'UPDATE audit_logs SET data = data || \'{"price": "1"}\' WHERE sequence = 3',
        "UPDATE audit_logs SET timestamp = timestamp - interval '1 us' WHERE sequence = 3",
        "UPDATE audit_logs SET admin_id = id WHERE sequence = 3",
        "UPDATE audit_logs SET hash = repeat('0', 64) WHERE sequence = 3",
        "UPDATE audit_logs SET sequence = 30 WHERE sequence = 3",
        "UPDATE audit_logs SET sequence = 50 WHERE sequence = 5",
        "DELETE FROM audit_logs WHERE sequence = 3",
        "DELETE FROM audit_logs WHERE sequence = 1",
    ],
)
def test_tampering_is_reported(admin: Client, owner: Engine, tampering: str) -> None:
    """S18."""
    record(trigger(count=5))
    with owner.begin() as connection:
        connection.execute(text(tampering))
        remaining = set(connection.execute(text("SELECT id::text FROM audit_logs")).scalars())
    answer = admin.get("/admin/audit-logs/verify").body
    assert answer["intact"] is False
    assert answer["first_broken_id"] in remaining


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_logs SET action = 'other'",
        "DELETE FROM audit_logs",
        "TRUNCATE audit_logs",
        "DROP TABLE audit_logs",
        "ALTER TABLE audit_logs ADD COLUMN x text",
    ],
)
def test_the_service_itself_can_only_append(services: Services, statement: str) -> None:
    """S18."""
    record(trigger())
    with pytest.raises(ProgrammingError) as refused, services.engine.begin() as connection:
        connection.execute(text(statement))
    # insufficient_privilege
    assert refused.value.orig.args[0]["C"] == "42501"


def test_appending_from_many_places_at_once_makes_one_chain(
    services: Services, admin: Client
) -> None:
    """R6: 20 racing consumers."""
    events = [trigger(count=5) for _ in range(20)]
    engine = create_engine(services.engine.url, pool_size=20)
    unit_of_work = UnitOfWork(engine, Repository)

    def append(event: AlertTriggeredV1) -> None:
        with unit_of_work.begin() as tx:
            use_cases.record_triggers(tx, event)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(append, events))
    engine.dispose()
    answer = admin.get("/admin/audit-logs/verify").body
    assert (answer["intact"], answer["checked"]) == (True, 100)


def test_a_long_log_is_verified_in_portions(
    admin: Client, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "VERIFY_ENTRIES", 4)
    record(trigger(count=10))
    portions = [admin.get("/admin/audit-logs/verify").body]
    for _ in range(2):
        cursor = portions[-1]["next_cursor"]
        portions.append(admin.get("/admin/audit-logs/verify", cursor=cursor).body)
    assert [portion["checked"] for portion in portions] == [4, 4, 2]
    assert [portion["intact"] for portion in portions] == [True, True, True]
    assert portions[-1]["next_cursor"] is None

    with owner.begin() as connection:
        connection.execute(text("UPDATE audit_logs SET target = 'x' WHERE sequence = 7"))
    first = admin.get("/admin/audit-logs/verify").body
    second = admin.get("/admin/audit-logs/verify", cursor=first["next_cursor"]).body
    assert (first["intact"], second["intact"]) == (True, False)


@pytest.mark.parametrize("cursor", ["nonsense", "AAAAAAAAAAAAAAAAAAAAAA"])
def test_verifying_from_nowhere_is_refused(admin: Client, cursor: str) -> None:
    answer = admin.get("/admin/audit-logs/verify", cursor=cursor)
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "cursor")


def test_the_log_is_paged_newest_first(admin: Client) -> None:
    record(trigger("one", 3), trigger("two", 4))
    pages, query = [], {"limit": "3"}
    for _ in range(3):
        page = admin.get("/admin/audit-logs", **query).body
        pages.append([item["sequence"] for item in page["items"]])
        query["cursor"] = page["next_cursor"] or ""
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"correlation_id": "two"}, 4),
        ({"action": "alert_triggered"}, 7),
        ({"action": "alert_triggered", "correlation_id": "one"}, 3),
        ({"action": "role_changed"}, 0),
        ({"correlation_id": "' OR true --"}, 0),
    ],
)
def test_the_log_is_searched(admin: Client, query: dict[str, str], count: int) -> None:
    record(trigger("one", 3), trigger("two", 4))
    assert len(admin.get("/admin/audit-logs", **query).body["items"]) == count


@pytest.mark.parametrize("field", ["action", "correlation_id", "cursor"])
def test_a_null_character_is_a_wrong_field(admin: Client, field: str) -> None:
    """S19."""
    assert admin.get("/admin/audit-logs", **{field: "a\0b"}).status == 422


@pytest.mark.parametrize("path", ["/admin/audit-logs", "/admin/audit-logs/verify"])
def test_only_admins_read_the_log(services: Services, path: str) -> None:
    """S8."""
    assert Client(api.lambda_handler, new_id(), "user").get(path).status == 403
    assert Client(api.lambda_handler).get(path).status == 401


def test_health_says_when_the_database_is_away(services: Services) -> None:
    health = Client(api.lambda_handler).get("/admin/health")
    assert (health.status, health.body["checks"]) == (200, {"database": "ok"})
    services.engine.dispose()
    services.engine = make_engine(services.secret.database.model_copy(update={"port": 1}))
    health = Client(api.lambda_handler).get("/admin/health")
    assert (health.status, health.body["status"]) == (503, "down")
