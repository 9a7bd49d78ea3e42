"""The audit log's chain."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from admin_service.domain import GENESIS, Entry, Fact, Link, chain, first_broken

NOON = datetime(2026, 8, 18, 12, tzinfo=UTC)


def fact(number: int) -> Fact:
    return Fact(
        id=UUID(int=number),
        admin_id=None,
        action="alert_triggered",
        target=f"alert:{number}",
        timestamp=NOON + timedelta(minutes=number),
        correlation_id="tick",
        data={"price": "4389.38", "note": "süß"},
    )


@pytest.fixture
def entries() -> list[Entry]:
    return list(chain([fact(number) for number in range(1, 6)], Link()))


def test_an_unchanged_chain_is_intact(entries: list[Entry]) -> None:
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert first_broken(entries, Link()) is None


def test_a_chain_goes_on_where_it_ended(entries: list[Entry]) -> None:
    first, rest = entries[:2], entries[2:]
    last = Link(first[-1].sequence, first[-1].hash)
    assert list(chain([entry.fact for entry in rest], last)) == rest
    assert first_broken(rest, last) is None


def test_the_first_hash_is_known() -> None:
    """Whoever verifies the log with another program needs this exact form."""
    (entry,) = chain([fact(1)], Link(0, GENESIS))
    canonical = (
        '{"action":"alert_triggered","admin_id":null,"correlation_id":"tick",'
        '"data":{"note":"süß","price":"4389.38"},"id":"00000000-0000-0000-0000-000000000001",'
        '"sequence":1,"target":"alert:1","timestamp":"2026-08-18T12:01:00.000000+00:00"}'
    )
    assert entry.hash == hashlib.sha256(("0" * 64 + canonical).encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"id": UUID(int=99)},
        {"admin_id": UUID(int=1)},
        {"action": "alert_deleted"},
        {"target": "alert:9"},
        {"timestamp": NOON},
        {"correlation_id": "other"},
        {"data": {"price": "4389.39", "note": "süß"}},
    ],
)
def test_a_changed_entry_is_found(entries: list[Entry], change: dict[str, object]) -> None:
    entries[2] = replace(entries[2], fact=replace(entries[2].fact, **change))
    assert first_broken(entries, Link()) == entries[2]


def test_a_missing_entry_is_found(entries: list[Entry]) -> None:
    del entries[2]
    assert first_broken(entries, Link()) == entries[2]


def test_an_inserted_entry_is_found(entries: list[Entry]) -> None:
    (forged,) = chain([fact(9)], Link(entries[1].sequence, entries[1].hash))
    entries.insert(2, forged)
    assert first_broken(entries, Link()) == entries[3]


def test_swapped_entries_are_found(entries: list[Entry]) -> None:
    entries[1], entries[2] = entries[2], entries[1]
    assert first_broken(entries, Link()) == entries[1]


def test_a_renumbered_entry_is_found(entries: list[Entry]) -> None:
    entries[-1] = replace(entries[-1], sequence=9)
    assert first_broken(entries, Link()) == entries[-1]


def test_a_rewritten_entry_breaks_the_next_one(entries: list[Entry]) -> None:
    link = Link(entries[1].sequence, entries[1].hash)
    (entries[2],) = chain([replace(entries[2].fact, target="alert:9")], link)
    assert first_broken(entries, Link()) == entries[3]


def test_the_same_moment_in_another_zone_is_the_same_entry(entries: list[Entry]) -> None:
    zurich = timezone(timedelta(hours=2))
    moved = replace(entries[0].fact, timestamp=entries[0].fact.timestamp.astimezone(zurich))
    assert first_broken([replace(entries[0], fact=moved)], Link()) is None
