"""What the auth service takes."""

import pytest
from pydantic import ValidationError

from auth_service.schemas import GrantAdminRequest, LoginRequest, RegisterRequest
from goldalert.ids import new_id
from tests.support.facts import user_registered

PASSWORD = "correct horse battery"


@pytest.mark.parametrize("email", ["ada@example.com", "a.b+c@sub.example.co.uk", "o'b@x.example"])
def test_an_address_is_taken(email: str) -> None:
    assert RegisterRequest(email=email, password=PASSWORD).email == email


@pytest.mark.parametrize(
    "email",
    [
        "  Ada@EXÄMPLE.de ",
        "ADA@exa\u0308mple.de",
        "ada@xn--EXMPLE-cua.de",
        "ada@ｅｘäｍｐｌｅ.de",
        "ada@exämple。de",
    ],
)
def test_an_address_has_one_form_however_it_is_written(email: str) -> None:
    assert RegisterRequest(email=email, password=PASSWORD).email == "ada@xn--exmple-cua.de"


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@example..com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada eve@example.com",
        "ada@example.com,eve@example.com",
        "Ada <ada@example.com>",
        "a" * 65 + "@example.com",
        "ada@" + "e" * 250 + ".com",
        "a\x00da@example.com",
        # SES does not send there
        "ü@example.com",
        "\u212a@example.com",
        "ada@example.com\u200b",
        "ada@[192.0.2.1]",
        '"ada"@example.com',
        "ada@xn--a.com",
        "ada@" + "ä" * 60 + ".de",
        "a@" * 120,
    ],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError) as refused:
        RegisterRequest(email=email, password=PASSWORD)
    assert [error["loc"] for error in refused.value.errors()] == [("email",)]


@pytest.mark.parametrize("name", ["Ada", "Ada Lovelace", "Åsa 李", "O'Brien", "x" * 100, "👩‍🔬"])
def test_a_name_is_taken(name: str) -> None:
    assert RegisterRequest(email="ada@example.com", password=PASSWORD, name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["A\0da", "Ada\r\nBcc: eve", "A\nda", "A\x1bda", "A\x7fda", "A\u2028da", "", "  ", "x" * 101],
)
def test_what_is_no_line_is_no_name(name: str) -> None:
    """A name goes to databases and mails, where a null character or a line break does harm."""
    with pytest.raises(ValidationError) as refused:
        RegisterRequest(email="ada@example.com", password=PASSWORD, name=name)
    assert [error["loc"] for error in refused.value.errors()] == [("name",)]


@pytest.mark.parametrize("name", ["A\0da", "A\r\nda"])
def test_no_event_tells_a_name_that_consumers_cannot_store(name: str) -> None:
    with pytest.raises(ValidationError):
        user_registered(new_id(), name=name)


@pytest.mark.parametrize(
    ("password", "is_right"), [("x" * 11, 0), ("x" * 12, 1), ("é" * 128, 1), ("x" * 129, 0)]
)
def test_a_password_has_12_to_128_characters(password: str, is_right: int) -> None:
    """S1."""
    if is_right:
        RegisterRequest(email="ada@example.com", password=password)
    else:
        with pytest.raises(ValidationError):
            RegisterRequest(email="ada@example.com", password=password)


@pytest.mark.parametrize("request_model", [RegisterRequest, LoginRequest])
def test_a_password_keeps_its_outer_blanks(
    request_model: type[RegisterRequest | LoginRequest],
) -> None:
    """S1."""
    request = request_model(email="ada@example.com", password="  secret secret  ")
    assert request.password.get_secret_value() == "  secret secret  "


def test_a_name_and_an_address_lose_their_outer_blanks() -> None:
    request = RegisterRequest(email=" ada@example.com\t", password=PASSWORD, name="  Ada ")
    assert (request.email, request.name) == ("ada@example.com", "Ada")


def test_a_password_shows_in_no_representation() -> None:
    """S15."""
    request = LoginRequest(email="ada@example.com", password=PASSWORD)
    assert PASSWORD not in repr(request) + request.model_dump_json()


@pytest.mark.parametrize("request_model", [GrantAdminRequest, LoginRequest])
def test_an_error_quotes_nothing_of_what_was_sent(
    request_model: type[GrantAdminRequest | LoginRequest],
) -> None:
    """S15: a log may show the error."""
    with pytest.raises(ValidationError) as refused:
        request_model.model_validate({"email": "ada.example.com", "pasword": PASSWORD})
    assert not [sent for sent in ("ada", PASSWORD) if sent in str(refused.value)]
