"""How a user wants to be called and treated; other services are told of every change."""

from uuid import UUID

from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.users import QuietHours, UserPreferencesChangedData, UserPreferencesChangedV1
from goldalert.observability.log import current_correlation_id
from user_service.schemas import (
    AccountSettings,
    Preferences,
    PreferencesChange,
    Profile,
    ProfileChange,
    SettingsChange,
)
from user_service.use_cases.ports import PRODUCER, Cache, Users, preferences_key, profile_key


def get_profile(unit_of_work: UnitOfWork[Users], cache: Cache, *, user_id: UUID) -> Profile:
    """Return a user's profile.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """

    def load() -> Profile:
        with unit_of_work.begin() as tx:
            return _existing(tx.repository.profile(user_id))

    return cache.get_or_load(profile_key(user_id), Profile, load)


def change_profile(
    unit_of_work: UnitOfWork[Users],
    cache: Cache,
    clock: Clock,
    *,
    user_id: UUID,
    change: ProfileChange,
) -> Profile:
    """Change what was sent of a profile; return all of it.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """
    with unit_of_work.begin() as tx:
        tx.repository.lock_user(user_id)
        before = tx.repository.profile(user_id)
        profile = _existing(tx.repository.change_profile(user_id, change.fields()))
        if profile != before:
            _tell(tx, clock, user_id)
    cache.invalidate(profile_key(user_id))
    return profile


def get_preferences(unit_of_work: UnitOfWork[Users], cache: Cache, *, user_id: UUID) -> Preferences:
    """Return a user's preferences.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """

    def load() -> Preferences:
        with unit_of_work.begin() as tx:
            return _existing(tx.repository.preferences(user_id))

    return cache.get_or_load(preferences_key(user_id), Preferences, load)


def change_preferences(
    unit_of_work: UnitOfWork[Users],
    cache: Cache,
    clock: Clock,
    *,
    user_id: UUID,
    change: PreferencesChange,
) -> Preferences:
    """Change what was sent of the preferences; return all of them.

    Raises:
        NotFoundError: the news of the registration has not arrived yet.
    """
    with unit_of_work.begin() as tx:
        tx.repository.lock_user(user_id)
        before = tx.repository.preferences(user_id)
        preferences = _existing(tx.repository.change_preferences(user_id, change.fields()))
        if preferences != before:
            _tell(tx, clock, user_id)
    cache.invalidate(preferences_key(user_id))
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


def _tell(tx: Transaction[Users], clock: Clock, user_id: UUID) -> None:
    """Publish all that other services need to know of a locked user, as it is now."""
    profile = _existing(tx.repository.profile(user_id))
    preferences = _existing(tx.repository.preferences(user_id))
    quiet = preferences.quiet_hours
    tx.publish(
        UserPreferencesChangedV1(
            occurred_at=clock.now(),
            producer=PRODUCER,
            correlation_id=current_correlation_id(),
            data=UserPreferencesChangedData(
                user_id=user_id,
                version=tx.repository.next_version(user_id),
                name=profile.name,
                locale=profile.locale,
                timezone=profile.timezone,
                notifications=preferences.notifications,
                quiet_hours=quiet and QuietHours.model_validate(quiet.model_dump()),
                digest=preferences.digest,
            ),
        )
    )


def _existing[Row](row: Row | None) -> Row:
    if row is None:
        raise NotFoundError("There is no profile yet. Try again in a moment.")
    return row
