import pytest

from price_service.bootstrap import Services
from price_service.config import PriceSettings
from price_service.gateways.recorded import Simulator


def services(stage: str) -> Services:
    return Services(
        PriceSettings(
            stage=stage,
            powertools_service_name="price_service",
            service_secret="",
            topic_arn_prefix="",
            slot_seconds=300,
        )
    )


def test_the_local_machine_has_a_simulator() -> None:
    assert isinstance(services("local").simulator, Simulator)


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_no_other_stage_makes_prices_up(stage: str) -> None:
    assert services(stage).simulator is None
    assert services(stage).replay is None
