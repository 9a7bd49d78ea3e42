"""An audit log of the first version keeps its chain."""

from collections.abc import Callable

from admin_service.domain import Fact, Link, chain, first_broken
from admin_service.repository import Repository
from goldalert.ids import new_id
from tests.support.facts import NOON
from tests.support.migrations import FirstVersion


def test_the_entries_of_a_user_are_found_and_the_chain_holds(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("admin_service")
    ada = new_id()
    fact = Fact(new_id(), None, "alert_triggered", "alert:1", NOON, "c", {"user_id": str(ada)})
    with database.engine.begin() as connection:
        Repository(connection).append(list(chain([fact], Link())))
    database.upgrade()
    with database.engine.begin() as connection:
        [entry] = Repository(connection).about(ada, limit=2)
    assert entry.fact == fact
    assert first_broken([entry], Link()) is None
