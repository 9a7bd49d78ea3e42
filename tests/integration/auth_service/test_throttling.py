"""How often strangers may try, counted in a real Redis (S3)."""

import base64
from collections.abc import Callable
from uuid import UUID

import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import QueuePool

from auth_service.errors import SessionEndedError, TokenRefusedError, WrongCredentialsError
from auth_service.gateways import Pepper
from auth_service.gateways import Throttle as RedisThrottle
from auth_service.throttling import (
    FORGOT_NETWORK,
    FORGOT_OVERALL,
    LOGIN_ADDRESS,
    LOGIN_HERE,
    LOGIN_NETWORK,
    LOGIN_OVERALL,
    MAILS_TO_ADDRESS,
    MAILS_TO_ADDRESS_DAILY,
    PASSWORDS,
    REFRESHES,
    REGISTER_NETWORK,
    REGISTER_OVERALL,
    TOKENS_NETWORK,
    TOKENS_OVERALL,
)
from goldalert.cache.client import RedisDatabase
from goldalert.errors import InvalidFieldError, RateLimitedError
from goldalert.rate_limiting import RateLimit, RateLimiter
from tests.support.accounts import NETWORK, PASSWORD, Auth, NoThrottle, race

PEPPER = Pepper(pepper=SecretStr(base64.b64encode(b"p" * 32).decode()))
NEW_PASSWORD = "eleven purple elephants"
MADE_UP = "x" * 43


@pytest.fixture(params=["redis", "memory"])
def throttled(request: pytest.FixtureRequest, auth: Auth, redis_url: Callable[[int], str]) -> Auth:
    """The service with its limits, with Redis and without."""
    url = redis_url(0) if request.param == "redis" else "redis://127.0.0.1:1/0"
    auth.throttle = RedisThrottle(RateLimiter(RedisDatabase(url)), PEPPER)
    return auth


def network(number: int) -> str:
    return f"198.51.{number // 256}.{number % 256}"


def use_up(auth: Auth, limit: RateLimit, *who: str) -> None:
    for _ in range(limit.amount):
        auth.throttle.take(limit, *who)


def fail_to_log_in(auth: Auth, email: str = "ada@example.com", at: str = NETWORK) -> None:
    with pytest.raises(WrongCredentialsError):
        auth.login(email, "not the password", network=at)


def assert_refused(action: Callable[[], object], limit: RateLimit) -> None:
    with pytest.raises(RateLimitedError) as refused:
        action()
    assert 1 <= refused.value.retry_after <= limit.seconds


@pytest.mark.parametrize("email", ["ada@example.com", "eve@example.com"])
def test_s3_a_guesser_in_one_network_is_stopped(throttled: Auth, email: str) -> None:
    """S3: known or not (S2), and even with the right password."""
    throttled.register()
    for _ in range(LOGIN_HERE.amount):
        fail_to_log_in(throttled, email)
    assert_refused(lambda: throttled.login(email), LOGIN_HERE)


def test_s3_a_guesser_with_many_networks_is_stopped(throttled: Auth) -> None:
    throttled.register()
    for number in range(LOGIN_ADDRESS.amount):
        fail_to_log_in(throttled, at=network(number))
    assert_refused(lambda: throttled.login(network="192.0.2.1"), LOGIN_ADDRESS)


def test_s3_nobody_locks_an_owner_out_of_where_they_have_been(throttled: Auth) -> None:
    throttled.register()
    throttled.login(network="192.0.2.1")
    for number in range(LOGIN_ADDRESS.amount - 1):
        fail_to_log_in(throttled, at=network(number))
    assert_refused(lambda: throttled.login(network="192.0.2.2"), LOGIN_ADDRESS)
    for _ in range(LOGIN_OVERALL.amount):
        throttled.throttle.note(LOGIN_OVERALL)
    assert throttled.login(network="192.0.2.1")


@pytest.mark.parametrize("link", ["reset", "verify"])
def test_s3_a_link_in_a_mail_lets_an_owner_in_from_a_new_place(throttled: Auth, link: str) -> None:
    throttled.register()
    use_up(throttled, LOGIN_ADDRESS, "ada@example.com")
    assert_refused(lambda: throttled.login(network="192.0.2.1"), LOGIN_ADDRESS)
    if link == "reset":
        throttled.forget(network="192.0.2.1")
        throttled.reset(throttled.reset_token(), NEW_PASSWORD, network="192.0.2.1")
        assert throttled.login(password=NEW_PASSWORD, network="192.0.2.1")
    else:
        throttled.verify_email(throttled.verification_token(), network="192.0.2.1")
        assert throttled.login(network="192.0.2.1")


