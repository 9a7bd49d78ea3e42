"""Secrets inside events."""

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from goldalert.security.sealed import EventKey, SealBrokenError, Sealer

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def sealer(*keys: str) -> Sealer:
    return Sealer(EventKey(keys=[SecretStr(key) for key in keys]))


def test_what_was_sealed_can_be_opened_and_does_not_show() -> None:
    sealed = sealer(NEW).seal("token")
    assert "token" not in sealed
    assert sealer(NEW).open(sealed) == "token"


def test_keys_can_be_rotated() -> None:
    assert sealer(NEW, OLD).open(sealer(OLD).seal("token")) == "token"


@pytest.mark.parametrize(
    "sealed",
    [sealer(OLD).seal("token"), "garbage", ""],
    ids=["another key", "garbage", "empty"],
)
def test_what_another_key_sealed_stays_shut(sealed: str) -> None:
    with pytest.raises(SealBrokenError):
        sealer(NEW).open(sealed)


def test_a_changed_seal_is_broken() -> None:
    sealed = sealer(NEW).seal("token")
    changed = sealed[:30] + ("A" if sealed[30] != "A" else "B") + sealed[31:]
    with pytest.raises(SealBrokenError):
        sealer(NEW).open(changed)
