"""From where and with what a request comes."""

from types import SimpleNamespace
from typing import Any

import pytest

from goldalert.http.caller import client_address, device, token_expiry


def request(context: dict[str, Any], user_agent: str | None = None) -> Any:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    headers = {} if user_agent is None else {"user-agent": user_agent}
    event = APIGatewayProxyEvent({"requestContext": context, "headers": headers})
    return SimpleNamespace(resolved_event=event)


@pytest.mark.parametrize(
    ("source_ip", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("test-invoke-source-ip", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_network_is_an_ipv4_address_or_an_ipv6_64(source_ip: str | None, network: str) -> None:
    assert client_address(request({"identity": {"sourceIp": source_ip}})) == network


def test_a_request_without_an_identity_comes_from_an_unknown_network() -> None:
    assert client_address(request({})) == "unknown"


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        ("Firefox/145.0", "Firefox/145.0"),
        ("Fire\r\nfox\x1b[31m\u2028", "Firefox[31m"),
        ("x" * 1000, "x" * 200),
        (" \t", None),
        (None, None),
    ],
)
def test_a_device_is_a_short_printable_line(user_agent: str | None, shown: str | None) -> None:
    assert device(request({}, user_agent)) == shown


def test_the_end_of_the_token_comes_from_the_authorizer() -> None:
    # API Gateway makes strings of all that an authorizer says
    context = {"authorizer": {"expires_at": "1764000000"}}
    assert token_expiry(request(context)).isoformat() == "2025-11-24T16:00:00+00:00"
