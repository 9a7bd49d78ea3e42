"""Events of other services, as a test of their consumer needs them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from goldalert.events.alerts import AlertTriggeredData, AlertTriggeredV1, Channel, Trigger
from goldalert.events.prices import Tick
from goldalert.events.users import (
    EmailVerificationRequestedData,
    EmailVerificationRequestedV1,
    PasswordResetRequestedData,
    PasswordResetRequestedV1,
    SessionsRevokedData,
    SessionsRevokedV1,
    UserDeletedData,
    UserDeletedV1,
    UserEmailVerifiedData,
    UserEmailVerifiedV1,
    UserPreferencesChangedData,
    UserPreferencesChangedV1,
    UserRegisteredData,
    UserRegisteredV1,
)
from goldalert.ids import new_id

NOON = datetime(2026, 1, 5, 12, 5, tzinfo=UTC)
CORRELATION_ID = "from-the-very-start"


def tick(**changes: Any) -> Tick:
    facts: dict[str, Any] = {
        "tick_id": new_id(),
        "sequence": 7,
        "slot": NOON,
        "state": "fresh",
        "origin": "live",
        "sources": ["swissquote", "gold-api"],
        "counted": 2,
        "agreeing": 2,
    }
    return Tick(**facts | changes)


def trigger(user_id: UUID, **changes: Any) -> Trigger:
    channels: list[Channel] = ["email", "in_app"]
    facts: dict[str, Any] = {
        "trigger_id": new_id(),
        "alert_id": new_id(),
        "user_id": user_id,
        "alert_type": "above",
        "threshold": Decimal("4400"),
        "price": Decimal("4412.104"),
        "currency": "USD",
        "unit": "troy_ounce",
        "karat": 24,
        "channels": channels,
    }
    return Trigger(**facts | changes)


def user_registered(
    user_id: UUID,
    *,
    email: str = "ada@example.com",
    name: str | None = "Ada",
    sealed_token: str = "sealed",  # noqa: S107 - no token at all
) -> UserRegisteredV1:
    return UserRegisteredV1(
        occurred_at=NOON,
        producer="auth_service",
        correlation_id=CORRELATION_ID,
        data=UserRegisteredData(
            user_id=user_id, email=email, name=name, sealed_verification_token=sealed_token
        ),
    )


def user_email_verified(user_id: UUID, *, email: str = "ada@example.com") -> UserEmailVerifiedV1:
    return UserEmailVerifiedV1(
        occurred_at=NOON,
        producer="auth_service",
        correlation_id=CORRELATION_ID,
        data=UserEmailVerifiedData(user_id=user_id, email=email),
    )


def email_verification_requested(
    user_id: UUID, *, sealed_token: str
) -> EmailVerificationRequestedV1:
    return EmailVerificationRequestedV1(
        occurred_at=NOON,
        producer="auth_service",
        correlation_id=CORRELATION_ID,
        data=EmailVerificationRequestedData(
            user_id=user_id, sealed_verification_token=sealed_token
        ),
    )


def password_reset_requested(
    user_id: UUID | None,
    *,
    sealed_token: str,
    reason: Literal["forgotten", "registered_again"] = "forgotten",
) -> PasswordResetRequestedV1:
    return PasswordResetRequestedV1(
        occurred_at=NOON,
        producer="auth_service",
        correlation_id=CORRELATION_ID,
        data=PasswordResetRequestedData(
            user_id=user_id, sealed_reset_token=sealed_token, reason=reason
        ),
    )


def user_preferences_changed(user_id: UUID, **changes: Any) -> UserPreferencesChangedV1:
    facts: dict[str, Any] = {
        "version": 1,
        "name": "Ada",
        "locale": "en",
        "timezone": "UTC",
        "notifications": True,
        "digest": "off",
    }
    return UserPreferencesChangedV1(
        occurred_at=NOON,
        producer="user_service",
        correlation_id=CORRELATION_ID,
        data=UserPreferencesChangedData(user_id=user_id, **facts | changes),
    )


def sessions_revoked(user_id: UUID, reason: str, **changes: Any) -> SessionsRevokedV1:
    return SessionsRevokedV1(
        occurred_at=NOON,
        producer="auth_service",
        correlation_id=CORRELATION_ID,
        data=SessionsRevokedData.model_validate({"user_id": user_id, "reason": reason, **changes}),
    )


def user_deleted(user_id: UUID) -> UserDeletedV1:
    return UserDeletedV1(
        occurred_at=NOON,
        producer="auth_service",
        correlation_id=CORRELATION_ID,
        data=UserDeletedData(user_id=user_id),
    )


def alert_triggered(of: Tick, *triggers: Trigger) -> AlertTriggeredV1:
    return AlertTriggeredV1(
        occurred_at=NOON,
        producer="alert_service",
        correlation_id=CORRELATION_ID,
        data=AlertTriggeredData(tick=of, triggers=list(triggers)),
    )
