"""All SQL of the auth service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from auth_service.domain import Account, Session
from auth_service.schemas import Me
from goldalert.ids import new_id

_SESSION = (
    "s.id AS session_id, s.user_id, u.role, u.session_version, s.expires_at, "
    "s.revoked_at IS NOT NULL AS revoked, u.disabled"
)


class Repository:
    """The tables `users`, `sessions` and `tokens`, on one transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_user(self, user_id: UUID, email: str, password_hash: str) -> bool:
        """Add an account; return False when the address is taken."""
        added = self._connection.execute(
            text(
                "INSERT INTO users (id, email, password_hash) "
                "VALUES (:id, :email, :password_hash) ON CONFLICT (email) DO NOTHING"
            ),
            {"id": user_id, "email": email, "password_hash": password_hash},
        )
        return added.rowcount == 1

    def account_by_email(self, email: str) -> Account | None:
        row = self._connection.execute(
            text(
                "SELECT id, password_hash, role, session_version, disabled "
                "FROM users WHERE email = :email"
            ),
            {"email": email},
        ).first()
        return Account(*row) if row else None

    def user(self, user_id: UUID) -> Me | None:
        row = self._connection.execute(
            text(
                "SELECT id AS user_id, email, verified_at IS NOT NULL AS email_verified, role "
                "FROM users WHERE id = :id"
            ),
            {"id": user_id},
        ).first()
        return Me.model_validate(row) if row else None

    def mark_verified(self, user_id: UUID, now: datetime) -> str:
        """Note that the address is the user's; return it."""
        return str(
            self._connection.execute(
                text(
                    "UPDATE users SET verified_at = COALESCE(verified_at, :now) "
                    "WHERE id = :id RETURNING email"
                ),
                {"id": user_id, "now": now},
            ).scalar_one()
        )

    def add_token(self, user_id: UUID, kind: str, token_hash: str, expires_at: datetime) -> None:
        self._connection.execute(
            text(
                "INSERT INTO tokens (id, user_id, type, value, expires_at) "
                "VALUES (:id, :user_id, :kind, :token_hash, :expires_at)"
            ),
            {
                "id": new_id(),
                "user_id": user_id,
                "kind": kind,
                "token_hash": token_hash,
                "expires_at": expires_at,
            },
        )

    def spend_token(self, kind: str, token_hash: str, now: datetime) -> UUID | None:
        """Use a token up; return whose it was. Of racing requests one gets it (S7)."""
        return self._connection.execute(
            text(
                "DELETE FROM tokens WHERE value = :token_hash AND type = :kind "
                "AND expires_at > :now RETURNING user_id"
            ),
            {"kind": kind, "token_hash": token_hash, "now": now},
        ).scalar()

    def add_session(
        self, session_id: UUID, user_id: UUID, token_hash: str, expires_at: datetime
    ) -> None:
        self._connection.execute(
            text(
                "INSERT INTO sessions (id, user_id, token, expires_at) "
                "VALUES (:id, :user_id, :token_hash, :expires_at)"
            ),
            {
                "id": session_id,
                "user_id": user_id,
                "token_hash": token_hash,
                "expires_at": expires_at,
            },
        )

    def session(self, session_id: UUID) -> Session | None:
        row = self._connection.execute(
            text(
                f"SELECT {_SESSION} FROM sessions s JOIN users u ON u.id = s.user_id "  # noqa: S608
                "WHERE s.id = :id"
            ),
            {"id": session_id},
        ).first()
        return _session(row)

    def rotate_session(self, old_hash: str, new_hash: str, now: datetime) -> Session | None:
        """Replace a live session's refresh token; return None when it is not the current one."""
        row = self._connection.execute(
            text(
                "UPDATE sessions s SET token = :new_hash, previous_token = :old_hash "  # noqa: S608
                "FROM users u WHERE u.id = s.user_id AND s.token = :old_hash "
                f"AND s.revoked_at IS NULL AND s.expires_at > :now RETURNING {_SESSION}"
            ),
            {"old_hash": old_hash, "new_hash": new_hash, "now": now},
        ).first()
        return _session(row)

    def revoke_reused_session(self, used_hash: str, now: datetime) -> None:
        """End the session whose last refresh token comes a second time."""
        self._connection.execute(
            text(
                "UPDATE sessions SET revoked_at = :now "
                "WHERE previous_token = :used_hash AND revoked_at IS NULL"
            ),
            {"used_hash": used_hash, "now": now},
        )

    def revoke_session(self, session_id: UUID, now: datetime) -> None:
        self._connection.execute(
            text("UPDATE sessions SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"),
            {"id": session_id, "now": now},
        )

    def ping(self) -> None:
        self._connection.execute(text("SELECT 1"))


def _session(row: Row[tuple[object, ...]] | None) -> Session | None:
    return None if row is None else Session(**row._mapping)
