"""Settings: what the environment of a function says, validated once.

The environment is read nowhere else; a service's `config.py` adds its own fields by subclassing.
"""

import os
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Stage = Literal["local", "dev", "staging", "prod"]


class Environment(BaseModel):
    """Fields that are read from the environment: a field `x_y` is the variable `X_Y`.

    Example:
        >>> class EdgeSettings(Environment):
        ...     stage: Stage
        >>> EdgeSettings.from_environment()  # doctest: +SKIP
        EdgeSettings(stage='local')
    """

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings from the environment.

        Raises:
            pydantic.ValidationError: a variable is missing or wrong; its name is in the message.
        """
        return cls.model_validate({name.lower(): value for name, value in os.environ.items()})


USER_REQUESTS_PER_MINUTE = 300
"""To each service: a page that asks five things every two seconds needs half of it."""

NETWORK_REQUESTS_PER_MINUTE = 120
"""To each service, of all who are not signed in behind one address: ten price tickers that ask
every five seconds. What guards passwords has narrower limits of its own."""


class HttpSettings(Environment):
    """What an API function is told beside its own settings.

    Attributes:
        allowed_origins: other origins whose pages may call the API from a browser.
        user_requests_per_minute: how many requests a signed-in user may send to a service.
        network_requests_per_minute: how many one network may send that are not signed in.
    """

    allowed_origins: Annotated[
        frozenset[str], BeforeValidator(lambda origins: origins.split(","))
    ] = frozenset()
    user_requests_per_minute: int = Field(default=USER_REQUESTS_PER_MINUTE, gt=0)
    network_requests_per_minute: int = Field(default=NETWORK_REQUESTS_PER_MINUTE, gt=0)


class Settings(HttpSettings):
    """What every function of a service with a database is told.

    Attributes:
        stage: where this runs. Only `local` may have a simulator or a replay of prices.
        service: the service's package name, such as `alert_service`.
        service_secret: name of the secret that holds the service's database and Redis.
        topic_arn_prefix: the topics' ARNs up to the name, so that `users` can be appended.
    """

    stage: Stage
    service: str = Field(alias="powertools_service_name")
    service_secret: str
    topic_arn_prefix: str
