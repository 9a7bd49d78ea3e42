"""The rules of accounts and sessions, without anything around them."""

import contextlib
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from auth_service.domain import RefreshToken, Session, check_new_password, is_reused
from goldalert.errors import InvalidFieldError
from goldalert.ids import new_id

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def token(generation: int, current_generation: int, rotated_at: datetime | None) -> RefreshToken:
    session = Session(new_id(), new_id(), "user", 1, NOW + timedelta(days=1), False, False)
    return RefreshToken(session, generation, current_generation, rotated_at)


@pytest.mark.parametrize(
    ("generation", "current", "since", "reused"),
    [
        (1, 1, None, False),
        (2, 2, timedelta(days=1), False),
        (1, 2, timedelta(0), False),
        (1, 2, timedelta(seconds=10), False),
        (1, 2, timedelta(seconds=10.001), True),
        (1, 3, timedelta(0), True),
    ],
)
def test_a_replaced_token_may_come_again_for_a_moment_while_nothing_newer_was_used(
    generation: int, current: int, since: timedelta | None, reused: bool
) -> None:
    """S5."""
    rotated_at = None if since is None else NOW - since
    assert is_reused(token(generation, current, rotated_at), NOW) is reused


def test_the_domain_loads_no_framework() -> None:
    code = "import sys, auth_service.domain; print('aws_lambda_powertools' in sys.modules)"
    result = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "gold glitters 4 a while",
        "eleven purple elephants",
        "a long and private sentence",
        "w7Kq-93nd-Zz1p-44Xr",
        "}{:;<>?|=-+_*&",
        "  spaces count too  ",
        "дождь над рекой утром",
        "今日は天気がいいですね本当に",
        "🦊🐙🌶🍋🎻🚲🧊🌋🪁🧵🪐🥁",
        "kettle moss violin harbor",
        "tablerivercloudspoon",
        "staple a horse battery today " * 4,
        "x" * 100 + "w7Kq93ndZz1p44Xr",
    ],
)
def test_s1_any_password_that_is_hard_to_guess_is_taken(password: str) -> None:
    check_new_password(password, "ada.lovelace@example.com", "Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    [
        # common and breached ones
        "password1234",
        "p@ssw0rdp@ssw0rd",
        "123456789012",
        "qwertyuiop123",
        "iloveyou iloveyou",
        "aaaaaaaaaaaa",
        "x" * 128,
        "abcabcabcabcabc",
        "zxcvbnm,./zxcvbnm",
        "Passw0rd!Passw0rd!",
        "Dragon2023Dragon2023!",
        "changeme12345!",
        "Summer2024!!!",
        "correcthorsebatterystaple",
        "The quick brown fox!",
        # the address and the name
        "ada.lovelace@example.com",
        "AdaLovelace12",
        "lovelace-ada-1815",
        "Lovelace1815!",
        "ecalevol.example",
        # us
        "goldalert2026",
        "gold price alert",
        "alert gold price 2026",
        "ilovegoldprices",
        "GoldPriceAlert!",
        # the same in the wide letters of an Asian keyboard
        "".join(chr(ord(letter) + 0xFEE0) for letter in "GoldPriceAlert"),
    ],
)
def test_s1_a_password_that_is_soon_guessed_is_refused(password: str) -> None:
    with pytest.raises(InvalidFieldError, match="too easy to guess") as refused:
        check_new_password(password, "ada.lovelace@example.com", "Ada Lovelace")
    assert refused.value.field == "password"


@pytest.mark.parametrize(
    "password", ["w7Kq-93nd-Z", "e\u0301" * 6, "w7Kq93ndZz1p44Xr" * 8 + "x", "\ufdfa" * 12]
)
def test_s1_a_password_has_12_to_128_characters_in_its_normal_form(password: str) -> None:
    with pytest.raises(InvalidFieldError, match="12 to 128") as refused:
        check_new_password(password)
    assert refused.value.field == "password"


@pytest.mark.parametrize("about", [(), ("",), ("a@b.example", "李"), ("x" * 254, "y" * 100)])
def test_s1_whatever_is_known_of_somebody_a_good_password_is_taken(about: tuple[str, ...]) -> None:
    check_new_password("correct horse battery", *about)


@pytest.mark.parametrize(
    "characters", ["4@8({[<369!1|/$50+7%xuz2", "4@({!1|$5+7", "(<{[@4!1|$5+7%x"]
)
def test_s1_no_password_keeps_the_judge_busy(characters: str) -> None:
    """Characters that stand for others made zxcvbn take 9 s for one password."""
    judged = Random(1)  # noqa: S311 - no secret
    worst = 0.0
    for _ in range(10):
        password = "".join(judged.choices(characters, k=128))
        start = time.process_time()
        with contextlib.suppress(InvalidFieldError):
            check_new_password(password, "ada.lovelace@example.com", "Ada Lovelace")
        worst = max(worst, time.process_time() - start)
    assert worst < 1
