"""Every five minutes: one tick. The slot is the schedule's own time."""

import time
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.observability.log import start_request
from price_service.bootstrap import services
from price_service.use_cases import ticks


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int | None]:
    start_request(event["id"])
    parts = services()
    if parts.replay is not None:
        made = ticks.replay_ticks(parts.unit_of_work, parts.clock, parts.replay, parts.cache)
    else:
        tick = ticks.fetch_tick(
            parts.unit_of_work,
            parts.clock,
            parts.market,
            parts.exchange_rates,
            parts.simulator,
            parts.cache,
            time.sleep,
            slot=datetime.fromisoformat(event["time"]),
            slot_length=parts.settings.slot_length,
        )
        made = [tick] if tick else []
    for new in made:
        parts.metrics.put(new)
    return {"sequence": made[-1].sequence if made else None}