def test_s3_a_list_of_stolen_passwords_is_stopped_at_one_network(throttled: Auth) -> None:
    throttled.register()
    for _ in range(LOGIN_NETWORK.amount):
        throttled.throttle.note(LOGIN_NETWORK, NETWORK)
    assert_refused(throttled.login, LOGIN_NETWORK)
    assert throttled.login(network="192.0.2.1")


def test_s3_neighbours_lock_no_owner_out_of_their_own_network(throttled: Auth) -> None:
    throttled.register()
    throttled.login()
    for _ in range(LOGIN_NETWORK.amount):
        throttled.throttle.note(LOGIN_NETWORK, NETWORK)
    assert throttled.login()
    use_up(throttled, LOGIN_HERE, "ada@example.com", NETWORK)
    assert_refused(throttled.login, LOGIN_HERE)
    throttled.forget()
    throttled.reset(throttled.reset_token(), NEW_PASSWORD)
    assert throttled.login(password=NEW_PASSWORD)


def test_s3_failed_logins_count_for_the_network_and_for_all(throttled: Auth) -> None:
    throttled.register()
    for limit, who in ((LOGIN_NETWORK, (NETWORK,)), (LOGIN_OVERALL, ())):
        for _ in range(limit.amount - 1):
            throttled.throttle.note(limit, *who)
    fail_to_log_in(throttled)
    assert_refused(throttled.login, LOGIN_NETWORK)
    assert_refused(lambda: throttled.login(network="192.0.2.1"), LOGIN_OVERALL)


def test_s3_good_logins_are_not_counted(throttled: Auth) -> None:
    throttled.register()
    for _ in range(LOGIN_HERE.amount * 3):
        throttled.login()


def test_s3_a_race_does_not_get_past_the_limit(throttled: Auth) -> None:
    throttled.register()

    def guess(own: Auth) -> str:
        try:
            own.login(password="not the password")
        except (WrongCredentialsError, RateLimitedError) as error:
            return error.code
        return "signed in"

    codes = race(throttled, 20, guess)
    assert codes.count("wrong_credentials") == LOGIN_HERE.amount
    assert codes.count("rate_limited") == 20 - LOGIN_HERE.amount


