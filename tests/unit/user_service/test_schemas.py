"""What people may call themselves, live in and show, and what the edge of each rule is."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.template import render
from user_service.schemas import Export, PreferencesChange, ProfileChange


def profile(**fields: Any) -> dict[str, object]:
    return ProfileChange.model_validate(fields).fields()


def is_refused(change: type[ProfileChange | PreferencesChange], **fields: Any) -> bool:
    try:
        change.model_validate(fields)
    except ValidationError as error:
        assert {e["loc"][0] for e in error.errors()} == fields.keys()
        return True
    return False


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://example.com/a.png?s=1#top", "https://example.com/a.png?s=1#top"),
        ("HTTPS://EXAMPLE.com", "https://example.com/"),
        ("https://bücher.example/ä b", "https://xn--bcher-kva.example/%C3%A4%20b"),
        ("https:\\\\example.com\\a", "https://example.com/a"),
        ("https://@example.com/", "https://example.com/"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a"),
        ("https://e.example/" + "a" * 2030, "https://e.example/" + "a" * 2030),
    ],
)
def test_an_avatar_is_kept_as_a_browser_reads_it(typed: str, kept: str) -> None:
    assert profile(avatar=typed) == {"avatar": kept}


@pytest.mark.parametrize(
    "value",
    [
        "http://example.com/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//example.com/a.png",
        "https://",
        "https://ada@example.com/",
        "https://ada:secret@example.com/",
        "https://:secret@example.com/",
        "https://exa\tmple.com/",
        "https://example.com/\r\nX: y",
        "https://example.com/\u2028a",
        "https://example.com:99999/",
        "https://e.example/" + "a" * 2031,
        "https://e.example/" + "ä" * 400,
        "",
        7,
    ],
)
def test_an_avatar_that_is_no_plain_https_url_is_refused(value: object) -> None:
    assert is_refused(ProfileChange, avatar=value)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("de-ch", "de-CH"),
        ("pt_BR", "pt-BR"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("iw", "he-IL"),
        ("es-419", "es-419"),
        ("ca-es-valencia", "ca-ES-valencia"),
    ],
)
def test_a_locale_is_kept_in_its_one_spelling(typed: str, kept: str) -> None:
    assert profile(locale=typed) == {"locale": kept}
    assert profile(locale=kept) == {"locale": kept}


@pytest.mark.parametrize(
    "value",
    ["", "xx", "root", "en-", "de-CH@euro", "en_US.utf8", "en-GB-u-ca-x", "C", "\u0435n", None],
)
def test_a_locale_that_we_have_no_data_of_is_refused(value: object) -> None:
    assert is_refused(ProfileChange, locale=value)


@pytest.mark.parametrize("value", ["Mars/Olympus", "../UTC", "utc", "", "posixrules", None])
def test_what_is_no_time_zone_is_refused(value: object) -> None:
    assert is_refused(ProfileChange, timezone=value)


@pytest.mark.parametrize("value", ["", " ", "Ada\nLovelace", "Ada\x00", "Ada\u2028B", "a" * 101, 7])
def test_a_name_is_one_line_of_up_to_a_hundred_characters(value: object) -> None:
    assert is_refused(ProfileChange, name=value)
    assert profile(name="ゃ" * 100) == {"name": "ゃ" * 100}


@pytest.mark.parametrize(
    "value",
    [
        {"start": "22:00"},
        {"start": "24:00", "end": "07:00"},
        {"start": "22:00:00", "end": "07:00"},
        {"start": "22:00Z", "end": "07:00"},
        {"start": "٢٢:00", "end": "07:00"},
        {"start": 79200, "end": "07:00"},
        {"start": "22:00", "end": "22:00"},
        {"start": "22:00", "end": "07:00", "days": ["mon"]},
        "22:00-07:00",
        [],
    ],
)
def test_quiet_hours_that_say_nothing_clear_are_refused(value: object) -> None:
    assert is_refused(PreferencesChange, quiet_hours=value)


@pytest.mark.parametrize("value", ["true", 1, None])
def test_the_master_switch_is_true_or_false(value: object) -> None:
    assert is_refused(PreferencesChange, notifications=value)


def test_an_export_has_a_place_for_each_service_that_is_asked() -> None:
    """S18."""
    variables = render("prod").functions["UserApiFunction"]["Environment"]["Variables"]
    asked = {
        function["Ref"].removesuffix("InternalFunction").lower()
        for function in variables["EXPORT_FUNCTIONS"]["Fn::Join"][1]
    }
    assert Export.model_fields.keys() - {"user", "missing"} == asked
