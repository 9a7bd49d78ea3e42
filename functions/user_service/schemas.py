"""What clients send to the user service and get from it."""

from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from goldalert.http.schemas import RequestBody, Text, View
from goldalert.money import Currency
from goldalert.units import Unit

Theme = Literal["system", "light", "dark"]
Privacy = Literal["private", "public"]


def _check_locale(value: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(value.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError("must be a locale such as en-GB") from None
    return str(locale).replace("_", "-")


@cache
def _time_zones() -> frozenset[str]:
    # of the package, since the machine's own folder also holds files that are no zones
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


def _check_time_zone(value: str) -> str:
    if value not in _time_zones():
        raise ValueError("must be a zone of the IANA database, such as Europe/Zurich")
    return value


Name = Annotated[Text, StringConstraints(min_length=1, max_length=100)]
Bio = Annotated[Text, StringConstraints(max_length=1000)]
Locale = Annotated[str, StringConstraints(max_length=35), AfterValidator(_check_locale)]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_check_time_zone)]


class Change(RequestBody):
    """A partial change: what is not sent stays as it is."""

    def fields(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude_unset=True)


def _unsent() -> Any:
    """Make a field optional without allowing a null: defaults are not validated, nor sent on."""
    return None


class ProfileChange(Change):
    name: Name | None = None
    bio: Bio | None = None
    locale: Locale = Field(default_factory=_unsent)
    timezone: TimeZone = Field(default_factory=_unsent)


class PreferencesChange(Change):
    currency: Currency = Field(default_factory=_unsent)
    unit: Unit = Field(default_factory=_unsent)
    theme: Theme = Field(default_factory=_unsent)


class SettingsChange(Change):
    privacy: Privacy = Field(default_factory=_unsent)


class Profile(View):
    name: str | None
    bio: str | None
    locale: str
    timezone: str


class Preferences(View):
    currency: Currency
    unit: Unit
    theme: Theme


class AccountSettings(View):
    privacy: Privacy
