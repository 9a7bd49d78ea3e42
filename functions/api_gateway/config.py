"""The settings of the edge."""

from typing import Annotated

from pydantic import BeforeValidator

from goldalert.settings import HttpSettings, Stage

HEALTH_DEADLINE_SECONDS = 5.0
"""A service's own checks end after 2 s; the rest is for a cold start."""


class EdgeSettings(HttpSettings):
    """What the edge is told.

    Attributes:
        health_functions: names of the API functions whose health is asked for.
    """

    stage: Stage
    health_functions: Annotated[
        tuple[str, ...], BeforeValidator(lambda names: tuple(names.split(",")))
    ]
