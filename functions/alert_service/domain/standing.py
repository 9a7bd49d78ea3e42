"""How far alerts are from firing: what is armed of them, and where their series stand."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from alert_service.domain.lifecycle import Alert


@dataclass(frozen=True)
class ArmedLevels:
    """The levels that an alert waits at, in the unit of its series.

    Attributes:
        series: the name of the series.
        up: claimed when the series rises to it; None when that says nothing about the alert.
        down: claimed when the series falls to it; likewise.
    """

    series: str
    up: Decimal | None
    down: Decimal | None


@dataclass(frozen=True)
class AlertWithLevels:
    """An alert, and its levels while it waits for a tick."""

    alert: Alert
    levels: ArmedLevels | None

    @property
    def waits_for_percentage(self) -> bool:
        return self.levels is not None and self.alert.series.measure != "price"


@dataclass(frozen=True)
class DatedReading:
    """Where a series stands that is measured against a price.

    Attributes:
        value: in percent.
        reference: the price, of a troy ounce of fine gold.
        slot: of the tick that says so.
    """

    value: Decimal
    reference: Decimal
    slot: datetime
