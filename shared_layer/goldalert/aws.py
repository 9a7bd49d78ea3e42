"""AWS clients: made on first use, reused between invocations, with short time-outs."""

from functools import cache
from typing import TYPE_CHECKING, Literal, overload

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["ses"]) -> "SESClient": ...
@overload
def client(service: Literal["sns"]) -> "SNSClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@cache
def client(service: Literal["lambda", "secretsmanager", "ses", "sns", "sqs"]) -> object:
    """Return the process's one client of an AWS service.

    It gives up on a connection after 2 s and on an answer after 10 s, and tries three times in
    all: a Lambda function's own time-out is never far. Between tries it waits for a random
    time, which grows. Another function is asked twice, for 1 s and 8 s, of which a cold start takes
    some: a request waits for it, and API Gateway for 29 s. SES is tried once: a mail whose answer
    was lost may have been sent, and only its sender can tell whether to try again. SNS is tried
    once, for 1 s and 2 s: the request that waits for it has committed, and the outbox tries again.
    A secret is asked for twice, for 1 s and 3 s, since requests wait for it, too.
    """
    import boto3
    from botocore.config import Config

    connect_seconds, read_seconds, attempts = {
        "lambda": (1, 8, 2),
        "secretsmanager": (1, 3, 2),
        "ses": (2, 10, 1),
        "sns": (1, 2, 1),
    }.get(service, (2, 10, 3))
    return boto3.client(
        service,
        config=Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )
