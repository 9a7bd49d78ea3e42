"""Secrets: read from Secrets Manager, kept for five minutes, never logged."""

from pydantic import BaseModel, ConfigDict, SecretStr

from goldalert.errors import UnavailableError

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


def read_secret[Model: BaseModel](name: str, model: type[Model], *, fresh: bool = False) -> Model:
    """Return the secret `name`, validated as `model`.

    Args:
        name: in Secrets Manager.
        model: the secret's shape.
        fresh: ask Secrets Manager, even if the secret was read in the last five minutes.

    Raises:
        UnavailableError: Secrets Manager does not answer or does not know the secret.
        pydantic.ValidationError: the secret has another shape.

    Example:
        >>> read_secret("goldalert/local/alert_service", ServiceSecret)  # doctest: +SKIP
    """
    from aws_lambda_powertools.utilities import parameters
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        value = parameters.get_secret(name, max_age=_KEEP_SECONDS, force_fetch=fresh)
    except GetParameterError as error:
        raise UnavailableError("a secret of this service cannot be read") from error
    return model.model_validate_json(value)
