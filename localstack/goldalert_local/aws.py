"""boto3 clients for a stack's LocalStack."""

import boto3
from botocore.config import Config

from goldalert_local.profiles import REGION

# LocalStack knows no real credentials; the access key is read as the account's id.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


def session() -> boto3.Session:
    return boto3.Session("test", "test", region_name=REGION)


class Aws:
    """The clients that the launcher needs."""

    def __init__(self, endpoint_url: str) -> None:
        config = Config(
            # a function may run for minutes, and an invocation must not be repeated
            read_timeout=900,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        )
        here = session()
        self.cloudformation = here.client(
            "cloudformation", endpoint_url=endpoint_url, config=config
        )
        self.lambda_ = here.client("lambda", endpoint_url=endpoint_url, config=config)
        self.s3 = here.client("s3", endpoint_url=endpoint_url, config=config)
        self.secretsmanager = here.client(
            "secretsmanager", endpoint_url=endpoint_url, config=config
        )
        self.sqs = here.client("sqs", endpoint_url=endpoint_url, config=config)
        self.sns = here.client("sns", endpoint_url=endpoint_url, config=config)
        self.events = here.client("events", endpoint_url=endpoint_url, config=config)
        self.endpoint_url = endpoint_url
