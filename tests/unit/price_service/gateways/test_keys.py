"""The keys of sources, as an operator writes them down."""

import pytest
from pydantic import ValidationError

from goldalert.cache.client import RedisDatabase
from price_service.gateways.keys import FREE_PLAN_MINUTES, SourceKey, SourceKeys, SourceKeysSecret


def read(secret: str) -> dict[str, tuple[str, int]]:
    keys = SourceKeysSecret.model_validate_json(secret).root
    return {
        adapter: (key.key.get_secret_value(), key.minutes_between_requests)
        for adapter, key in keys.items()
    }


def test_a_key_alone_is_one_of_a_free_plan() -> None:
    assert read('{"goldapi_io": "abc"}') == {"goldapi_io": ("abc", FREE_PLAN_MINUTES)}


def test_a_free_plan_lasts_for_a_month() -> None:
    assert 31 * 24 * 60 / FREE_PLAN_MINUTES <= 100


def test_another_plan_says_how_often() -> None:
    secret = '{"metals_dev": {"key": "abc", "minutes_between_requests": 5}}'

    assert read(secret) == {"metals_dev": ("abc", 5)}


def test_there_may_be_none() -> None:
    assert read("{}") == {}


@pytest.mark.parametrize(
    "entry",
    [
        '""',
        '"two words"',
        '"line\\nbreak"',
        '"s\u00e9cret"',
        '{"key": "s3cret", "minutes_between_requests": -1}',
        '{"key": "s3cret", "every": 5}',
        "5",
        '["s3cret"]',
    ],
)
def test_what_is_wrong_is_said_without_the_secret(entry) -> None:
    """S16."""
    with pytest.raises(ValidationError) as caught:
        read(f'{{"goldapi_io": {entry}}}')

    assert "goldapi_io" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "words" not in str(caught.value)


def test_a_key_is_shown_nowhere() -> None:
    """S16."""
    with pytest.raises(ValidationError) as caught:
        SourceKey(key="s3cret words")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in f"{SourceKey(key='s3cret')!r} {SourceKey(key='s3cret')}"


@pytest.mark.parametrize(("minutes", "may_be_asked"), [(0, True), (1, False), (480, False)])
def test_without_redis_only_what_may_always_be_asked_is(minutes, may_be_asked) -> None:
    """R12."""
    keys = SourceKeys(dict, RedisDatabase("redis://127.0.0.1:1/2"))
    key = SourceKey(key="abc", minutes_between_requests=minutes)

    assert keys.take("goldapi.io", key) is may_be_asked
