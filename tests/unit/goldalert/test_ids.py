"""Identifiers."""

from uuid import UUID

from goldalert.ids import new_id


def test_ids_are_version_7_in_the_order_of_their_making_and_of_the_plain_class() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == 1000
    assert {(type(i), i.version) for i in made} == {(UUID, 7)}
