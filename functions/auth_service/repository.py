"""All SQL of the auth service."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from auth_service.domain import (
    Account,
    KnownNetwork,
    ManagedUser,
    RefreshToken,
    Session,
    SessionOverview,
    TwoFactor,
    User,
)
from goldalert.ids import new_id
from goldalert.security.roles import Role

_SESSION = (
    "s.id AS session_id, s.user_id, u.role, u.session_version, s.expires_at, "
    "s.revoked_at IS NOT NULL AS revoked, u.disabled"
)

_OVERVIEW = (
    "SELECT id, device, network, created_at, COALESCE(rotated_at, created_at) "
    "FROM sessions WHERE user_id = :user_id"
)

_ACCOUNT = "SELECT id, password_hash, role, session_version, disabled FROM users "

_MANAGED_USER = (
    "SELECT u.id, u.email, u.verified_at IS NOT NULL, u.role, u.disabled, "
    "t.enabled_at IS NOT NULL, u.created_at "
    "FROM users u LEFT JOIN two_factor t ON t.user_id = u.id "
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
            text(f"{_ACCOUNT} WHERE email = :email"), {"email": email}
        ).first()
        return Account(*row) if row else None

    def user(self, user_id: UUID) -> User | None:
        row = self._connection.execute(
            text("SELECT id, email, verified_at IS NOT NULL, role FROM users WHERE id = :id"),
            {"id": user_id},
        ).first()
        return User(*row) if row else None

    def mark_verified(self, user_id: UUID, now: datetime) -> None:
        """Note that the address is the user's."""
        self._connection.execute(
            text("UPDATE users SET verified_at = COALESCE(verified_at, :now) WHERE id = :id"),
            {"id": user_id, "now": now},
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

    def add_token_by_email(
        self, email: str, kind: str, token_hash: str, expires_at: datetime
    ) -> UUID | None:
        """Add a token for whoever has the address; return who that is, None for nobody."""
        return self._connection.execute(
            text(
                "INSERT INTO tokens (id, user_id, type, value, expires_at) "
                "SELECT :id, id, :kind, :token_hash, :expires_at FROM users WHERE email = :email "
                "RETURNING user_id"
            ),
            {
                "id": new_id(),
                "email": email,
                "kind": kind,
                "token_hash": token_hash,
                "expires_at": expires_at,
            },
        ).scalar()

    def token_owner(self, kind: str, token_hash: str, now: datetime) -> User | None:
        """Return whose token it is, and leave it unused."""
        row = self._connection.execute(
            text(
                "SELECT u.id, u.email, u.verified_at IS NOT NULL, u.role "
                "FROM tokens t JOIN users u ON u.id = t.user_id "
                "WHERE t.value = :token_hash AND t.type = :kind AND t.expires_at > :now"
            ),
            {"kind": kind, "token_hash": token_hash, "now": now},
        ).first()
        return User(*row) if row else None

    def spend_token(self, kind: str, token_hash: str, now: datetime) -> bool:
        """Use a token up. Of racing requests one gets it (S7)."""
        spent = self._connection.execute(
            text(
                "DELETE FROM tokens WHERE value = :token_hash AND type = :kind "
                "AND expires_at > :now"
            ),
            {"kind": kind, "token_hash": token_hash, "now": now},
        )
        return spent.rowcount == 1

    def account(self, user_id: UUID) -> Account | None:
        row = self._connection.execute(text(f"{_ACCOUNT} WHERE id = :id"), {"id": user_id}).first()
        return Account(*row) if row else None

    def remove_tokens(self, user_id: UUID, *kinds: str) -> None:
        """Make a user's unused tokens worthless."""
        self._connection.execute(
            text("DELETE FROM tokens WHERE user_id = :user_id AND type = ANY(:kinds)"),
            {"user_id": user_id, "kinds": list(kinds)},
        )

    def set_password(self, user_id: UUID, password_hash: str) -> int:
        """Set the password; return the session version, which no token has that was given out."""
        return int(
            self._connection.execute(
                text(
                    "UPDATE users SET password_hash = :password_hash, "
                    "session_version = session_version + 1 WHERE id = :id RETURNING session_version"
                ),
                {"id": user_id, "password_hash": password_hash},
            ).scalar_one()
        )

    def replace_password_hash(self, user_id: UUID, old: str, new: str) -> None:
        """Store another hash of the same password, unless the password was changed meanwhile."""
        self._connection.execute(
            text("UPDATE users SET password_hash = :new WHERE id = :id AND password_hash = :old"),
            {"id": user_id, "old": old, "new": new},
        )

    def knows_network(self, user_id: UUID, network: str, since: datetime) -> bool:
        """Say whether the user comes from a network."""
        return bool(
            self._connection.execute(
                text(
                    "SELECT EXISTS (SELECT FROM known_networks WHERE user_id = :user_id "
                    "AND network = :network AND seen_at > :since)"
                ),
                {"user_id": user_id, "network": network, "since": since},
            ).scalar_one()
        )

    def remember_network(self, user_id: UUID, network: str, now: datetime) -> None:
        """Note that the user comes from a network."""
        self._connection.execute(
            text(
                "INSERT INTO known_networks (user_id, network, seen_at) "
                "VALUES (:user_id, :network, :now) "
                "ON CONFLICT (user_id, network) DO UPDATE SET seen_at = EXCLUDED.seen_at"
            ),
            {"user_id": user_id, "network": network, "now": now},
        )

    def known_networks(self, user_id: UUID, *, limit: int) -> list[KnownNetwork]:
        """Return which networks a user comes from, the one seen last first."""
        rows = self._connection.execute(
            text(
                "SELECT network, seen_at FROM known_networks WHERE user_id = :user_id "
                "ORDER BY seen_at DESC LIMIT :limit"
            ),
            {"user_id": user_id, "limit": limit},
        )
        return [KnownNetwork(*row) for row in rows]

    def lock_account(self, user_id: UUID) -> Account | None:
        """Return an account; what changes it or signs it in waits for this transaction's end."""
        row = self._connection.execute(
            text(f"{_ACCOUNT} WHERE id = :id FOR NO KEY UPDATE"), {"id": user_id}
        ).first()
        return Account(*row) if row else None

    def add_session(
        self,
        session_id: UUID,
        user_id: UUID,
        now: datetime,
        expires_at: datetime,
        device: str | None,
        network: str,
    ) -> None:
        self._connection.execute(
            text(
                "INSERT INTO sessions (id, user_id, created_at, expires_at, device, network) "
                "VALUES (:id, :user_id, :now, :expires_at, :device, :network)"
            ),
            {
                "id": session_id,
                "user_id": user_id,
                "now": now,
                "expires_at": expires_at,
                "device": device,
                "network": network,
            },
        )

    def sessions(
        self, user_id: UUID, now: datetime, *, after: UUID | None, limit: int
    ) -> list[SessionOverview]:
        """Return where a user is signed in, newest session first."""
        rows = self._connection.execute(
            text(
                f"{_OVERVIEW} AND revoked_at IS NULL "
                "AND expires_at > :now AND (CAST(:after AS uuid) IS NULL OR id < :after) "
                "ORDER BY id DESC LIMIT :limit"
            ),
            {"user_id": user_id, "now": now, "after": after, "limit": limit},
        )
        return [SessionOverview(*row) for row in rows]

    def all_sessions(self, user_id: UUID, *, limit: int) -> list[SessionOverview]:
        """Return where a user is and was signed in, newest session first."""
        rows = self._connection.execute(
            text(f"{_OVERVIEW} ORDER BY id DESC LIMIT :limit"),
            {"user_id": user_id, "limit": limit},
        )
        return [SessionOverview(*row) for row in rows]

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

    def refreshed_session(self, token_hash: str) -> Session | None:
        """Return the session that a refresh token is of."""
        row = self._connection.execute(
            text(
                f"SELECT {_SESSION} FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id "  # noqa: S608
                "JOIN users u ON u.id = s.user_id WHERE t.hash = :token_hash"
            ),
            {"token_hash": token_hash},
        ).first()
        return Session(*row) if row else None

    def lock_refresh_token(self, token_hash: str) -> RefreshToken | None:
        """Return a token; its session is this transaction's until the end: one exchange a time.

        One that was removed while we waited for the session is none. The session comes first, as
        where tokens are removed.
        """
        row = self._connection.execute(
            text(
                f"SELECT t.generation, s.generation, s.rotated_at, {_SESSION} "  # noqa: S608
                "FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id "
                "JOIN users u ON u.id = s.user_id WHERE t.hash = :token_hash "
                "FOR UPDATE OF s FOR KEY SHARE OF t"
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

    def next_generation(self, session_id: UUID, now: datetime) -> int | None:
        """Begin a session's refresh tokens anew; None when it is over.

        None that was given out is good any more, not even as the repetition of a moment ago.
        """
        generation = self._connection.execute(
            text(
                # two on: an exchange that waited for us must not pass for a repetition either
                "UPDATE sessions SET generation = generation + 2, rotated_at = :now "
                "WHERE id = :id AND revoked_at IS NULL AND expires_at > :now RETURNING generation"
            ),
            {"id": session_id, "now": now},
        ).scalar()
        self._connection.execute(
            text("DELETE FROM refresh_tokens WHERE session_id = :id"), {"id": session_id}
        )
        return generation

    def revoke_session(self, session_id: UUID, user_id: UUID, now: datetime) -> bool:
        """End a session; return False when it is over already, or is not the user's."""
        ended = self._connection.execute(
            text(
                "UPDATE sessions SET revoked_at = :now WHERE id = :id AND user_id = :user_id "
                "AND revoked_at IS NULL AND expires_at > :now"
            ),
            {"id": session_id, "user_id": user_id, "now": now},
        )
        return ended.rowcount == 1

    def revoke_sessions(
        self, user_id: UUID, now: datetime, *, but: UUID | None = None
    ) -> list[UUID]:
        """End all sessions of a user, but for one; return those that were not over yet."""
        return list(
            self._connection.execute(
                text(
                    "UPDATE sessions SET revoked_at = :now WHERE user_id = :user_id "
                    "AND revoked_at IS NULL AND expires_at > :now "
                    "AND id IS DISTINCT FROM CAST(:but AS uuid) RETURNING id"
                ),
                {"user_id": user_id, "now": now, "but": but},
            ).scalars()
        )

    def revoke_oldest_sessions(self, user_id: UUID, now: datetime, *, kept: int) -> list[UUID]:
        """End all of a user's sessions but the newest ones; return those that were not over yet."""
        return list(
            self._connection.execute(
                text(
                    "UPDATE sessions SET revoked_at = :now WHERE id IN "
                    "(SELECT id FROM sessions WHERE user_id = :user_id AND revoked_at IS NULL "
                    "AND expires_at > :now ORDER BY id DESC OFFSET :kept) RETURNING id"
                ),
                {"user_id": user_id, "now": now, "kept": kept},
            ).scalars()
        )

    def two_factor(self, user_id: UUID) -> TwoFactor | None:
        row = self._connection.execute(
            text(
                "SELECT user_id, sealed_secret, enabled_at IS NOT NULL, last_step "
                "FROM two_factor WHERE user_id = :user_id"
            ),
            {"user_id": user_id},
        ).first()
        return TwoFactor(*row) if row else None

    def propose_two_factor(self, user_id: UUID, sealed_secret: str) -> bool:
        """Store a secret that is not asked for yet; return False when one is."""
        stored = self._connection.execute(
            text(
                "INSERT INTO two_factor (user_id, sealed_secret) VALUES (:user_id, :sealed_secret) "
                "ON CONFLICT (user_id) DO UPDATE SET sealed_secret = EXCLUDED.sealed_secret "
                "WHERE two_factor.enabled_at IS NULL"
            ),
            {"user_id": user_id, "sealed_secret": sealed_secret},
        )
        return stored.rowcount == 1

    def enable_two_factor(self, user_id: UUID, now: datetime) -> None:
        self._connection.execute(
            text("UPDATE two_factor SET enabled_at = :now WHERE user_id = :user_id"),
            {"user_id": user_id, "now": now},
        )

    def remove_two_factor(self, user_id: UUID) -> None:
        self._connection.execute(
            text("DELETE FROM two_factor WHERE user_id = :user_id"), {"user_id": user_id}
        )

    def take_time_step(self, user_id: UUID, step: int) -> bool:
        """Use a code's time step up, and all before it. Of racing requests one gets it."""
        taken = self._connection.execute(
            text(
                "UPDATE two_factor SET last_step = :step "
                "WHERE user_id = :user_id AND last_step < :step"
            ),
            {"user_id": user_id, "step": step},
        )
        return taken.rowcount == 1

    def spend_recovery_code(self, user_id: UUID, code_hash: str) -> bool:
        """Use a recovery code up. Of racing requests one gets it."""
        spent = self._connection.execute(
            text("DELETE FROM recovery_codes WHERE user_id = :user_id AND hash = :code_hash"),
            {"user_id": user_id, "code_hash": code_hash},
        )
        return spent.rowcount == 1

    def replace_recovery_codes(self, user_id: UUID, code_hashes: Sequence[str]) -> None:
        self._connection.execute(
            text("DELETE FROM recovery_codes WHERE user_id = :user_id"), {"user_id": user_id}
        )
        self._connection.execute(
            text(
                "INSERT INTO recovery_codes (user_id, hash) "
                "SELECT :user_id, unnest(CAST(:code_hashes AS text[]))"
            ),
            {"user_id": user_id, "code_hashes": list(code_hashes)},
        )

    def managed_users(
        self, part_of_email: str | None, *, after: UUID | None, limit: int
    ) -> list[ManagedUser]:
        """Return users, newest first; only those whose address has the part, if one is given."""
        rows = self._connection.execute(
            text(
                f"{_MANAGED_USER} WHERE (CAST(:part AS text) IS NULL "
                "OR strpos(u.email, CAST(:part AS text)) > 0) "
                "AND (CAST(:after AS uuid) IS NULL OR u.id < :after) "
                "ORDER BY u.id DESC LIMIT :limit"
            ),
            {"part": part_of_email, "after": after, "limit": limit},
        )
        return [ManagedUser(*row) for row in rows]

    def managed_user(self, user_id: UUID) -> ManagedUser | None:
        row = self._connection.execute(
            text(f"{_MANAGED_USER} WHERE u.id = :id"), {"id": user_id}
        ).first()
        return ManagedUser(*row) if row else None

    def managed_user_by_email(self, email: str) -> ManagedUser | None:
        row = self._connection.execute(
            text(f"{_MANAGED_USER} WHERE u.email = :email"), {"email": email}
        ).first()
        return ManagedUser(*row) if row else None

    def lock_users(self, user_ids: Collection[UUID]) -> None:
        """Let what changes these users wait for this transaction's end."""
        self._connection.execute(
            text(
                "SELECT id FROM users WHERE id = ANY(CAST(:ids AS uuid[])) "
                "ORDER BY id FOR NO KEY UPDATE"
            ),
            {"ids": list(user_ids)},
        )

    def lock_admins(self) -> list[UUID]:
        """Return the enabled admins; what changes them waits for this transaction's end."""
        return list(
            self._connection.execute(
                text(
                    "SELECT id FROM users WHERE role = 'admin' AND NOT disabled "
                    "ORDER BY id FOR NO KEY UPDATE"
                )
            ).scalars()
        )

    def change_user(self, user_id: UUID, role: Role, *, disabled: bool) -> None:
        """Change what a user may do; no token that was given out before is good any more."""
        self._connection.execute(
            text(
                "UPDATE users SET role = :role, disabled = :disabled, "
                "session_version = session_version + 1 WHERE id = :id"
            ),
            {"id": user_id, "role": role, "disabled": disabled},
        )

    def delete_user(self, user_id: UUID) -> None:
        """Delete a user with all that hangs on them: sessions, tokens, second factor."""
        self._connection.execute(text("DELETE FROM users WHERE id = :id"), {"id": user_id})

    def remove_old_rows(
        self,
        now: datetime,
        *,
        sessions_ended_before: datetime,
        networks_seen_before: datetime,
        limit: int,
    ) -> int:
        """Remove what is of no use any more, up to a number of rows of each table.

        The refresh tokens of a session go as soon as it is over, the session itself later, so that
        few are left to go with it. Return how many rows were removed.
        """
        statements = (
            "DELETE FROM refresh_tokens WHERE hash IN (SELECT t.hash FROM sessions s "
            "JOIN refresh_tokens t ON t.session_id = s.id "
            "WHERE LEAST(s.expires_at, s.revoked_at) <= :now "
            "LIMIT :limit FOR UPDATE OF t SKIP LOCKED)",
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions "
            "WHERE LEAST(expires_at, revoked_at) < :sessions_ended_before "
            "LIMIT :limit FOR UPDATE SKIP LOCKED)",
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires_at <= :now "
            "LIMIT :limit FOR UPDATE SKIP LOCKED)",
            "DELETE FROM known_networks WHERE (user_id, network) IN "
            "(SELECT user_id, network FROM known_networks WHERE seen_at < :networks_seen_before "
            "LIMIT :limit FOR UPDATE SKIP LOCKED)",
        )
        bounds = {
            "now": now,
            "sessions_ended_before": sessions_ended_before,
            "networks_seen_before": networks_seen_before,
            "limit": limit,
        }
        return sum(
            self._connection.execute(text(statement), bounds).rowcount for statement in statements
        )
