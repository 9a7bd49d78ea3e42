"""All SQL of the auth service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from auth_service.domain import Account, RefreshToken, Session, User
from goldalert.ids import new_id

_SESSION = (
    "s.id AS session_id, s.user_id, u.role, u.session_version, s.expires_at, "
    "s.revoked_at IS NOT NULL AS revoked, u.disabled"
)


class Repository:
    """Accounts, sessions and their tokens, on one transaction's connection."""

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

    def user(self, user_id: UUID) -> User | None:
        row = self._connection.execute(
            text("SELECT id, email, verified_at IS NOT NULL, role FROM users WHERE id = :id"),
            {"id": user_id},
        ).first()
        return User(*row) if row else None

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

    def add_session(self, session_id: UUID, user_id: UUID, expires_at: datetime) -> None:
        self._connection.execute(
            text(
                "INSERT INTO sessions (id, user_id, expires_at) VALUES (:id, :user_id, :expires_at)"
            ),
            {"id": session_id, "user_id": user_id, "expires_at": expires_at},
        )

    def session(self, session_id: UUID) -> Session | None:
        row = self._connection.execute(
            text(
                f"SELECT {_SESSION} FROM sessions s JOIN users u ON u.id = s.user_id "  # noqa: S608
                "WHERE s.id = :id"
            ),
            {"id": session_id},
        ).first()
        return Session(*row) if row else None

    def add_refresh_token(self, token_hash: str, session_id: UUID, generation: int) -> None:
        self._connection.execute(
            text(
                "INSERT INTO refresh_tokens (hash, session_id, generation) "
                "VALUES (:token_hash, :session_id, :generation)"
            ),
            {"token_hash": token_hash, "session_id": session_id, "generation": generation},
        )

    def lock_refresh_token(self, token_hash: str) -> RefreshToken | None:
        """Return a token; its session is this transaction's until the end: one exchange a time."""
        row = self._connection.execute(
            text(
                f"SELECT t.generation, s.generation, s.rotated_at, {_SESSION} "  # noqa: S608
                "FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id "
                "JOIN users u ON u.id = s.user_id WHERE t.hash = :token_hash FOR UPDATE OF s"
            ),
            {"token_hash": token_hash},
        ).first()
        if row is None:
            return None
        generation, current_generation, rotated_at, *session = row
        return RefreshToken(Session(*session), generation, current_generation, rotated_at)

    def begin_generation(self, session_id: UUID, generation: int, now: datetime) -> None:
        """Make a generation of refresh tokens the session's current one, if it is not yet."""
        self._connection.execute(
            text(
                "UPDATE sessions SET generation = :generation, rotated_at = :now "
                "WHERE id = :id AND generation < :generation"
            ),
            {"id": session_id, "generation": generation, "now": now},
        )

    def revoke_session(self, session_id: UUID, now: datetime) -> None:
        self._connection.execute(
            text("UPDATE sessions SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"),
            {"id": session_id, "now": now},
        )
