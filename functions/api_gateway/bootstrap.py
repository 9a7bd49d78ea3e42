"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property

from api_gateway.config import EdgeSettings
from api_gateway.gateways import FunctionHealth


class Services:
    """What the handlers work with."""

    def __init__(self, settings: EdgeSettings) -> None:
        self.settings = settings

    @cached_property
    def health_source(self) -> FunctionHealth:
        return FunctionHealth()


@cache
def services() -> Services:
    return Services(EdgeSettings.from_environment())
