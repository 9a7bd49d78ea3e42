"""The tables of user_db, as far as the SQL builds on them; `migrations/` makes them."""

from sqlalchemy import Text, Uuid, column, table

PROFILES = table(
    "profiles",
    column("id", Uuid),
    column("user_id", Uuid),
    column("name", Text),
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
)
ACCOUNT_SETTINGS = table(
    "account_settings",
    column("id", Uuid),
    column("user_id", Uuid),
    column("privacy", Text),
)
