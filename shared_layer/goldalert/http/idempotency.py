"""`Idempotency-Key`: a request that is sent again gets its first answer, and has no second effect.

The answer is stored in the transaction of the effect, so there is no moment in which one exists
without the other. Two requests with one key at once wait for each other at the row's primary key.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Header
from pydantic import BaseModel

from goldalert.errors import ConflictError

if TYPE_CHECKING:
    from sqlalchemy import Connection

RETENTION_HOURS = 24

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=128,
        description="Same key, same answer, one effect; kept for 24 hours.",
    ),
]

CREATE_IDEMPOTENCY_KEYS = """
CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    answer text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
)
"""


class KeyReusedError(ConflictError):
    """The key came before with another request."""

    code = "idempotency_key_reused"


def answer_once[Answer: BaseModel](
    connection: "Connection",
    *,
    user_id: UUID,
    key: str | None,
    request: BaseModel,
    answer_type: type[Answer],
    effect: Callable[[], Answer],
) -> Answer:
    """Return what `effect` returns, or what it returned when this key came first.

    Args:
        connection: in the transaction of the effect.
        user_id: whose key it is.
        key: of the `Idempotency-Key` header; None runs the effect as it is.
        request: what the key stands for.
        answer_type: the model of the answer.
        effect: does the work, in the same transaction.

    Raises:
        KeyReusedError: the key came before with another request.
    """
    if key is None:
        return effect()
    from sqlalchemy import text

    fingerprint = hashlib.sha256(
        f"{type(request).__qualname__}:{request.model_dump_json()}".encode()
    ).hexdigest()
    row = {"user_id": user_id, "key": key, "fingerprint": fingerprint}
    connection.execute(
        text(
            "DELETE FROM idempotency_keys WHERE user_id = :user_id AND key = :key "
            "AND created_at < now() - make_interval(hours => :hours)"
        ),
        {"user_id": user_id, "key": key, "hours": RETENTION_HOURS},
    )
    is_first = connection.execute(
        text(
            "INSERT INTO idempotency_keys (user_id, key, fingerprint) "
            "VALUES (:user_id, :key, :fingerprint) ON CONFLICT DO NOTHING"
        ),
        row,
    ).rowcount
    if is_first:
        answer = effect()
        connection.execute(
            text(
                "UPDATE idempotency_keys SET answer = :answer "
                "WHERE user_id = :user_id AND key = :key"
            ),
            {"user_id": user_id, "key": key, "answer": answer.model_dump_json()},
        )
        return answer
    stored = connection.execute(
        text(
            "SELECT fingerprint, answer FROM idempotency_keys "
            "WHERE user_id = :user_id AND key = :key"
        ),
        {"user_id": user_id, "key": key},
    ).one()
    if stored.fingerprint != fingerprint:
        raise KeyReusedError("This Idempotency-Key came with another request before.")
    return answer_type.model_validate_json(stored.answer)
