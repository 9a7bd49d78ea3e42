"""All SQL of the user service."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection, TableClause, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from goldalert.http.schemas import View
from goldalert.ids import new_id
from user_service.schemas import AccountSettings, Preferences, Profile
from user_service.tables import ACCOUNT_SETTINGS, PREFERENCES, PROFILES


class Repository:
    """The tables of user_db, on one transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_user(self, user_id: UUID, name: str | None) -> None:
        """Add a user's rows with the defaults; those that exist stay as they are."""
        for table, values in (
            (PROFILES, {"name": name}),
            (PREFERENCES, {}),
            (ACCOUNT_SETTINGS, {}),
        ):
            self._connection.execute(
                insert(table)
                .values(id=new_id(), user_id=user_id, **values)
                .on_conflict_do_nothing(index_elements=["user_id"])
            )

    def erase_user(self, user_id: UUID) -> None:
        # in the order in which a change locks them
        for table in (PREFERENCES, PROFILES, ACCOUNT_SETTINGS):
            self._connection.execute(delete(table).where(table.c.user_id == user_id))

    def lock_user(self, user_id: UUID) -> None:
        """Make other changes of the user's profile and preferences wait for this transaction."""
        self._connection.execute(
            select(PREFERENCES.c.id).where(PREFERENCES.c.user_id == user_id).with_for_update()
        )

    def next_version(self, user_id: UUID) -> int:
        """Count a change of a locked user, and return its number."""
        version: int = self._connection.execute(
            update(PREFERENCES)
            .where(PREFERENCES.c.user_id == user_id)
            .values(preferences_version=PREFERENCES.c.preferences_version + 1)
            .returning(PREFERENCES.c.preferences_version)
        ).scalar_one()
        return version

    def profile(self, user_id: UUID) -> Profile | None:
        return self._find(PROFILES, Profile, user_id)

    def preferences(self, user_id: UUID) -> Preferences | None:
        return self._find(PREFERENCES, Preferences, user_id)

    def account_settings(self, user_id: UUID) -> AccountSettings | None:
        return self._find(ACCOUNT_SETTINGS, AccountSettings, user_id)

    def change_profile(self, user_id: UUID, fields: Mapping[str, object]) -> Profile | None:
        return self._change(PROFILES, Profile, user_id, fields)

    def change_preferences(self, user_id: UUID, fields: Mapping[str, object]) -> Preferences | None:
        return self._change(PREFERENCES, Preferences, user_id, fields)

    def change_account_settings(
        self, user_id: UUID, fields: Mapping[str, object]
    ) -> AccountSettings | None:
        return self._change(ACCOUNT_SETTINGS, AccountSettings, user_id, fields)

    def _find[V: View](self, table: TableClause, view: type[V], user_id: UUID) -> V | None:
        columns = [table.c[name] for name in view.model_fields]
        row = self._connection.execute(select(*columns).where(table.c.user_id == user_id)).first()
        return view.model_validate(row) if row else None

    def _change[V: View](
        self, table: TableClause, view: type[V], user_id: UUID, fields: Mapping[str, object]
    ) -> V | None:
        """Change a user's row and return what it is then; None when there is no such row."""
        if fields:
            self._connection.execute(
                update(table).where(table.c.user_id == user_id).values(**fields)
            )
        return self._find(table, view, user_id)
