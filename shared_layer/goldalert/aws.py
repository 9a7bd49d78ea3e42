"""AWS clients: made on first use, reused between invocations, with short time-outs."""

from functools import cache
from typing import TYPE_CHECKING, Literal, overload

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["ses"]) -> "SESClient": ...
@overload
def client(service: Literal["sns"]) -> "SNSClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@cache
def client(service: Literal["lambda", "ses", "sns", "sqs"]) -> object:
    """Return the process's one client of an AWS service.

    It gives up on a connection after 2 s and on an answer after 10 s, and tries three times in
    all: a Lambda function's own time-out is never far. SES is tried once: a mail whose answer was
    lost may have been sent, and only its sender can tell whether to try again.
    """
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        config=Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 1 if service == "ses" else 3},
        ),
    )
