"""Roles and databases: each service reaches its own database only, and cannot alter its tables.

The owner role cannot log in; the migrator acts as it. The application role can read and write rows.
"""

import base64
import hashlib
import hmac
import secrets

from sqlalchemy import Connection, Engine, text

from goldalert.secrets import DatabaseSecret

_SCRAM_ITERATIONS = 4096
"""PostgreSQL's own default."""


def owner_of(service: str) -> str:
    return f"{service}_owner"


def provision(admin: Engine, service: str, secret: DatabaseSecret) -> None:
    """Create what is missing of a service's roles and database; give the role its password."""
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _create_role(connection, owner_of(service), "NOLOGIN")
        _create_role(connection, secret.user, "LOGIN")
        _run(
            connection,
            "ALTER ROLE %I PASSWORD %L",
            secret.user,
            scram_verifier(secret.password.get_secret_value()),
        )
        # a stuck statement must not outlive the function that waits for it
        _run(connection, "ALTER ROLE %I SET statement_timeout = '10s'", secret.user)
        _run(
            connection,
            "ALTER ROLE %I SET idle_in_transaction_session_timeout = '30s'",
            secret.user,
        )
        # on RDS the administrator is no superuser: it must be a member to act as the owner
        _run(connection, "GRANT %I TO CURRENT_USER", owner_of(service))
        if not _exists(connection, "pg_database", "datname", secret.dbname):
            _run(connection, "CREATE DATABASE %I OWNER %I", secret.dbname, owner_of(service))
        _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", secret.dbname)
        _run(connection, "GRANT CONNECT ON DATABASE %I TO %I", secret.dbname, secret.user)


def grant(connection: Connection, service: str, user: str) -> None:
    """Let the application role use what the owner has made and will make."""
    owner = owner_of(service)
    _run(connection, "ALTER SCHEMA public OWNER TO %I", owner)
    _run(connection, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    _run(connection, "GRANT USAGE ON SCHEMA public TO %I", user)
    for kind, rights in (
        ("TABLES", "SELECT, INSERT, UPDATE, DELETE"),
        ("SEQUENCES", "USAGE"),
    ):
        _run(
            connection,
            f"ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT {rights} ON {kind} TO %I",
            owner,
            user,
        )


def scram_verifier(password: str) -> str:
    """Return what PostgreSQL keeps of a password, so that no statement or log holds the password.

    The password must be ASCII, as generated ones are: others would have to be normalised first.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    in_text = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return "SCRAM-SHA-256${}:{}${}:{}".format(_SCRAM_ITERATIONS, *in_text)


def _create_role(connection: Connection, role: str, login: str) -> None:
    if not _exists(connection, "pg_roles", "rolname", role):
        _run(connection, f"CREATE ROLE %I {login}", role)


def _exists(connection: Connection, catalogue: str, column: str, name: str) -> bool:
    found = connection.execute(
        text(f"SELECT 1 FROM {catalogue} WHERE {column} = :name"),  # noqa: S608 - names of our own
        {"name": name},
    )
    return found.first() is not None


def _run(connection: Connection, statement: str, *names: str) -> None:
    """Run a statement that takes no parameters, its names and literals quoted by the server."""
    arguments = {f"n{i}": name for i, name in enumerate(names)}
    placeholders = "".join(f", CAST(:{key} AS text)" for key in arguments)
    quoted = connection.execute(
        text(f"SELECT format(:statement{placeholders})"),
        {"statement": statement, **arguments},
    ).scalar_one()
    connection.exec_driver_sql(quoted)
