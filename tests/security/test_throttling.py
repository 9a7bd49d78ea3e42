"""How often strangers may try (S3). Each of them calls from a network of their own."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from auth_service.throttling import (
    FORGOT_NETWORK,
    LOGIN_ADDRESS,
    LOGIN_HERE,
    LOGIN_NETWORK,
    MAILS_TO_ADDRESS,
    REGISTER_NETWORK,
    TOKENS_NETWORK,
)
from goldalert_local.client import PASSWORD, HttpAnswer, StackClient
from tests.support.access import login, new_address, register


def tries(number: int, ask: Callable[[], HttpAnswer]) -> list[HttpAnswer]:
    return [ask() for _ in range(number)]


def assert_throttled(answers: list[HttpAnswer], amount: int) -> None:
    """The first `amount` are answered, the next is refused and says when to come back."""
    statuses = Counter(answer.status for answer in answers[:amount])
    assert 429 not in statuses, statuses
    last = answers[-1]
    assert (last.status, last.body["code"]) == (429, "rate_limited"), last
    assert 0 < int(last.headers["retry-after"]) <= 3600


@pytest.fixture
def counted(stack: StackClient) -> Iterator[None]:
    """Nobody else makes Redis forget meanwhile."""
    with stack.alone("redis"):
        yield


@pytest.mark.usefixtures("counted")
def test_logins_of_one_address_from_one_network_are_throttled(stack: StackClient) -> None:
    """S3: known or not, the answers are alike (S2)."""
    known, unknown = stack.new_user(verified=False).email, new_address()
    for address in (known, unknown):
        http = stack.elsewhere()
        answers = tries(LOGIN_HERE.amount + 1, lambda: login(http, address, "wrong"))  # noqa: B023 - called at once
        assert_throttled(answers, LOGIN_HERE.amount)
        assert login(http, address).status == 429, "the right password is not asked any more"


@pytest.mark.usefixtures("counted")
def test_nobody_can_lock_the_owner_out(stack: StackClient) -> None:
    """S3: strangers use up what an address has; from a known network its owner gets in."""
    user = stack.new_user(verified=False)
    # when its owner signed in, their network was a strange one, too
    strangers = LOGIN_ADDRESS.amount - 1
    answers = tries(strangers + 1, lambda: login(stack.elsewhere(), user.email, "wrong"))
    assert_throttled(answers, strangers)
    assert login(stack.elsewhere(), user.email).status == 429
    assert login(user.http, user.email).status == 200


@pytest.mark.usefixtures("counted")
def test_logins_from_one_network_are_throttled_whatever_the_address(stack: StackClient) -> None:
    """S3."""
    http = stack.elsewhere()
    answers = tries(LOGIN_NETWORK.amount + 1, lambda: login(http, new_address(), "wrong"))
    assert_throttled(answers, LOGIN_NETWORK.amount)
    assert login(stack.elsewhere(), new_address()).status == 401, "others are not concerned"


@pytest.mark.usefixtures("counted")
def test_registrations_from_one_network_are_throttled(stack: StackClient) -> None:
    """S3."""
    http = stack.elsewhere()
    # weak ones count as well, and cost no hash
    answers = tries(REGISTER_NETWORK.amount + 1, lambda: register(http, new_address(), "a" * 12))
    assert_throttled(answers, REGISTER_NETWORK.amount)
    assert register(stack.elsewhere(), new_address()).status == 202


@pytest.mark.usefixtures("counted")
def test_forgotten_passwords_from_one_network_are_throttled(stack: StackClient) -> None:
    """S3."""
    http = stack.elsewhere()
    answers = tries(
        FORGOT_NETWORK.amount + 1,
        lambda: http.post("/auth/password/forgot", {"email": new_address()}),
    )
    assert_throttled(answers, FORGOT_NETWORK.amount)


@pytest.mark.usefixtures("counted")
def test_nobody_is_flooded_with_mail(stack: StackClient) -> None:
    """S3: for an address that has no account it looks the same (S2)."""
    for address in (stack.new_user().email, new_address()):
        answers = tries(
            MAILS_TO_ADDRESS.amount + 1,
            lambda: stack.elsewhere().post("/auth/password/forgot", {"email": address}),  # noqa: B023 - called at once
        )
        # the registration was a mail, too
        assert {answer.status for answer in answers[: MAILS_TO_ADDRESS.amount - 1]} == {202}
        assert answers[-1].status == 429


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/verify-email", {"token": "no-such-token-0123456789"}),
        ("/auth/password/reset", {"token": "no-such-token-0123456789", "password": PASSWORD}),
    ],
)
def test_links_that_are_no_good_are_throttled(
    stack: StackClient, path: str, body: dict[str, str]
) -> None:
    """S3."""
    http = stack.elsewhere()
    answers = tries(TOKENS_NETWORK.amount + 1, lambda: http.post(path, body))
    assert_throttled(answers, TOKENS_NETWORK.amount)


@pytest.mark.usefixtures("counted")
def test_a_made_up_header_is_no_other_network(stack: StackClient) -> None:
    """S3."""
    http, address = stack.elsewhere(), new_address()
    headers = [
        {
            "X-Forwarded-For": f"10.0.0.{n}",
            "X-Real-IP": f"10.0.0.{n}",
            "Forwarded": f"for=10.1.0.{n}",
        }
        for n in range(LOGIN_HERE.amount + 1)
    ]
    body = {"email": address, "password": "wrong"}
    answers = [http.post("/auth/login", body, headers=h) for h in headers]
    assert_throttled(answers, LOGIN_HERE.amount)
