"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property
from typing import TYPE_CHECKING

from goldalert import aws
from goldalert.bootstrap import BaseServices
from goldalert.cache.cache_aside import Cache
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.secrets import read_secret
from price_service.config import (
    ASK_RATES_SECONDS,
    ASK_SECONDS,
    CACHE_SECONDS,
    SIMULATOR_SEED,
    PriceSettings,
)
from price_service.use_cases.ports import Prices

if TYPE_CHECKING:
    from price_service.gateways.circuits import Circuits
    from price_service.gateways.fetching import FetchFunction
    from price_service.gateways.keys import SourceKeys
    from price_service.gateways.metrics import TickMetrics
    from price_service.gateways.outgoing import OutgoingHttp
    from price_service.gateways.rates import ExchangeRates
    from price_service.gateways.recorded import Replay, Simulator
    from price_service.gateways.sources import Market
    from price_service.use_cases.serving import Slots


class Services(BaseServices[PriceSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> UnitOfWork[Prices]:
        from price_service.repository import Repository

        return self.make_unit_of_work(Repository)

    @cached_property
    def cache(self) -> Cache:
        return Cache(self.redis, ttl_seconds=CACHE_SECONDS)

    @cached_property
    def slots(self) -> "Slots":
        """The schedule, as those see it who read prices."""
        from price_service.use_cases.serving import Slots

        return Slots(self.clock, self.settings.slot_length)

    @cached_property
    def market(self) -> "Market":
        from price_service.gateways.sources import Market

        return Market(
            self._http, self.clock, self._circuits, self._source_keys, seconds=ASK_SECONDS
        )

    @cached_property
    def exchange_rates(self) -> "ExchangeRates":
        from price_service.gateways.rates import ExchangeRates

        return ExchangeRates(self._http, self.clock, self._circuits, seconds=ASK_RATES_SECONDS)

    @cached_property
    def replay(self) -> "Replay | None":
        """Plays what `PRICE_SOURCES` says, if it says anything."""
        from price_service.gateways.recorded import Replay

        recording = self.settings.price_sources.removeprefix("replay:")
        return Replay(self.settings.stage, recording) if recording else None

    @cached_property
    def simulator(self) -> "Simulator | None":
        """Stands in for the market, on the local machine only."""
        from price_service.gateways.recorded import Simulator

        if self.settings.stage != "local":
            return None
        return Simulator(self.settings.stage, seed=SIMULATOR_SEED, step=self.settings.slot_length)

    @cached_property
    def fetching(self) -> "FetchFunction":
        """Has a tick fetched before the schedule does."""
        from price_service.gateways.fetching import FetchFunction

        return FetchFunction(self.settings.fetch_function, aws.client("lambda"))

    @cached_property
    def metrics(self) -> "TickMetrics":
        """What alarms watch."""
        from price_service.gateways.metrics import TickMetrics

        return TickMetrics(self.settings.stage, self.settings.service)

    @cached_property
    def _circuits(self) -> "Circuits":
        from price_service.gateways.circuits import Circuits

        return Circuits(self.redis)

    @cached_property
    def _source_keys(self) -> "SourceKeys":
        from price_service.gateways.keys import SourceKeys, SourceKeysSecret

        name = self.settings.source_keys_secret
        if not name:
            return SourceKeys(dict, self.redis)
        return SourceKeys(lambda: read_secret(name, SourceKeysSecret).root, self.redis)

    @cached_property
    def _http(self) -> "OutgoingHttp":
        from price_service.gateways.outgoing import OutgoingHttp

        return OutgoingHttp(allow_loopback=self.settings.stage == "local")


@cache
def services() -> Services:
    return Services(PriceSettings.from_environment())
