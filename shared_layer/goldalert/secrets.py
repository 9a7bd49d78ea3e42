"""Secrets: read from Secrets Manager, never logged.

A secret's text is kept for five minutes unless its reader says otherwise, what a service makes of
it (a key, a client) as long as its process. A database login that is refused has the secret read
anew.
"""

from functools import cache
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, ConfigDict, SecretStr

from goldalert import aws
from goldalert.errors import UnavailableError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

_KEEP_SECONDS = 300


class DatabaseSecret(BaseModel):
    """How a service reaches its database. TLS is verified unless the secret says otherwise."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int = 5432
    user: str
    password: SecretStr
    dbname: str
    sslmode: str = "verify-full"


class ServiceSecret(BaseModel):
    """What one service's secret holds."""

    model_config = ConfigDict(frozen=True)

    database: DatabaseSecret
    redis_url: SecretStr


def read_secret[Model: BaseModel](
    name: str, model: type[Model], *, fresh: bool = False, keep_seconds: int = _KEEP_SECONDS
) -> Model:
    """Return the secret `name`, validated as `model`.

    Args:
        name: in Secrets Manager.
        model: the secret's shape.
        fresh: ask Secrets Manager, even if the secret was read a moment ago.
        keep_seconds: how long what is read now is kept.

    Raises:
        UnavailableError: Secrets Manager does not answer or does not know the secret.
        pydantic.ValidationError: the secret has another shape.

    Example:
        >>> read_secret("goldalert/local/alert_service", ServiceSecret)  # doctest: +SKIP
    """
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        value = _provider().get(name, max_age=keep_seconds, force_fetch=fresh)
    except GetParameterError as error:
        raise UnavailableError("a secret of this service cannot be read") from error
    # without a transform it is the secret's own text
    return model.model_validate_json(cast("str | bytes", value))


@cache
def _provider() -> "SecretsProvider":
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    return SecretsProvider(boto3_client=aws.client("secretsmanager"))
