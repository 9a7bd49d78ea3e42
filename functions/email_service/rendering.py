"""From a template and what it may use to subject, text and HTML: sandboxed Jinja2 and Babel."""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Protocol

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_percent, get_currency_symbol
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from email_service.domain import (
    AlertMail,
    DueMail,
    FailureReason,
    MailContent,
    MailTemplate,
    ResetMail,
    VerificationMail,
    alert_mail,
    reset_mail,
    verification_mail,
)
from email_service.errors import MailRefusedError
from goldalert.events.emails import MailKind
from goldalert.security.sealed import SealBrokenError

MAX_PART_CHARACTERS = 1024 * 1024
"""100 triggers fit, whose notes are 500 characters that HTML writes as five (SES takes 10 MB); a
template that runs away does not."""


class Opener(Protocol):
    """Opens sealed tokens."""

    def open(self, sealed: str) -> str: ...


_VERIFICATIONS: frozenset[MailKind] = frozenset({"welcome", "verification"})

_NO_BREAK_SPACE = "\u00a0"


class Composer:
    """Writes mails.

    Args:
        api_origin: the public base URL of the API, for links.
        sealer: opens the tokens of links.
    """

    def __init__(self, api_origin: str, sealer: Opener) -> None:
        self._api_origin = api_origin
        self._sealer = sealer

    def compose(self, mail: DueMail, template: MailTemplate) -> MailContent:
        """Return what a mail says.

        Raises:
            MailRefusedError: its token cannot be opened, or see `render`.
        """
        if mail.tick is not None:
            values = alert_mail(self._api_origin, mail.tick, mail.triggers, mail.timezone)
            return render(template, values)
        try:
            token = self._sealer.open(mail.sealed_token or "")
        except SealBrokenError as error:
            raise MailRefusedError(FailureReason.TOKEN_UNREADABLE, str(error)) from error
        write = verification_mail if mail.kind in _VERIFICATIONS else reset_mail
        return render(template, write(self._api_origin, mail.name, token))


def render(template: MailTemplate, mail: VerificationMail | ResetMail | AlertMail) -> MailContent:
    """Fill in a template for a reader of its locale.

    Raises:
        MailRefusedError: the template uses what the mail does not have or what the sandbox
            forbids, makes too much, or its subject has more than one line.
    """
    values = {field.name: getattr(mail, field.name) for field in fields(mail)}
    try:
        content = MailContent(
            subject=_fill(template.subject, template.locale, values, autoescape=False),
            text=_fill(template.text, template.locale, values, autoescape=False),
            html=_fill(template.html, template.locale, values, autoescape=True),
        )
    except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
        raise MailRefusedError(FailureReason.CONTENT_REFUSED, f"template: {error}") from error
    return content


def _fill(source: str, locale: str, values: dict[str, object], *, autoescape: bool) -> str:
    parts: list[str] = []
    size = 0
    for part in _compiled(source, locale, autoescape).generate(values):
        size += len(part)
        if size > MAX_PART_CHARACTERS:
            raise ValueError("makes too much")
        parts.append(part)
    return "".join(parts)


@lru_cache(maxsize=64)
def _compiled(source: str, locale: str, autoescape: bool) -> Template:
    """Compile a template: 10 ms, for which a mail need not wait twice."""
    return _environment(locale, autoescape).from_string(source)


@cache
def _environment(locale: str, autoescape: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=autoescape,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "money": lambda amount, currency: money(amount, currency, locale),
        "percent": lambda number: percent(number, locale),
        "moment": lambda time: moment(time, locale),
    }
    return environment


def money(amount: Decimal, currency: str, locale: str) -> str:
    """Return an amount with its currency's sign, such as `$4,389.38`.

    It has all its digits, and at least the currency's decimal places.
    """
    formatted = format_currency(amount, currency, locale=locale, decimal_quantization=False)
    symbol = get_currency_symbol(currency, locale=locale)
    # CLDR puts a space between a number and a sign that is made of letters; Babel does not
    if symbol[-1:].isalpha() and formatted.startswith(symbol) and formatted[len(symbol)].isdigit():
        return f"{symbol}{_NO_BREAK_SPACE}{formatted[len(symbol) :]}"
    return formatted


def percent(number: Decimal, locale: str) -> str:
    """Return a number of percent with two decimal places, such as `0.42%`."""
    return format_percent(number / 100, format="#,##0.00%", locale=locale)


def moment(time: datetime, locale: str) -> str:
    """Return a time to the minute, such as `January 5, 2026, 08:04 UTC` or `… 09:04 UTC+01:00`."""
    day = format_date(time, format="long", locale=locale)
    clock = format_time(time, format="HH:mm", tzinfo=time.tzinfo, locale=locale)
    offset = time.strftime("%:z") if time.utcoffset() else ""
    return f"{day}, {clock} UTC{offset}"
