from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace

import pytest
from localstack.aws.api.lambda_ import TooManyRequestsException

from goldalert_local.plugin.concurrency import limited


def get_lease(*_args: object) -> AbstractContextManager[str]:
    return nullcontext("on-demand")


def version(name: str) -> SimpleNamespace:
    return SimpleNamespace(id=SimpleNamespace(unqualified_arn=lambda: name))


def test_one_too_many_is_throttled_when_the_wait_is_over() -> None:
    lease = limited(get_lease, per_function=1, wait_seconds=0)
    with lease(None, None, version("a")) as kind:
        assert kind == "on-demand"
        with pytest.raises(TooManyRequestsException), lease(None, None, version("a")):
            pass


def test_functions_do_not_share_their_slots() -> None:
    lease = limited(get_lease, per_function=1, wait_seconds=0)
    with lease(None, None, version("a")), lease(None, None, version("b")):
        pass


def test_a_failed_invocation_gives_its_slot_back() -> None:
    lease = limited(get_lease, per_function=1, wait_seconds=0)
    with pytest.raises(ValueError, match="broken"), lease(None, None, version("a")):
        raise ValueError("broken")
    with lease(None, None, version("a")):
        pass
