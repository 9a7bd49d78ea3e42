"""The second factor: codes of an app and recovery codes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from auth_service.errors import (
    TotpRequiredError,
    WrongCodeError,
    WrongCredentialsError,
    WrongPasswordError,
)
from auth_service.gateways import TimeCodes
from auth_service.schemas import (
    TwoFactorProof,
    TwoFactorSetup,
)
from auth_service.use_cases import two_factor
from goldalert.errors import ConflictError
from goldalert.rate_limiting import RateLimit
from goldalert.security.sealed import EventKey, Sealer
from tests.support.accounts import PASSWORD, Auth, NoThrottle, PlainPasswords, race

WINDOW = timedelta(seconds=30)


@pytest.fixture
def auth(auth: Auth) -> Auth:
    auth.codes = TimeCodes(Sealer(EventKey(keys=[SecretStr(Fernet.generate_key().decode())])))
    auth.register()
    auth.verify_email(auth.verification_token())
    return auth


@pytest.fixture
def user_id(auth: Auth) -> UUID:
    return auth.login().user_id


def set_up(auth: Auth, user_id: UUID) -> TwoFactorSetup:
    return two_factor.set_up(auth.unit_of_work, auth.codes, user_id=user_id)


def enable(auth: Auth, user_id: UUID, code: str, password: str = PASSWORD) -> list[str]:
    return auth.enable_two_factor(user_id, code, password)


def disable(auth: Auth, user_id: UUID, code: str, password: str = PASSWORD) -> None:
    two_factor.disable(
        auth.unit_of_work,
        auth.clock,
        auth.passwords,
        auth.codes,
        auth.throttle,
        user_id=user_id,
        request=TwoFactorProof(password=SecretStr(password), code=code),
    )


def renew(auth: Auth, user_id: UUID, code: str, password: str = PASSWORD) -> list[str]:
    return two_factor.renew_recovery_codes(
        auth.unit_of_work,
        auth.clock,
        auth.passwords,
        auth.codes,
        auth.throttle,
        user_id=user_id,
        request=TwoFactorProof(password=SecretStr(password), code=code),
    ).recovery_codes


class App:
    """An authenticator app that has the secret, and the recovery codes on paper."""

    def __init__(self, auth: Auth, user_id: UUID) -> None:
        self._auth = auth
        self._totp = pyotp.TOTP(set_up(auth, user_id).secret)
        self.recovery_codes = enable(auth, user_id, self.code())
        auth.clock.time += WINDOW

    def code(self) -> str:
        return self._totp.at(self._auth.clock.now())


@pytest.fixture
def app(auth: Auth, user_id: UUID) -> App:
    return App(auth, user_id)


def test_nothing_is_asked_for_until_a_first_code_was_right(auth: Auth, user_id: UUID) -> None:
    secret = set_up(auth, user_id).secret
    assert auth.login()
    wrong = pyotp.TOTP(pyotp.random_base32()).at(auth.clock.now())
    with pytest.raises(WrongCodeError):
        enable(auth, user_id, wrong)
    assert auth.login()
    assert len(set(enable(auth, user_id, pyotp.TOTP(secret).at(auth.clock.now())))) == 10
    with pytest.raises(TotpRequiredError):
        auth.login()


def test_the_uri_is_one_that_apps_read(auth: Auth, user_id: UUID) -> None:
    made = set_up(auth, user_id)
    parsed = pyotp.parse_uri(made.otpauth_uri)
    assert (parsed.secret, parsed.name, parsed.issuer) == (
        made.secret,
        "ada@example.com",
        "Gold Price Alert",
    )


def test_a_second_set_up_replaces_the_secret_until_it_is_on(auth: Auth, user_id: UUID) -> None:
    first, second = set_up(auth, user_id).secret, set_up(auth, user_id).secret
    with pytest.raises(WrongCodeError):
        enable(auth, user_id, pyotp.TOTP(first).at(auth.clock.now()))
    code = pyotp.TOTP(second).at(auth.clock.now())
    enable(auth, user_id, code)
    with pytest.raises(ConflictError) as refused:
        set_up(auth, user_id)
    assert refused.value.code == "two_factor_on"
    with pytest.raises(ConflictError):
        enable(auth, user_id, code)


def test_switching_it_on_takes_the_password(auth: Auth, user_id: UUID) -> None:
    code = pyotp.TOTP(set_up(auth, user_id).secret).at(auth.clock.now())
    with pytest.raises(WrongPasswordError):
        enable(auth, user_id, code, "wrong password!")
    assert enable(auth, user_id, code)


def test_switching_it_on_ends_the_sessions_that_began_without_it(auth: Auth) -> None:
    other, own = [auth.claims(auth.login().access_token) for _ in range(2)]
    code = pyotp.TOTP(set_up(auth, own.user_id).secret).at(auth.clock.now())
    enable(auth, own.user_id, code)
    assert (auth.allows(own), auth.allows(other)) == (True, False)
    assert auth.session_cache.denied == {other.session_id}  # type: ignore[attr-defined]
    told = auth.events()[-1].data
    assert (told.reason, told.session_ids) == ("two_factor_enabled", (other.session_id,))


def test_it_is_not_on_before_it_was_set_up(auth: Auth, user_id: UUID) -> None:
    with pytest.raises(ConflictError) as refused:
        enable(auth, user_id, "123456")
    assert refused.value.code == "two_factor_not_set_up"
    for action in (disable, renew):
        with pytest.raises(ConflictError) as refused:
            action(auth, user_id, "123456")
        assert refused.value.code == "two_factor_off"


def test_a_login_takes_password_and_code(auth: Auth, app: App) -> None:
    with pytest.raises(TotpRequiredError):
        auth.login()
    with pytest.raises(WrongCredentialsError):
        auth.login(totp="000000" if app.code() != "000000" else "000001")
    with pytest.raises(WrongCredentialsError):
        auth.login(password="wrong password!", totp=app.code())
    assert auth.login(totp=app.code())


def test_a_wrong_password_does_not_tell_that_a_code_is_asked_for(auth: Auth, app: App) -> None:
    """S2."""
    with pytest.raises(WrongCredentialsError):
        auth.login(password="wrong password!")


@pytest.mark.parametrize(("late", "good"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_code_may_be_half_a_minute_off(auth: Auth, app: App, late: int, good: bool) -> None:
    auth.clock.time += 10 * WINDOW
    code = app.code()
    auth.clock.time += late * WINDOW
    if good:
        assert auth.login(totp=code)
    else:
        with pytest.raises(WrongCredentialsError):
            auth.login(totp=code)


def test_a_code_is_good_once_and_so_are_those_before_it(auth: Auth, app: App) -> None:
    """S7."""
    before = app.code()
    auth.clock.time += WINDOW
    code = app.code()
    auth.login(totp=code)
    for replayed in (code, before):
        with pytest.raises(WrongCredentialsError):
            auth.login(totp=replayed)
    auth.clock.time += WINDOW
    assert auth.login(totp=app.code())


def test_the_code_that_switched_it_on_is_used_up(auth: Auth, user_id: UUID) -> None:
    code = pyotp.TOTP(set_up(auth, user_id).secret).at(auth.clock.now())
    enable(auth, user_id, code)
    with pytest.raises(WrongCredentialsError):
        auth.login(totp=code)


def test_a_recovery_code_is_good_once(auth: Auth, app: App) -> None:
    """S7."""
    auth.login(totp=app.recovery_codes[0])
    with pytest.raises(WrongCredentialsError):
        auth.login(totp=app.recovery_codes[0])
    # however somebody types it
    assert auth.login(totp=app.recovery_codes[1].lower().replace("-", " "))


@pytest.mark.parametrize("kind", ["time code", "recovery code"])
def test_of_twenty_racing_logins_with_one_code_one_wins(auth: Auth, app: App, kind: str) -> None:
    """S7."""
    code = app.code() if kind == "time code" else app.recovery_codes[0]

    def sign_in(own: Auth) -> bool:
        try:
            own.login(totp=code)
        except WrongCredentialsError:
            return False
        return True

    assert sorted(race(auth, 20, sign_in)) == [False] * 19 + [True]


def test_switching_it_off_takes_the_password_and_a_code(
    auth: Auth, app: App, user_id: UUID
) -> None:
    with pytest.raises(WrongPasswordError):
        disable(auth, user_id, app.code(), "wrong password!")
    with pytest.raises(WrongCodeError):
        disable(auth, user_id, "AAAA-AAAA-AAAA-AAAA")
    disable(auth, user_id, app.code())
    assert auth.login()
    assert set_up(auth, user_id)


def test_new_recovery_codes_replace_the_old_ones(auth: Auth, app: App, user_id: UUID) -> None:
    with pytest.raises(WrongCodeError):
        renew(auth, user_id, "AAAA-AAAA-AAAA-AAAA")
    with pytest.raises(WrongPasswordError):
        renew(auth, user_id, app.code(), "wrong password!")
    new = renew(auth, user_id, app.recovery_codes[0])
    assert len(set(new) - set(app.recovery_codes)) == 10
    with pytest.raises(WrongCredentialsError):
        auth.login(totp=app.recovery_codes[1])
    assert auth.login(totp=new[0])


def test_neither_secret_nor_recovery_code_is_stored_in_clear(auth: Auth, user_id: UUID) -> None:
    """S15."""
    made = set_up(auth, user_id)
    codes = enable(auth, user_id, pyotp.TOTP(made.secret).at(auth.clock.now()))
    with auth.engine.begin() as connection:
        stored = " ".join(
            connection.execute(
                text("SELECT sealed_secret FROM two_factor UNION SELECT hash FROM recovery_codes")
            ).scalars()
        )
    assert made.secret not in stored
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]


def test_wrong_proofs_are_counted_and_right_ones_wipe_them_out(
    auth: Auth, app: App, user_id: UUID
) -> None:
    """S3: an access token that was stolen is no way to guess the password or a code."""
    counted: list[str] = []

    class Counting(NoThrottle):
        def take(self, limit: RateLimit, *who: str) -> None:
            counted.append(f"+{limit.name}")

        def forgive(self, limit: RateLimit, *who: str) -> None:
            counted.append(f"-{limit.name}")

    auth.throttle = Counting()
    wrong, wrong_password = "AAAA-AAAA-AAAA-AAAA", "wrong password!"
    right_password = ["+passwords", "-passwords"]
    attempts: list[tuple[Callable[[], object], list[str]]] = [
        (lambda: renew(auth, user_id, wrong), [*right_password, "+codes"]),
        (lambda: renew(auth, user_id, app.code(), wrong_password), ["+passwords"]),
        (lambda: disable(auth, user_id, wrong), [*right_password, "+codes"]),
        (lambda: disable(auth, user_id, app.code(), wrong_password), ["+passwords"]),
        (lambda: enable(auth, user_id, wrong), []),
        (
            lambda: renew(auth, user_id, app.recovery_codes[0]),
            [*right_password, "+codes", "-codes"],
        ),
        (lambda: disable(auth, user_id, app.code()), [*right_password, "+codes", "-codes"]),
        (lambda: renew(auth, user_id, wrong, wrong_password), []),
        (lambda: disable(auth, user_id, wrong, wrong_password), []),
        (lambda: enable(auth, user_id, wrong), []),
        (
            lambda: (set_up(auth, user_id), enable(auth, user_id, "000000")),
            [*right_password, "+codes"],
        ),
        (lambda: enable(auth, user_id, "000000", wrong_password), ["+passwords"]),
    ]
    for attempt, expected in attempts:
        counted.clear()
        try:
            attempt()
        except (ConflictError, WrongCodeError, WrongPasswordError):
            pass
        assert counted == expected


@pytest.mark.parametrize("action", [disable, renew])
def test_a_password_that_was_changed_meanwhile_proves_nothing(
    auth: Auth, app: App, user_id: UUID, action: Callable[..., object]
) -> None:
    class SlowPasswords(PlainPasswords):
        def verify(self, password: str, password_hash: str | None) -> bool:
            with auth.engine.begin() as connection:
                connection.execute(text("UPDATE users SET session_version = session_version + 1"))
            return True

    auth.passwords = SlowPasswords()
    with pytest.raises(WrongPasswordError):
        action(auth, user_id, app.code())
    with pytest.raises(TotpRequiredError):
        replace(auth, passwords=PlainPasswords()).login()
