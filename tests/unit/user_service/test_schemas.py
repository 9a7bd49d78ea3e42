"""What the user service takes and refuses."""

import pytest
from pydantic import ValidationError

from user_service.schemas import PreferencesChange, ProfileChange, SettingsChange


@pytest.mark.parametrize(
    ("given", "kept"),
    [("en", "en"), ("de_ch", "de-CH"), ("EN-gb", "en-GB"), ("zh-Hant-TW", "zh-Hant-TW")],
)
def test_a_locale_is_kept_in_its_usual_form(given: str, kept: str) -> None:
    assert ProfileChange(locale=given).locale == kept


@pytest.mark.parametrize("given", ["", "xx", "en-GB-", "../etc", "english", "C", "e" * 36, None])
def test_what_is_no_locale_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        ProfileChange(locale=given)


@pytest.mark.parametrize("given", ["Europe/Zurich", "UTC", "America/Argentina/Buenos_Aires"])
def test_a_zone_of_the_iana_database_is_taken(given: str) -> None:
    assert ProfileChange(timezone=given).timezone == given


@pytest.mark.parametrize(
    "given", ["", "Europe", "europe/zurich", "CEST", "localtime", "../../etc/passwd", None]
)
def test_what_is_no_zone_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        ProfileChange(timezone=given)


@pytest.mark.parametrize(
    "fields",
    [
        {"currency": "usd"},
        {"currency": "XAU"},
        {"currency": None},
        {"unit": "ounce"},
        {"theme": "pink"},
        {"notifications": False},
        {"quiet_hours": "22-07"},
    ],
)
def test_a_wrong_preference_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PreferencesChange.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "n" * 101},
        {"name": "a\0b"},
        {"name": "\ud800"},
        {"bio": "b" * 1001},
        {"bio": "a\0b"},
        {"locale": "en\0"},
        {"timezone": "UTC\0"},
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ProfileChange.model_validate(fields)


def test_privacy_is_one_of_two() -> None:
    with pytest.raises(ValidationError):
        SettingsChange.model_validate({"privacy": "secret"})


def test_a_change_holds_what_was_sent_and_nothing_else() -> None:
    change = ProfileChange.model_validate({"name": None, "locale": "fr"})
    assert change.fields() == {"name": None, "locale": "fr"}
    assert PreferencesChange.model_validate({"unit": "gram"}).fields() == {"unit": "gram"}
    assert SettingsChange.model_validate({}).fields() == {}
