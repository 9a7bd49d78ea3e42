"""Invoked by the deployer: makes or upgrades all eight databases. Safe to run again."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.db.engine import make_engine
from goldalert.observability.log import logger
from goldalert.secrets import DatabaseSecret, ServiceSecret, read_secret
from migrator.config import DATABASES, FUNCTIONS, MigratorSettings
from migrator.provisioning import grant, owner_of, provision
from migrator.upgrade import upgrade

if TYPE_CHECKING:
    from sqlalchemy import Connection


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Return the version of each service's database."""
    prefix = MigratorSettings.from_environment().secrets_prefix
    admin = read_secret(f"{prefix}postgres_admin", DatabaseSecret)
    versions = {}
    for service in DATABASES:
        secret = read_secret(f"{prefix}{service}", ServiceSecret).database
        versions[service] = migrate(admin, service, secret)
        logger.info("database is up to date", extra={"database": secret.dbname})
    return versions


def migrate(admin: DatabaseSecret, service: str, secret: DatabaseSecret) -> str:
    """Provision and upgrade one service's database; return its version."""
    server = make_engine(admin)
    with server.begin() as turn:
        _wait_for_turn(turn)
        provision(server, service, secret)
    server.dispose()
    database = make_engine(admin.model_copy(update={"dbname": secret.dbname}))
    with database.begin() as connection:
        _wait_for_turn(connection)
        grant(connection, service, secret.user)
        connection.exec_driver_sql(f'SET LOCAL ROLE "{owner_of(service)}"')
        version = upgrade(connection, FUNCTIONS / service / "migrations")
    database.dispose()
    return version


def _wait_for_turn(connection: "Connection") -> None:
    """Let deploys at the same time go one by one, each until it ends its transaction."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('migrate'))")
