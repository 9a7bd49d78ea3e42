"""Rotation of the signing key: no token is refused on the way, wherever the run is killed (S4)."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth_service.config import ACCESS_TOKEN_LIFE, KEY_SET_SECONDS, SIGNING_KEYS_SECONDS
from auth_service.domain import AccessClaims
from auth_service.gateways import (
    _REREAD_SECONDS,
    SigningKeys,
    TokenSigner,
    TokenVerifier,
    VerificationKeys,
)
from goldalert.ids import new_id
from infra.rotate_keys import OLD_KEY_LIFE, PUBLISH_SECONDS, new_key, rotate

CLAIMS = AccessClaims(new_id(), new_id(), "user", 1)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Store:
    """Secrets Manager, and whoever reads it. It ends the process before write `killed_at`."""

    secrets: dict[str, dict[str, Any]]
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    killed_at: int = -1
    writes: int = 0
    waits: list[float] = field(default_factory=list)

    def read(self, name: str) -> dict[str, Any]:
        return self.secrets[name]

    def write(self, name: str, content: dict[str, Any]) -> None:
        if self.writes == self.killed_at:
            raise Killed
        self.writes += 1
        self.secrets[name] = json.loads(json.dumps(content))

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += timedelta(seconds=seconds)

    def rotate(self) -> str:
        return rotate(self, wait=self.wait, now=lambda: self.time)

    def token(self) -> str:
        keys = SigningKeys.model_validate(self.secrets["auth_signing_keys"])
        return TokenSigner(lambda: keys, "us").sign(CLAIMS, datetime.now(UTC))

    def accepts(self, token: str) -> bool:
        keys = VerificationKeys.model_validate(self.secrets["auth_verification_keys"])
        found = TokenVerifier(lambda: keys, "us").verify(token)
        return found is not None and found.claims == CLAIMS

    @property
    def published(self) -> list[str]:
        return [key["kid"] for key in self.secrets["auth_verification_keys"]["keys"]]

    @property
    def private(self) -> list[str]:
        return [key["kid"] for key in self.secrets["auth_signing_keys"]["keys"]]


@pytest.fixture
def store() -> Store:
    private, public = new_key()
    return Store(
        {
            "auth_signing_keys": {"active_kid": private["kid"], "keys": [private]},
            "auth_verification_keys": {"keys": [public]},
        }
    )


def test_the_new_key_signs_and_tokens_of_the_old_one_stay_good(store: Store) -> None:
    old, [old_kid] = store.token(), store.private
    new_kid = store.rotate()
    assert store.private == [new_kid] != [old_kid]
    assert store.published == [old_kid, new_kid]
    assert store.accepts(old)
    assert store.accepts(store.token())


def test_it_is_published_before_it_signs(store: Store) -> None:
    old = store.private
    seen = []
    store.wait = lambda seconds: seen.append((seconds, store.published, store.token()))  # type: ignore[method-assign]
    new = store.rotate()
    [(seconds, published, token)] = seen
    assert (seconds, published) == (PUBLISH_SECONDS, [*old, new])
    assert store.accepts(token)


@pytest.mark.parametrize("killed_at", range(4))
def test_a_run_that_was_killed_is_finished_by_the_next(store: Store, killed_at: int) -> None:
    old, [old_kid] = store.token(), store.private
    store.killed_at = killed_at
    with pytest.raises(Killed):
        store.rotate()
    assert store.accepts(store.token())
    store.killed_at = -1
    kid = store.rotate()
    assert store.private == [kid]
    assert store.published[0] == old_kid
    assert store.published[-1] == kid
    # killed before the new key signed, the next run takes the same one
    assert len(store.published) == (3 if killed_at == 3 else 2)
    assert store.accepts(old)
    assert store.accepts(store.token())


def test_a_key_whose_tokens_are_dead_is_dropped_by_the_next_rotation(store: Store) -> None:
    first, second = *store.private, store.rotate()
    third = store.rotate()
    assert store.published == [first, second, third]
    store.time += OLD_KEY_LIFE
    fourth = store.rotate()
    assert store.published == [third, fourth]


def test_the_waits_fit_what_the_services_keep() -> None:
    assert PUBLISH_SECONDS > _REREAD_SECONDS + KEY_SET_SECONDS
    minute = timedelta(minutes=1)
    assert OLD_KEY_LIFE > ACCESS_TOKEN_LIFE + timedelta(seconds=SIGNING_KEYS_SECONDS) + minute
