"""The table of Redis: which service keeps what in which database, and for how long."""

import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from redis import Redis

from alert_service.use_cases.active_alerts import active_alerts
from email_service import use_cases as email
from email_service.domain import MailTemplate
from goldalert.circuit_breaker import BreakerStates
from goldalert.clock import SystemClock
from goldalert.errors import UnavailableError
from goldalert.http.quotas import count_request
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret, ServiceSecret
from goldalert.service_client import BREAKER, ServiceClient
from goldalert_local.credentials import DATABASES
from notification_service import use_cases as notification
from notification_service.schemas import UnreadCount
from price_service.config import HISTORY_PAGE
from price_service.domain.agreement import accept
from price_service.domain.analytics import Window
from price_service.domain.conversion import Measure
from price_service.domain.model import Reason, StoredTick
from price_service.gateways.circuits import BREAKER as OPENS
from price_service.gateways.circuits import Circuits
from price_service.gateways.keys import SourceKey, SourceKeys
from price_service.gateways.outgoing import RefusedError
from price_service.use_cases import serving
from tests.support.services import FUNCTIONS
from user_service.schemas import Preferences, Profile
from user_service.use_cases import profiles

MINUTE, HOUR = 60, 3600
TABLE: dict[str, tuple[int, dict[str, int]]] = {
    "auth_service": (0, {"session": 24 * HOUR, "revoked": 16 * MINUTE}),
    "user_service": (1, {"profile": HOUR, "preferences": HOUR, "breaker": HOUR + 20}),
    "price_service": (
        2,
        {
            "price:current": 5 * MINUTE,
            "price:history": 5 * MINUTE,
            "price:analytics": 5 * MINUTE,
            "breaker": HOUR + 9 * MINUTE,
            "paused": 9 * MINUTE,
            "asked": 8 * HOUR - 30,
        },
    ),
    "alert_service": (3, {"active_alerts": 30 * MINUTE}),
    "email_service": (4, {"template": 24 * HOUR}),
    "notification_service": (5, {"unread": 15 * MINUTE}),
    "admin_service": (6, {}),
    "logging_service": (7, {}),
}
"""By service: the number of its database, and by prefix of keys the seconds that they live."""

COUNTS = {"limit": 2 * MINUTE}
"""In every service: the requests of this minute and of the one before, over which it slides."""


class NoDatabase:
    """Stands in for PostgreSQL: what the repository answers is given."""

    def __init__(self, **answers: object) -> None:
        methods = {name: lambda *_a, _it=it, **_k: _it for name, it in answers.items()}
        self.repository = SimpleNamespace(**methods)

    @contextmanager
    def begin(self) -> Iterator["NoDatabase"]:
        yield self


class NobodyThere:
    def invoke(self, **_: object) -> Any:
        raise EndpointConnectionError(endpoint_url="http://nowhere")


def fill_auth(services: Any) -> None:
    services.session_cache.note_use(new_id(), SystemClock().now())
    services.session_cache.deny([new_id()])


def fill_user(services: Any) -> None:
    profile = Profile(name=None, avatar=None, bio=None, locale="en", timezone="UTC")
    preferences = Preferences(
        currency="USD",
        unit="troy_ounce",
        theme="system",
        notifications=True,
        quiet_hours=None,
        digest="off",
    )
    database: Any = NoDatabase(profile=profile, preferences=preferences)
    profiles.get_profile(database, services.cache, user_id=new_id())
    profiles.get_preferences(database, services.cache, user_id=new_id())
    client = ServiceClient(
        "goldalert-local-auth-service-internal", BreakerStates(services.redis), NobodyThere()
    )
    for _ in range(BREAKER.failure_threshold):
        with pytest.raises(UnavailableError):
            client.call("export_user", user_id=new_id())


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def fill_price(services: Any) -> None:
    tick = accept(services.clock.now(), Decimal(4390), "simulator")
    last = StoredTick(new_id(), 1, tick, ())
    database: Any = NoDatabase(last_tick=last, last_tick_at=None, history=[], candles=[])
    slots = serving.Slots(services.clock, timedelta(minutes=5))
    measure = Measure("USD", "troy_ounce", 24)
    page: Any = {"since": None, "until": None, "limit": HISTORY_PAGE, "cursor": None}
    serving.history(database, slots, services.cache, measure, **page)
    serving.analytics(database, slots, services.cache, measure, window=Window.DAY)
    circuits = Circuits(services.redis)
    for reason in [*[Reason.TIMED_OUT] * OPENS.failure_threshold, Reason.RATE_LIMITED]:
        with pytest.raises(RefusedError):
            circuits.ask(f"a source that is {reason}", raising(RefusedError(reason)))
    SourceKeys(dict, services.redis).take("goldapi.io", SourceKey(key="k"))


