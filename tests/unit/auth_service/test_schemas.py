"""What the auth service takes."""

import pytest
from pydantic import ValidationError

from auth_service.schemas import LoginRequest, RegisterRequest

PASSWORD = "correct horse battery"


@pytest.mark.parametrize("email", ["ada@example.com", "a.b+c@sub.example.co.uk", "ü@exämple.de"])
def test_an_address_is_taken(email: str) -> None:
    assert RegisterRequest(email=email, password=PASSWORD).email == email


def test_an_address_is_compared_in_lower_case_without_blanks() -> None:
    assert RegisterRequest(email="  Ada@Example.COM ", password=PASSWORD).email == "ada@example.com"


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
    ],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        RegisterRequest(email=email, password=PASSWORD)


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


def test_a_password_shows_in_no_representation() -> None:
    """S15."""
    request = LoginRequest(email="ada@example.com", password=PASSWORD)
    assert PASSWORD not in repr(request) + request.model_dump_json()
