"""Alembic without a folder of its own: a service's `migrations/` holds nothing but versions."""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection, migrations: Path) -> str:
    """Bring a database to the newest version, in the caller's transaction; return that version."""
    config = Config()
    script = ScriptDirectory(str(migrations), version_locations=[str(migrations)])
    head = script.get_current_head()
    if head is None:
        raise FileNotFoundError(f"no migrations in {migrations}")

    def steps(revision: Any, context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
    return head
