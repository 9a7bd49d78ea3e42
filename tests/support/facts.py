"""Events of other services, as a test of their consumer needs them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from goldalert.events.alerts import AlertTriggeredData, AlertTriggeredV1, Channel, Trigger
from goldalert.events.prices import Tick
from goldalert.events.users import (
    UserEmailVerifiedData,
    UserEmailVerifiedV1,
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


def alert_triggered(of: Tick, *triggers: Trigger) -> AlertTriggeredV1:
    return AlertTriggeredV1(
        occurred_at=NOON,
        producer="alert_service",
        correlation_id=CORRELATION_ID,
        data=AlertTriggeredData(tick=of, triggers=list(triggers)),
    )
