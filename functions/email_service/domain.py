"""Rules of mails: what a mail says, and what each piece of evidence makes of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from goldalert.events.alerts import Trigger
from goldalert.events.emails import MailKind
from goldalert.events.prices import Origin, Tick
from goldalert.events.wording import movement
from goldalert.money import Currency, format_decimal, round_apart

MailStatus = Literal[
    "queued",
    "held",
    "sending",
    "sent",
    "delivered",
    "bounced",
    "complained",
    "suppressed",
    "failed",
]


class FailureReason(StrEnum):
    """Why a mail was given up. The values are stable: programs read them."""

    ADDRESS_SUPPRESSED = "address_suppressed"
    ADDRESS_REFUSED = "address_refused"
    ADDRESS_BOUNCED = "address_bounced"
    MAILBOX_UNAVAILABLE = "mailbox_unavailable"
    COMPLAINED = "complained"
    CONTENT_REFUSED = "content_refused"
    TOKEN_UNREADABLE = "token_unreadable"  # noqa: S105 - a reason
    NOTIFICATIONS_OFF = "notifications_off"


@dataclass(frozen=True)
class DueMail:
    """A mail that this worker holds. An alert mail has a tick and triggers, any other one a token.

    Attributes:
        suppressed: whether the address may get no mail at all.
        notifications: whether the user wants to be told of anything but their account.
        timezone: of the IANA database.
    """

    id: UUID
    user_id: UUID
    kind: MailKind
    recipient: str
    name: str | None
    suppressed: bool
    notifications: bool
    timezone: str
    correlation_id: str
    sealed_token: str | None
    tick: Tick | None
    triggers: list[Trigger]


@dataclass(frozen=True)
class StoredMail:
    """A mail of the ledger, whatever became of it. `subject` is empty before the first attempt."""

    id: UUID
    user_id: UUID
    kind: MailKind
    status: MailStatus
    recipient: str
    subject: str
    correlation_id: str


class MailTemplate(BaseModel):
    """A template as it is stored, and kept in Redis."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    locale: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class MailContent:
    """What a mail says."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class OutgoingMail:
    """A mail on its way out. Its evidence comes back with the tags."""

    mail_id: UUID
    alert_ids: list[UUID]
    recipient: str
    content: MailContent


def obstacle(mail: DueMail) -> FailureReason | None:
    """Say why a mail may not be sent now, or None.

    Mails about the account are sent whatever its user wants to be told of.
    """
    if mail.suppressed:
        return FailureReason.ADDRESS_SUPPRESSED
    if mail.kind == "alert" and not mail.notifications:
        return FailureReason.NOTIFICATIONS_OFF
    return None


# --- what a mail says -----------------------------------------------------------------------------


@dataclass(frozen=True)
class AlertLine:
    """One trigger as the mail tells of it.

    Attributes:
        movement: what the price did to the threshold, such as `rose above`.
        price: rounded for people, as are the threshold, the distance and the reference.
        threshold: the price that was reached.
        threshold_name: what it is, such as `2% above`, which the reference is then.
        gold: what was priced, such as `troy ounce of fine gold`.
        distance: from the threshold to the price, never negative.
        distance_percent: the same, in percent of the threshold.
        lower: the range's lower end; None where there is no range.
        upper: its upper end.
        reference: the price that a percentage is measured against, such as a peak, unless it is
            the threshold itself.
        reference_name: what it is, such as `Peak`; None where there is no reference.
    """

    movement: str
    price: Decimal
    threshold: Decimal
    threshold_name: str
    currency: str
    gold: str
    distance: Decimal
    distance_percent: Decimal
    lower: Decimal | None
    upper: Decimal | None
    reference: Decimal | None
    reference_name: str | None
    note: str | None
    link: str


@dataclass(frozen=True)
class VerificationMail:
    """What the templates `welcome` and `verification` may use."""

    name: str | None
    verification_link: str


@dataclass(frozen=True)
class ResetMail:
    """What the templates `password_reset` and `registered_again` may use."""

    name: str | None
    reset_link: str


@dataclass(frozen=True)
class AlertMail:
    """What the template of the alert mail may use.

    Attributes:
        triggered_at: in the reader's time zone.
        label: `Simulated` or `Replay` when the price is not a real one of now, else None.
        caution: says so in a sentence.
        sources: the names of the sources that counted.
    """

    alerts: list[AlertLine]
    triggered_at: datetime
    sources: str
    counted: int
    agreeing: int
    label: str | None
    caution: str | None


# a link or an address, whole or without its scheme, and characters that no name has
_NO_NAME = re.compile(r"[/\\@:<>]|\.\w|\bwww\b|[\x00-\x1f\x7f-\x9f\u2028\u2029]", re.IGNORECASE)
_MAX_NAME = 50

_WINDOWS: Mapping[str, str] = {"1h": "1 hour", "24h": "1 day", "7d": "7 days"}
"""As short as the column of the plain text is."""

_LABELS: dict[Origin, tuple[str | None, str | None]] = {
    "live": (None, None),
    "simulator": ("Simulated", "This price was simulated. It is not a real market price."),
    "replay": (
        "Replay",
        "This price was replayed from recorded history. It is not a market price of now.",
    ),
}


def greeting_name(name: str | None) -> str | None:
    """Return the name if it reads like one, else None.

    The mail goes to an address that nobody has verified: a name such as `Win at evil.example/x`
    would make it a carrier of other people's advertisements.
    """
    if not name or len(name) > _MAX_NAME or _NO_NAME.search(name):
        return None
    return name


def verification_mail(api_origin: str, name: str | None, token: str) -> VerificationMail:
    return VerificationMail(
        name=greeting_name(name),
        verification_link=f"{api_origin}/auth/verify-email?token={quote(token, safe='')}",
    )


def reset_mail(api_origin: str, name: str | None, token: str) -> ResetMail:
    return ResetMail(
        name=greeting_name(name),
        reset_link=f"{api_origin}/auth/password/reset?token={quote(token, safe='')}",
    )


def alert_mail(api_origin: str, tick: Tick, triggers: list[Trigger], timezone: str) -> AlertMail:
    label, caution = _LABELS[tick.origin]
    return AlertMail(
        alerts=[_alert_line(api_origin, trigger) for trigger in triggers],
        triggered_at=tick.slot.astimezone(ZoneInfo(timezone)),
        sources=", ".join(tick.sources),
        counted=tick.counted,
        agreeing=tick.agreeing,
        label=label,
        caution=caution,
    )


def _alert_line(api_origin: str, trigger: Trigger) -> AlertLine:
    currency = Currency(trigger.currency)
    price, threshold = round_apart(trigger.price, trigger.threshold, currency)
    part = Decimal(0)
    if trigger.threshold:
        part = abs(trigger.price - trigger.threshold) / trigger.threshold
    reference = reference_name = None
    if trigger.reference is not None and trigger.reference != trigger.threshold:
        reference, _ = round_apart(trigger.reference, trigger.price, currency)
        reference_name = _reference_name(trigger)
    return AlertLine(
        movement=movement(trigger),
        price=price,
        threshold=threshold,
        threshold_name=_threshold_name(trigger),
        currency=trigger.currency,
        gold=_gold(trigger.unit, trigger.karat),
        distance=abs(price - threshold),
        distance_percent=part * 100,
        lower=trigger.lower,
        upper=trigger.upper,
        reference=reference,
        reference_name=reference_name,
        note=trigger.note,
        link=f"{api_origin}/alert/{trigger.alert_id}",
    )


def _threshold_name(trigger: Trigger) -> str:
    percent = trigger.percent
    match trigger.alert_type:
        case "percent_change" if percent is not None:
            return f"{format_decimal(abs(percent))}% {'above' if percent > 0 else 'below'}"
        case "trailing" if percent is not None:
            return f"{format_decimal(percent)}% below"
        case "sma_cross":
            return "Average"
        case _:
            return "Threshold"


def _reference_name(trigger: Trigger) -> str:
    match trigger.alert_type:
        case "percent_change" if trigger.window is not None:
            return f"{_WINDOWS.get(trigger.window, trigger.window)} ago"
        case "trailing":
            return "Peak"
        case _:
            return "Reference"


def _gold(unit: str, karat: int) -> str:
    fineness = "fine gold" if karat == 24 else f"{karat} karat gold"
    return f"{unit.replace('_', ' ')} of {fineness}"


# --- what evidence makes of a mail ----------------------------------------------------------------

EvidenceType = Literal["send", "delivery", "bounce", "complaint", "reject"]


@dataclass(frozen=True)
class Evidence:
    """What SES tells of a mail.

    Attributes:
        permanent: of a bounce, whether the address will never take mail.
    """

    type: EvidenceType
    mail_id: UUID
    ses_message_id: str
    occurred_at: datetime
    permanent: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a piece of evidence makes of a mail.

    Attributes:
        status: the mail's new status.
        newly_sent: SES is now known to have taken it.
        failure: why it is now given up, if it is.
    """

    status: MailStatus
    newly_sent: bool
    failure: FailureReason | None


