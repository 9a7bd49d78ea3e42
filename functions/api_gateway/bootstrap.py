"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property
from typing import Final

from api_gateway.config import EdgeSettings
from api_gateway.gateways import FunctionHealth


class Services:
    """What the handlers work with."""

    # it has no Redis and no work to protect: API Gateway's own throttling is enough
    rate_limiter: Final = None

    def __init__(self, settings: EdgeSettings) -> None:
        self.settings = settings

    @cached_property
    def health_source(self) -> FunctionHealth:
        return FunctionHealth()


@cache
def services() -> Services:
    return Services(EdgeSettings.from_environment())
