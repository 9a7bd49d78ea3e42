"""Settings: what the environment of a function says, validated once.

The environment is read nowhere else; a service's `config.py` adds its own fields by subclassing.
"""

import os
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

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


class Settings(Environment):
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