_UNSENT: frozenset[MailStatus] = frozenset({"queued", "held", "sending"})
_GIVEN_UP: frozenset[MailStatus] = frozenset({"bounced", "complained", "failed", "suppressed"})

_STATUS_AFTER: dict[EvidenceType, MailStatus] = {
    "send": "sent",
    "delivery": "delivered",
    "bounce": "bounced",
    "complaint": "complained",
    "reject": "failed",
}

# Evidence comes in any order and more than once: a mail only ever moves up.
_RANK: dict[MailStatus, int] = {
    "queued": 0,
    "held": 0,
    "sending": 0,
    "sent": 1,
    "delivered": 2,
    "bounced": 3,
    "failed": 3,
    "suppressed": 3,
    "complained": 4,
}


def judge(status: MailStatus, evidence: Evidence) -> Verdict | None:
    """Say what evidence makes of a mail, or None when it tells nothing new."""
    new_status = _STATUS_AFTER[evidence.type]
    if _RANK[new_status] <= _RANK[status]:
        return None
    is_given_up = new_status in _GIVEN_UP and status not in _GIVEN_UP
    return Verdict(
        status=new_status,
        newly_sent=status in _UNSENT and evidence.type != "reject",
        failure=_failure(evidence) if is_given_up else None,
    )


def suppresses(evidence: Evidence) -> bool:
    """Say whether the address may get no more mail."""
    return evidence.type == "complaint" or (evidence.type == "bounce" and evidence.permanent)


def _failure(evidence: Evidence) -> FailureReason | None:
    match evidence.type:
        case "bounce" if evidence.permanent:
            return FailureReason.ADDRESS_BOUNCED
        case "bounce":
            return FailureReason.MAILBOX_UNAVAILABLE
        case "complaint":
            return FailureReason.COMPLAINED
        case "reject":
            return FailureReason.CONTENT_REFUSED
        case _:
            return None
