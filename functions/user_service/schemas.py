"""What clients send to the user service and get from it."""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    StrictBool,
    StringConstraints,
    TypeAdapter,
    UrlConstraints,
    model_validator,
)
from pydantic_core import Url

from goldalert.events.users import Digest, PersonName
from goldalert.http.schemas import RequestBody, Text, View, unsent
from goldalert.money import Currency
from goldalert.units import Unit

Theme = Literal["system", "light", "dark"]
Privacy = Literal["private", "public"]

MAX_URL_LENGTH = 2048

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HTTPS_URL = TypeAdapter[Url](
    Annotated[
        Url,
        UrlConstraints(allowed_schemes=["https"], host_required=True, max_length=MAX_URL_LENGTH),
    ]
)


def _check_avatar(value: str) -> str:
    """Return a URL as a browser reads it, which may differ from what was typed."""
    if _CONTROL_CHARACTER.search(value):
        raise ValueError("must not contain control characters")
    url = _HTTPS_URL.validate_python(value)
    if url.username or url.password:
        raise ValueError("must not contain a user name or password")
    if len(str(url)) > MAX_URL_LENGTH:
        raise ValueError(f"must not be longer than {MAX_URL_LENGTH} characters when escaped")
    return str(url)


def _check_locale(value: str) -> str:
    """Return a locale that we have the data of, in the spelling of BCP 47."""
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(value.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError("must be a locale such as en-GB") from None
    variant = locale.variant and locale.variant.lower()
    parts = (locale.language, locale.script, locale.territory, variant)
    return "-".join(part for part in parts if part)


@cache
def _time_zones() -> frozenset[str]:
    # of the package, since the machine's own folder also holds files that are no zones
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


def _check_time_zone(value: str) -> str:
    if value not in _time_zones():
        raise ValueError("must be a zone of the IANA database, such as Europe/Zurich")
    return value


Bio = Annotated[Text, StringConstraints(max_length=1000)]
Avatar = Annotated[
    str,
    StringConstraints(max_length=MAX_URL_LENGTH),
    AfterValidator(_check_avatar),
    Field(json_schema_extra={"format": "uri"}),
]
Locale = Annotated[
    str,
    StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"),
    AfterValidator(_check_locale),
]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_check_time_zone)]
WallTime = Annotated[str, StringConstraints(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Change(RequestBody):
    """A partial change: what is not sent stays as it is."""

    def fields(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude_unset=True)


class QuietHours(RequestBody):
    """No messages from `start` to `end` in the user's time zone; `end` may be on the next day."""

    start: WallTime
    end: WallTime

    @model_validator(mode="after")
    def _must_differ(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end must differ")
        return self


class ProfileChange(Change):
    name: PersonName | None = None
    avatar: Avatar | None = None
    bio: Bio | None = None
    locale: Locale = Field(default_factory=unsent)
    timezone: TimeZone = Field(default_factory=unsent)


class PreferencesChange(Change):
    currency: Currency = Field(default_factory=unsent)
    unit: Unit = Field(default_factory=unsent)
    theme: Theme = Field(default_factory=unsent)
    notifications: StrictBool = Field(default_factory=unsent)
    quiet_hours: QuietHours | None = None
    digest: Digest = Field(default_factory=unsent)


class SettingsChange(Change):
    privacy: Privacy = Field(default_factory=unsent)


class Profile(View):
    name: str | None
    avatar: str | None
    bio: str | None
    locale: str
    timezone: str


class Preferences(View):
    """`notifications` is the master switch: false means no message but about security."""

    currency: Currency
    unit: Unit
    theme: Theme
    notifications: bool
    quiet_hours: QuietHours | None
    digest: Digest


class AccountSettings(View):
    privacy: Privacy


class UserPart(View):
    """What this service holds about the caller; all null before the registration has arrived."""

    profile: Profile | None
    preferences: Preferences | None
    settings: AccountSettings | None


class Export(View):
    """What every service holds about the caller. `missing` names the parts that are not here.

    They are null; the service did not answer, or its part was too large.
    """

    user: UserPart
    auth: JsonValue = None
    alert: JsonValue = None
    email: JsonValue = None
    notification: JsonValue = None
    admin: JsonValue = None
    logging: JsonValue = None
    missing: list[str]
