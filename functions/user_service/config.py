"""The settings of the user service."""

from typing import Annotated

from pydantic import BeforeValidator

from goldalert.rate_limiting import RateLimit
from goldalert.settings import Settings

CACHE_SECONDS = 3600

EXPORT_DEADLINE_SECONDS = 20.0
"""How long the other services are given for an export: longer than a call can take with its second
try, and short enough for an answer before API Gateway gives up after 29 s."""

EXPORTS = RateLimit("export", amount=5, seconds=60)
"""An export keeps seven functions busy."""


class UserSettings(Settings):
    """What the user functions are told.

    Attributes:
        export_functions: names of the functions that tell what other services hold about a user.
    """

    export_functions: Annotated[
        tuple[str, ...], BeforeValidator(lambda names: tuple(names.split(",")))
    ] = ()
