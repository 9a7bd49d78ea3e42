"""Invokes one function of a running stack and shows what it logged and answered."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from goldalert_local.aws import Aws
from goldalert_local.profiles import STACK_NAME


@dataclass(frozen=True)
class Answer:
    failed: bool
    payload: str
    log_tail: str


def invoke(aws: Aws, function: str, payload: bytes = b"{}") -> Answer:
    response = aws.lambda_.invoke(FunctionName=function, Payload=payload, LogType="Tail")
    return Answer(
        failed="FunctionError" in response,
        payload=response["Payload"].read().decode(),
        log_tail=base64.b64decode(response.get("LogResult", "")).decode(errors="replace"),
    )


def schedule_event() -> dict[str, Any]:
    """What EventBridge sends when a schedule fires now."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "detail": {},
    }


def full_name(aws: Aws, name: str) -> str:
    """Accept alert-service-on-price-updated, AlertOnPriceUpdatedFunction or the full name."""
    if name.startswith(STACK_NAME):
        return name
    if name[:1].isupper():
        detail = aws.cloudformation.describe_stack_resource(
            StackName=STACK_NAME, LogicalResourceId=name
        )["StackResourceDetail"]
        return detail["PhysicalResourceId"]
    return f"{STACK_NAME}-{name}"


def pretty(payload: str) -> str:
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload
