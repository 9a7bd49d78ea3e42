"""The tables of user_db, as far as the SQL builds on them; `migrations/` makes them."""

from sqlalchemy import BigInteger, Boolean, Text, Uuid, column, table
from sqlalchemy.dialects.postgresql import JSONB

PROFILES = table(
    "profiles",
    column("id", Uuid),
    column("user_id", Uuid),
    column("name", Text),
    column("avatar", Text),
    column("bio", Text),
    column("locale", Text),
    column("timezone", Text),
)
PREFERENCES = table(
    "preferences",
    column("id", Uuid),
    column("user_id", Uuid),
    column("currency", Text),
    column("unit", Text),
    column("theme", Text),
    column("notifications", Boolean),
    column("quiet_hours", JSONB(none_as_null=True)),
    column("digest", Text),
    column("preferences_version", BigInteger),
)
ACCOUNT_SETTINGS = table(
    "account_settings",
    column("id", Uuid),
    column("user_id", Uuid),
    column("privacy", Text),
)
