"""What the user service does, one function per action."""

from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.catalogue import AnyEvent
from goldalert.events.users import UserRegisteredData
from user_service.schemas import (
    AccountSettings,
    Preferences,
    PreferencesChange,
    Profile,
    ProfileChange,
    SettingsChange,
)


class Users(Protocol):
    """What the use cases need of the database."""

    def add_user(self, user_id: UUID, name: str | None) -> None: ...
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


def create_user(tx: Transaction[Users], event: AnyEvent) -> None:
    """Give a new user a profile, preferences and account settings."""
    data: UserRegisteredData = event.data
    tx.repository.add_user(data.user_id, data.name)


def get_profile(unit_of_work: UnitOfWork[Users], cache: Cache, *, user_id: UUID) -> Profile:
    """Return a user's profile.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """

    def load() -> Profile:
        with unit_of_work.begin() as tx:
            return _existing(tx.repository.profile(user_id))

    return cache.get_or_load(_profile_key(user_id), Profile, load)


def change_profile(
    unit_of_work: UnitOfWork[Users], cache: Cache, *, user_id: UUID, change: ProfileChange
) -> Profile:
    """Change what was sent of a profile; return all of it.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """
    with unit_of_work.begin() as tx:
        profile = _existing(tx.repository.change_profile(user_id, change.fields()))
    cache.invalidate(_profile_key(user_id))
    return profile


def get_preferences(unit_of_work: UnitOfWork[Users], cache: Cache, *, user_id: UUID) -> Preferences:
    """Return a user's preferences.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """

    def load() -> Preferences:
        with unit_of_work.begin() as tx:
            return _existing(tx.repository.preferences(user_id))

    return cache.get_or_load(_preferences_key(user_id), Preferences, load)


def change_preferences(
    unit_of_work: UnitOfWork[Users], cache: Cache, *, user_id: UUID, change: PreferencesChange
) -> Preferences:
    """Change what was sent of the preferences; return all of them.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """
    with unit_of_work.begin() as tx:
        preferences = _existing(tx.repository.change_preferences(user_id, change.fields()))
    cache.invalidate(_preferences_key(user_id))
    return preferences


def get_settings(unit_of_work: UnitOfWork[Users], *, user_id: UUID) -> AccountSettings:
    """Return a user's account settings.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """
    with unit_of_work.begin() as tx:
        return _existing(tx.repository.account_settings(user_id))


def change_settings(
    unit_of_work: UnitOfWork[Users], *, user_id: UUID, change: SettingsChange
) -> AccountSettings:
    """Change what was sent of the account settings; return all of them.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """
    with unit_of_work.begin() as tx:
        return _existing(tx.repository.change_account_settings(user_id, change.fields()))


def _existing[Row](row: Row | None) -> Row:
    if row is None:
        raise NotFoundError("There is no profile yet. Try again in a moment.")
    return row


def _profile_key(user_id: UUID) -> str:
    return f"profile:{user_id}"


def _preferences_key(user_id: UUID) -> str:
    return f"preferences:{user_id}"