@pytest.mark.parametrize(
    ("limit", "who"),
    [(REGISTER_NETWORK, NETWORK), (MAILS_TO_ADDRESS, "ada@example.com"), (REGISTER_OVERALL, None)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_s3_registrations_are_limited(throttled: Auth, limit: RateLimit, who: str | None) -> None:
    use_up(throttled, limit, *([who] if who else []))
    assert_refused(throttled.register, limit)


@pytest.mark.parametrize(
    ("limit", "who"),
    [(FORGOT_NETWORK, NETWORK), (MAILS_TO_ADDRESS, "ada@example.com"), (FORGOT_OVERALL, None)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_s3_forgotten_passwords_are_limited(
    throttled: Auth, limit: RateLimit, who: str | None
) -> None:
    throttled.register(email="bob@example.com")
    use_up(throttled, limit, *([who] if who else []))
    assert_refused(throttled.forget, limit)


def test_s3_nobody_gets_more_than_a_few_mails_from_strangers(throttled: Auth) -> None:
    throttled.register()
    throttled.register()
    user_id = throttled.login().user_id
    throttled.resend_verification(user_id)
    throttled.forget()
    throttled.forget()
    sent = len(throttled.events())
    for ask in (throttled.register, throttled.forget):
        assert_refused(ask, MAILS_TO_ADDRESS)
    assert_refused(lambda: throttled.resend_verification(user_id), MAILS_TO_ADDRESS)
    assert sent == len(throttled.events()) == MAILS_TO_ADDRESS.amount


def test_s3_other_names_of_a_mailbox_get_no_more_mails(throttled: Auth) -> None:
    for number in range(MAILS_TO_ADDRESS.amount):
        throttled.register(f"a.d.a+{number}@googlemail.com")
    for email in ("ada@gmail.com", "ad.a+x@gmail.com"):
        assert_refused(lambda email=email: throttled.register(email), MAILS_TO_ADDRESS)
    throttled.register("ada@example.com")


def test_s3_nobody_gets_many_mails_a_day(throttled: Auth) -> None:
    use_up(throttled, MAILS_TO_ADDRESS_DAILY, "ada@example.com")
    assert_refused(throttled.forget, MAILS_TO_ADDRESS_DAILY)


ACTIONS: dict[str, Callable[[Auth], object]] = {
    "verify": lambda auth: auth.verify_email(MADE_UP),
    "reset": lambda auth: auth.reset(MADE_UP, NEW_PASSWORD),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("limit", [TOKENS_NETWORK, TOKENS_OVERALL], ids=lambda limit: limit.name)
def test_s3_made_up_tokens_are_limited(throttled: Auth, action: str, limit: RateLimit) -> None:
    who = [NETWORK] if limit is TOKENS_NETWORK else []
    for _ in range(limit.amount - 1):
        throttled.throttle.note(limit, *who)
    with pytest.raises((TokenRefusedError, SessionEndedError)):
        ACTIONS[action](throttled)
    assert_refused(lambda: ACTIONS[action](throttled), limit)


def test_s3_whoever_is_signed_out_is_told_to_sign_in(throttled: Auth) -> None:
    """A 429 would have a client wait and try again with what is no good."""
    for limit, who in ((TOKENS_NETWORK, [NETWORK]), (TOKENS_OVERALL, list[str]())):
        use_up(throttled, limit, *who)
    with pytest.raises(SessionEndedError):
        throttled.refresh(MADE_UP)


def test_s3_a_session_is_refreshed_no_more_often_than_a_client_needs(throttled: Auth) -> None:
    throttled.register()
    pair, other = throttled.login(), throttled.login()
    for _ in range(REFRESHES.amount):
        pair = throttled.refresh(pair.refresh_token)
    assert_refused(lambda: throttled.refresh(pair.refresh_token), REFRESHES)
    assert throttled.refresh(other.refresh_token)
    throttled.logout(UUID(pair.access_token))
    with pytest.raises(SessionEndedError):
        throttled.refresh(pair.refresh_token)


def test_s3_an_owner_is_known_where_they_go_on_with_a_session(throttled: Auth) -> None:
    throttled.register()
    pair = throttled.login()
    throttled.refresh(pair.refresh_token, network="192.0.2.1")
    for _ in range(LOGIN_ADDRESS.amount):
        throttled.throttle.note(LOGIN_ADDRESS, "ada@example.com")
    assert throttled.login(network="192.0.2.1")


def test_s3_good_tokens_are_taken_whoever_else_is_in_the_network(throttled: Auth) -> None:
    """Whoever sends made-up tokens from everywhere signs nobody out."""
    throttled.register()
    pair = throttled.login()
    use_up(throttled, TOKENS_NETWORK, NETWORK)
    use_up(throttled, TOKENS_OVERALL)
    for _ in range(2):
        pair = throttled.refresh(pair.refresh_token)


def test_s3_a_stolen_access_token_is_no_way_to_guess_the_password(throttled: Auth) -> None:
    throttled.register()
    claims = throttled.claims(throttled.login().access_token)
    for _ in range(3):
        claims = throttled.claims(
            throttled.change_password(claims, PASSWORD, current=PASSWORD).access_token
        )
    use_up(throttled, PASSWORDS, str(claims.user_id))
    assert_refused(lambda: throttled.change_password(claims, NEW_PASSWORD), PASSWORDS)


def test_s3_a_weak_new_password_costs_no_try(throttled: Auth) -> None:
    throttled.register()
    claims = throttled.claims(throttled.login().access_token)
    for _ in range(PASSWORDS.amount + 1):
        with pytest.raises(InvalidFieldError):
            throttled.change_password(claims, "password1234")
    assert throttled.change_password(claims, NEW_PASSWORD)


@pytest.mark.parametrize("action", ACTIONS)
def test_redis_is_asked_while_no_connection_is_held(auth: Auth, action: str) -> None:
    auth.register()
    pool, held = auth.engine.pool, list[int]()
    assert isinstance(pool, QueuePool)

    class Watching(NoThrottle):
        def take(self, limit: RateLimit, *who: str) -> None:
            held.append(pool.checkedout())

    auth.throttle = Watching()
    with pytest.raises((TokenRefusedError, SessionEndedError)):
        ACTIONS[action](auth)
    assert held == [0, 0]


def test_s15_redis_gets_to_see_no_address_and_no_network(
    auth: Auth, redis_url: Callable[[int], str]
) -> None:
    url = redis_url(0)
    auth.throttle = RedisThrottle(RateLimiter(RedisDatabase(url)), PEPPER)
    auth.register()
    user_id = auth.login().user_id
    fail_to_log_in(auth)
    auth.forget()
    auth.throttle.take(PASSWORDS, str(user_id))
    with Redis.from_url(url, decode_responses=True) as redis:
        keys = "\n".join(redis.scan_iter())
    assert all(name in keys for name in ("login-here", "mails-to-address", "passwords"))
    assert not [told for told in ("ada@", "example", NETWORK, str(user_id)) if told in keys]
