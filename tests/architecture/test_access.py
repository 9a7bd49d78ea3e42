"""Every route has its row in the matrix of who may call it (S8)."""

from infra.openapi import resolvers, routes, security_of
from tests.support.access import ROUTES, security

IN_CODE = {
    f"{route.method} {route.openapi_path}": security_of(route)
    for resolver in resolvers().values()
    for route in routes(resolver)
}


def test_every_route_says_who_may_call_it() -> None:
    """S8: a new route needs a row in tests/support/access.py."""
    assert set(IN_CODE) - set(ROUTES) == set()


def test_every_row_is_a_route() -> None:
    assert set(ROUTES) - set(IN_CODE) == set()


def test_the_code_asks_for_the_callers_of_the_matrix() -> None:
    """S8."""
    assert {name: security(row.who) for name, row in ROUTES.items()} == IN_CODE


def test_what_is_named_by_an_id_belongs_to_somebody() -> None:
    """S8: a path with an id in it is not just for whoever is signed in."""
    named = {name: row.who for name, row in ROUTES.items() if "_id}" in name}
    assert [name for name, who in named.items() if who == "signed in"] == []
    assert {name for name, row in ROUTES.items() if row.who == "owner"} == {
        name for name, row in ROUTES.items() if row.resource
    }
