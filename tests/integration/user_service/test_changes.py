"""What other services are told of a user's changes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.events.users import QuietHours
from tests.support.invocations import Client
from user_service import schemas
from user_service.bootstrap import Services
from user_service.schemas import PreferencesChange, ProfileChange
from user_service.use_cases import profiles


def told(services: Services) -> list[AnyEvent]:
    """What waits to be published, in the order of its versions."""
    with services.engine.connect() as connection:
        messages = connection.execute(text("SELECT message FROM outbox")).scalars()
        events = [parse_event(message) for message in messages]
    return sorted(events, key=lambda event: event.data.version)


def test_a_change_tells_the_whole_state(ada: Client, services: Services) -> None:
    ada.patch("/user/profile", {"locale": "de-ch", "timezone": "Europe/Zurich"})
    quiet = {"start": "22:00", "end": "07:30"}
    change = {"quiet_hours": quiet, "digest": "daily", "notifications": False}
    ada.patch("/user/preferences", change)
    first, last = told(services)
    assert (first.data.version, first.data.locale, first.data.digest) == (2, "de-CH", "off")
    assert last.data.model_dump() == {
        "user_id": ada.user_id,
        "version": 3,
        "name": "Ada Lovelace",
        "locale": "de-CH",
        "timezone": "Europe/Zurich",
        "notifications": False,
        "quiet_hours": QuietHours.model_validate(quiet).model_dump(),
        "digest": "daily",
    }
    assert (last.producer, last.correlation_id) == ("user_service", "request-of-a-test")


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/user/profile", {"avatar": "https://example.com/a.png"}),
        ("/user/profile", {"bio": "I count."}),
        ("/user/profile", {"name": None}),
        ("/user/preferences", {"currency": "EUR"}),
        ("/user/preferences", {"quiet_hours": {"start": "22:00", "end": "07:00"}}),
    ],
)
def test_a_change_is_told_once(
    ada: Client, services: Services, path: str, change: dict[str, Any]
) -> None:
    for _ in range(3):
        assert ada.patch(path, change).status == 200
    assert [event.data.version for event in told(services)] == [2]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/user/profile", {}),
        ("/user/profile", {"name": "Ada Lovelace", "locale": "EN"}),
        ("/user/preferences", {"currency": "USD", "quiet_hours": None}),
        ("/user/settings", {"privacy": "public"}),
        ("/user/preferences", {"currency": "XXX"}),
    ],
)
def test_what_is_no_change_for_others_is_not_told(
    ada: Client, services: Services, path: str, change: dict[str, Any]
) -> None:
    ada.patch(path, change)
    assert told(services) == []


def test_of_twenty_changes_at_once_the_last_version_is_what_holds(
    ada: Client, services: Services
) -> None:
    """R7. Whoever gets the events in any order ends with the state that this service has."""
    user_id = ada.user_id
    assert user_id is not None
    # the use cases themselves: a resolver serves one request at a time, as Lambda does
    parts = (services.unit_of_work, services.cache, services.clock)

    def change(number: int) -> None:
        if number < 10:
            zone = ("Europe/Zurich", "Asia/Tokyo")[number % 2]
            profile = ProfileChange(name=f"Ada {number}", timezone=zone)
            profiles.change_profile(*parts, user_id=user_id, change=profile)
        else:
            quiet = (
                schemas.QuietHours(start=f"2{number % 4}:00", end="07:00") if number % 2 else None
            )
            preferences = PreferencesChange(
                digest="daily" if number % 2 else "weekly", quiet_hours=quiet
            )
            profiles.change_preferences(*parts, user_id=user_id, change=preferences)

    with ThreadPoolExecutor(max_workers=20) as pool:
        list(pool.map(change, range(20)))
    events = told(services)
    versions = [event.data.version for event in events]
    assert versions == list(range(2, 2 + len(versions)))
    # no change is lost: every profile had a name of its own
    assert {f"Ada {number}" for number in range(10)} <= {event.data.name for event in events}
    last = events[-1].data
    profile, preferences = ada.get("/user/profile").body, ada.get("/user/preferences").body
    quiet = preferences["quiet_hours"]
    assert (last.name, last.timezone) == (profile["name"], profile["timezone"])
    assert last.digest == preferences["digest"]
    assert last.quiet_hours == (quiet and QuietHours.model_validate(quiet))


def test_an_event_that_cannot_be_stored_takes_its_change_back(
    ada: Client, services: Services
) -> None:
    """R4."""
    before = ada.get("/user/profile").body
    with pytest.MonkeyPatch.context() as broken:

        def fail(*_: object) -> None:
            raise RuntimeError("the outbox is broken")

        broken.setattr("goldalert.db.unit_of_work.store", fail)
        assert ada.patch("/user/profile", {"name": "Countess"}).status == 500
    assert ada.get("/user/profile").body == before
