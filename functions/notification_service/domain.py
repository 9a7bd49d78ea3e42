"""What a notification says."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from goldalert.events.alerts import Trigger
from goldalert.events.emails import EmailFailedData, EmailSentData, MailKind
from goldalert.events.prices import Origin, Tick
from goldalert.events.users import SessionsRevokedData, UserRegisteredData
from goldalert.events.wording import movement
from goldalert.money import Currency, format_decimal, round_apart

NotificationType = Literal["welcome", "alert_triggered", "email_sent", "email_failed", "security"]


@dataclass(frozen=True)
class NewNotification:
    """A notification to be stored.

    Attributes:
        source: the event or the trigger that it tells of; there is one notification of each.
        data: what programs need to know, as JSON.
    """

    user_id: UUID
    source: UUID
    type: NotificationType
    message: str
    data: dict[str, str | int | None]


_LABELS: dict[Origin, str] = {
    "live": "",
    "simulator": " (simulated price)",
    "replay": " (replayed price)",
}

_FAILURES = {
    "address_bounced": "your address does not exist or refuses our mail",
    "address_suppressed": "your address refused our mail before, so we send it no more",
    "address_refused": "your address cannot take mail from us",
    "mailbox_unavailable": "your mailbox is full or out of reach",
    "complained": "our mail was reported as unwanted, so we send no more",
    "notifications_off": "you had switched your notifications off",
}
_OTHER_FAILURE = "something went wrong on our side"

_MAILS: dict[MailKind, str] = {
    "welcome": "your welcome mail",
    "verification": "the mail with your verification link",
    "password_reset": "the mail with the link to choose a new password",
    "registered_again": "a mail about a registration with your address",
    "alert": "your alert mail",
}

# what somebody does on purpose and knows of, such as a logout, is told by no notification
_REVOCATIONS = {
    "logged_out_everywhere": "You were signed out on all devices. If this was not you, "
    "change your password at once.",
    "password_changed": "Your password was changed, and your other sessions were ended. "
    "If this was not you, choose a new password with the link “forgot password” at once.",
    "password_reset": "A new password was chosen with a link from your mailbox, and all sessions "
    "were ended. If this was not you, secure your mailbox first and then choose a new password.",
    "two_factor_enabled": "Your second factor was switched on, and your other sessions were ended. "
    "If this was not you, contact us at once.",
    "refresh_token_reused": "Somebody used a key of one of your sessions a second time, so that we "
    "ended the session. It may have been copied: change your password, unless you know why.",
    "role_changed": "An administrator changed your role, and all sessions were ended. "
    "Sign in again to go on.",
    "disabled": "An administrator disabled your account, and all sessions were ended. "
    "Contact us if you do not know why.",
}


def welcome(event_id: UUID, user: UserRegisteredData) -> NewNotification:
    return NewNotification(
        user_id=user.user_id,
        source=event_id,
        type="welcome",
        message="Welcome! Verify your address to get your gold price alerts by e-mail, too.",
        data={},
    )


def alert_triggered(tick: Tick, trigger: Trigger) -> NewNotification:
    return NewNotification(
        user_id=trigger.user_id,
        source=trigger.trigger_id,
        type="alert_triggered",
        message=_alert_message(tick, trigger),
        data={
            **trigger.facts(),
            "tick_id": str(tick.tick_id),
            "slot": tick.slot.isoformat(),
            "origin": tick.origin,
            "note": trigger.note,
        },
    )


def email_sent(event_id: UUID, mail: EmailSentData) -> NewNotification:
    return NewNotification(
        user_id=mail.user_id,
        source=event_id,
        type="email_sent",
        message=f"We sent you a mail: {mail.subject}",
        data={"mail_id": str(mail.mail_id), "kind": mail.kind},
    )


def email_failed(event_id: UUID, mail: EmailFailedData) -> NewNotification:
    reason = _FAILURES.get(mail.reason, _OTHER_FAILURE)
    return NewNotification(
        user_id=mail.user_id,
        source=event_id,
        type="email_failed",
        message=f"We could not send you {_MAILS[mail.kind]}: {reason}.",
        data={"mail_id": str(mail.mail_id), "kind": mail.kind, "reason": mail.reason},
    )


def sessions_revoked(event_id: UUID, revoked: SessionsRevokedData) -> NewNotification | None:
    """Say what ended a user's sessions and what to do, or None when they need not be told."""
    message = _REVOCATIONS.get(revoked.reason)
    if message is None:
        return None
    return NewNotification(
        user_id=revoked.user_id,
        source=event_id,
        type="security",
        message=message,
        data={"reason": revoked.reason},
    )


def _alert_message(tick: Tick, trigger: Trigger) -> str:
    currency = Currency(trigger.currency)
    price, threshold = round_apart(trigger.price, trigger.threshold, currency)
    # what the user entered is shown as it was entered
    shown = format_decimal(trigger.threshold) if trigger.reference is None else f"{threshold:f}"
    fineness = "" if trigger.karat == 24 else f" of {trigger.karat} karat"
    return (
        f"Gold {movement(trigger)} {shown} {currency}: "
        f"now {price:f} {currency} per {trigger.unit.replace('_', ' ')}{fineness}"
        f"{_LABELS[tick.origin]}."
    )
