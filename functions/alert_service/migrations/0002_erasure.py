"""Tombstones of erased users."""

from alembic import op

from goldalert.messaging.erasure import CREATE_ERASED_USERS

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(CREATE_ERASED_USERS)
