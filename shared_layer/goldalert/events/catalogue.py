"""Which events exist, which topic each goes to, and how a message becomes one again."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from goldalert.events.alerts import AlertTriggeredV1
from goldalert.events.emails import EmailFailedV1, EmailSentV1
from goldalert.events.envelope import Event
from goldalert.events.prices import PriceUpdatedV1
from goldalert.events.users import (
    EmailVerificationRequestedV1,
    PasswordResetRequestedV1,
    SessionsRevokedV1,
    UserDeletedV1,
    UserEmailVerifiedV1,
    UserErasedV1,
    UserPreferencesChangedV1,
    UserRegisteredV1,
    UserRoleChangedV1,
)

Topic = Literal["users", "prices", "alerts", "notifications", "emails"]

# An event's data differs by type; only its own consumer cares.
AnyEvent = Event[Any]

_TOPICS: dict[type[AnyEvent], Topic] = {
    UserRegisteredV1: "users",
    UserEmailVerifiedV1: "users",
    EmailVerificationRequestedV1: "users",
    PasswordResetRequestedV1: "users",
    UserPreferencesChangedV1: "users",
    UserRoleChangedV1: "users",
    SessionsRevokedV1: "users",
    UserDeletedV1: "users",
    UserErasedV1: "users",
    PriceUpdatedV1: "prices",
    AlertTriggeredV1: "alerts",
    EmailSentV1: "emails",
    EmailFailedV1: "emails",
}


def _key(contract: type[AnyEvent]) -> tuple[str, int]:
    fields = contract.model_fields
    return fields["event_type"].default, fields["event_version"].default


CATALOGUE: dict[tuple[str, int], type[AnyEvent]] = {_key(c): c for c in _TOPICS}
"""Every contract by its type and version."""


class UnknownEventError(Exception):
    """A type or version that this code does not know. The message belongs in the DLQ."""


def topic_of(event: AnyEvent) -> Topic:
    """Return the topic that an event is published on.

    Raises:
        UnknownEventError: the catalogue does not list the event's class.
    """
    try:
        return _TOPICS[type(event)]
    except KeyError:
        raise UnknownEventError(f"{type(event).__name__} is not in the catalogue") from None


class _Head(BaseModel):
    """What must be there before a contract is looked up.

    The id has a default for whoever makes an event; a message without one could not be told from
    its own repetition.
    """

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    event_id: UUID
    event_type: str
    event_version: int


def parse_event(message: str) -> AnyEvent:
    """Return the event that a message carries, as the class of its type and version.

    Raises:
        UnknownEventError: no contract has this type and version.
        ValueError: the message is not an event, or its data breaks the contract.
    """
    head = _Head.model_validate_json(message)
    contract = CATALOGUE.get((head.event_type, head.event_version))
    if contract is None:
        raise UnknownEventError(f"{head.event_type!r} version {head.event_version}")
    return contract.model_validate_json(message)