def fill_alert(services: Any) -> None:
    database: Any = NoDatabase(alerts=[])
    active_alerts(database, services.cache, new_id(), services.clock.now())


def fill_email(services: Any) -> None:
    template = MailTemplate(locale="en", subject="s", text="t", html="h")
    tx: Any = NoDatabase(template=template, note_subject=None)
    composer: Any = SimpleNamespace(compose=lambda *_: SimpleNamespace(subject="s"))
    mail: Any = SimpleNamespace(
        id=new_id(), kind="welcome", triggers=[], recipient="r", suppressed=False
    )
    email._prepare(tx, services.clock, services.cache, composer, mail)


def fill_notification(services: Any) -> None:
    database: Any = NoDatabase(unread_count=UnreadCount(unread=1))
    notification.unread_count(database, services.cache, user_id=new_id())


FILL: dict[str, Callable[[Any], None]] = {
    "auth_service": fill_auth,
    "user_service": fill_user,
    "price_service": fill_price,
    "alert_service": fill_alert,
    "email_service": fill_email,
    "notification_service": fill_notification,
}


@pytest.fixture
def services_of(
    redis_url: Callable[[int], str],
) -> Iterator[Callable[[str], Any]]:
    """The real parts of a service, with the Redis database that its secret names."""
    made: list[Any] = []
    address = redis_url(0).removesuffix("/0")

    def services(service: str) -> Any:
        bootstrap = importlib.import_module(f"{service}.bootstrap")
        settings = SimpleNamespace(
            user_requests_per_minute=300, network_requests_per_minute=120, service_secret=service
        )
        it = bootstrap.Services(settings)
        nowhere = DatabaseSecret(
            host="127.0.0.1", port=1, user="u", password="p", dbname="d", sslmode="disable"
        )
        number = DATABASES[service][1]
        it.secret = ServiceSecret(database=nowhere, redis_url=f"{address}/{number}")
        made.append(it)
        return it

    yield services
    for it in made:
        it.redis.client.close()


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_keeps_in_redis_what_the_table_says_and_as_long(
    services_of: Callable[[str], Any], service: str
) -> None:
    number, prefixes = TABLE[service]
    services = services_of(service)
    request = {"requestContext": {"authorizer": {"user_id": str(new_id())}}}
    count_request(services.rate_limiter, services.settings, request)
    FILL.get(service, lambda _: None)(services)
    address = services.redis.url.rsplit("/", 1)[0]
    expected = prefixes | COUNTS
    found = set()
    for database in range(len(TABLE)):
        with Redis.from_url(f"{address}/{database}", decode_responses=True) as redis:
            for key in redis.scan_iter("*"):
                assert database == number, f"{service} writes {key} into another's database"
                [prefix] = [prefix for prefix in expected if key.startswith(prefix)]
                seconds = expected[prefix]
                assert seconds - 5 <= redis.ttl(key) <= seconds, key
                found.add(prefix)
    assert found == expected.keys()


@pytest.mark.parametrize("service", DATABASES)
def test_the_readme_says_what_is_in_redis(service: str) -> None:
    number, prefixes = TABLE[service]
    text = FUNCTIONS.joinpath(service, "README.md").read_text(encoding="utf-8")
    [row] = re.findall(r"^\| Redis DB (\d) \| (.+) \|$", text, re.MULTILINE)
    assert int(row[0]) == number
    assert [prefix for prefix in [*prefixes, *COUNTS] if f"`{prefix}" not in row[1]] == []
