"""What CloudWatch is told of each tick, in the embedded metric format of a log line (R3).

The template's alarms watch `TickStored`, `PriceWithheld` and `ExchangeRatesAgeDays`.
"""

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from goldalert.settings import Stage
from price_service.domain.conversion import oldest
from price_service.domain.model import StoredTick


class TickMetrics:
    """Counts ticks, in a namespace of the stage's own, with the service as their one dimension."""

    def __init__(self, stage: Stage, service: str) -> None:
        self._metrics = Metrics(namespace=f"goldalert-{stage}", service=service)

    def put(self, stored: StoredTick) -> None:
        """Print the metrics of a tick that is stored."""
        for name, value in metrics_of(stored).items():
            self._metrics.add_metric(name, MetricUnit.Count, value)
        self._metrics.flush_metrics()


def metrics_of(stored: StoredTick) -> dict[str, int]:
    """Return the metrics of a tick by their names.

    `PriceWithheld` are those that have no price of their own though the market is open.
    `ExchangeRatesAgeDays` is said while there are any.
    """
    tick, as_of = stored.tick, oldest(stored.rates)
    is_closed = tick.state == "closed"
    age = {} if as_of is None else {"ExchangeRatesAgeDays": (tick.slot.date() - as_of).days}
    return age | {
        "TickStored": 1,
        "PriceMayTrigger": int(tick.may_trigger),
        "PriceWithheld": int(not tick.may_trigger and not is_closed),
        "MarketClosed": int(is_closed),
        "SourcesAnswering": len(tick.values),
        "SourcesCounted": len(tick.sources),
    }
