"""Asks the price service's routes, through its handler."""

from typing import Any

from price_service.handlers import api
from tests.support.invocations import Answer, Client


def get(path: str, **query: object) -> Answer:
    client = Client(api.lambda_handler)
    return client.get(path, **{name: str(value) for name, value in query.items()})


def ok(path: str, **query: object) -> Any:
    answer = get(path, **query)
    assert answer.status == 200, answer.body
    return answer.body


def wrong_fields(path: str, **query: object) -> list[str]:
    answer = get(path, **query)
    assert answer.status == 422, answer.body
    return [error["field"] for error in answer.body["errors"]]
