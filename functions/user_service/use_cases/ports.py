"""What the use cases need from outside."""

from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, JsonValue

from goldalert.rate_limiting import Allowance, RateLimit
from user_service.schemas import AccountSettings, Preferences, Profile

PRODUCER = "user_service"


class Users(Protocol):
    """The database."""

    def add_user(self, user_id: UUID, name: str | None) -> None: ...
    def erase_user(self, user_id: UUID) -> None: ...
    def lock_user(self, user_id: UUID) -> None: ...
    def next_version(self, user_id: UUID) -> int: ...
    def profile(self, user_id: UUID) -> Profile | None: ...
    def preferences(self, user_id: UUID) -> Preferences | None: ...
    def account_settings(self, user_id: UUID) -> AccountSettings | None: ...
    def change_profile(self, user_id: UUID, fields: Mapping[str, object]) -> Profile | None: ...
    def change_preferences(
        self, user_id: UUID, fields: Mapping[str, object]
    ) -> Preferences | None: ...
    def change_account_settings(
        self, user_id: UUID, fields: Mapping[str, object]
    ) -> AccountSettings | None: ...


class Cache(Protocol):
    """Keeps copies of what the database says."""

    def get_or_load[Model: BaseModel](
        self, key: str, model: type[Model], load: Callable[[], Model]
    ) -> Model: ...
    def invalidate(self, *keys: str) -> None: ...


class Limiter(Protocol):
    """Counts how often something is asked for."""

    def hit(self, limit: RateLimit, *identity: str) -> Allowance: ...


class OtherService(Protocol):
    """Another service's internal function."""

    @property
    def service(self) -> str: ...
    def call(self, action: str, **arguments: object) -> JsonValue: ...


def profile_key(user_id: UUID) -> str:
    return f"profile:{user_id}"


def preferences_key(user_id: UUID) -> str:
    return f"preferences:{user_id}"
