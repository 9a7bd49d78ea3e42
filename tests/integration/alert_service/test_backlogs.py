"""What late, missing and interrupted ticks must not change: found with the model, kept small."""

from collections.abc import Sequence
from decimal import Decimal

from goldalert.events.prices import PriceUpdatedV1
from goldalert.messaging.consumer import OutOfTimeError

from .conftest import Killed, World, killed_at, make_tick


def make_ticks(*prices: tuple[str | None, str | None], first: int = 1) -> list[PriceUpdatedV1]:
    """Return ticks with a price in dollars and one in euros, or without."""
    return [
        make_tick(
            sequence,
            {
                currency: Decimal(price)
                for currency, price in zip(("USD", "EUR"), pair, strict=True)
                if price is not None
            },
        )
        for sequence, pair in enumerate(prices, start=first)
    ]


def deliver(world: World, events: Sequence[PriceUpdatedV1]) -> None:
    for event in events:
        world.clock.time = max(world.clock.time, event.data.tick.slot)
        world.deliver(event)


def fired_at(world: World) -> list[int]:
    assert world.fired() == world.told()
    return [sequence for _, sequence in world.fired()]


def test_a_series_that_a_killed_worker_left_behind_is_not_rested_by_the_ticks_of_others(
    world: World,
) -> None:
    world.create(
        "above", "100", currency="EUR", repeat="every", cooldown_minutes=12, hysteresis_percent="0"
    )
    world.create("below", "95", currency="EUR")
    ticks = make_ticks(("1", "96"), ("1", "100"), ("1", "95"), ("1", "101"), ("1", "101"))
    deliver(world, ticks[:2])
    deliver(world, ticks[3:])
    expected = [2, 3]
    for step in range(1, 100):
        try:
            with killed_at(world, step):
                world.deliver(ticks[2])
            break
        except Killed:
            world.end_leases()
        if world.sql("SELECT 1 FROM series WHERE pending_value IS NOT NULL"):
            break
    world.deliver(ticks[2])
    # the cooldown of tick 2 ends between ticks 4 and 5
    assert fired_at(world) == expected


def test_an_alert_whose_peak_was_joined_with_another_one_s_is_armed_again(world: World) -> None:
    fields: dict[str, object] = {
        "threshold": None,
        "trail_percent": "5",
        "repeat": "every",
        "hysteresis_percent": "1",
    }
    world.tick(1, "90")
    world.create("trailing", **fields)  # type: ignore[arg-type]
    world.tick(2, "91")
    world.create("trailing", **fields)  # type: ignore[arg-type]
    world.tick(3, "100")
    world.rearm()
    world.rearm()
    for sequence, price in enumerate(["95", "100", "95", "100", "95"], start=4):
        world.tick(sequence, price)
    assert fired_at(world) == [4, 4, 6, 6, 8, 8]


def test_a_mean_is_of_the_last_prices_in_its_currency_whatever_else_is_watched(
    world: World,
) -> None:
    deliver(world, make_ticks(("100", "100"), ("100", "100"), ("100", None)))
    alert = world.create("sma_cross", None, period=3, currency="EUR")  # type: ignore[arg-type]
    deliver(world, make_ticks(("100", "99"), ("100", "101"), first=4))
    assert fired_at(world) == [5]
    assert world.armed() == set()
    assert world.published()[0].data.triggers[0].reference == 100
    assert alert.id


def test_a_change_is_measured_against_the_last_price_in_its_currency(world: World) -> None:
    deliver(world, make_ticks(("100", "100"), ("100", None)))
    world.create("percent_change", "5", window="1h", currency="EUR")
    for event in make_ticks(*[("100", "104")] * 11, ("100", "105"), first=3):
        deliver(world, [event])
    assert fired_at(world) == [14]


def test_a_tick_that_was_given_up_counts_in_no_mean(world: World) -> None:
    deliver(world, make_ticks(("100", None), ("100", None)))
    late, *ticks = make_ticks(("40", None), ("100", None), ("100", None), first=3)
    deliver(world, ticks)
    world.sql("UPDATE ticks SET stored_at = now() - interval '15 minutes' RETURNING 1")
    world.apply_due()
    deliver(world, [late])
    world.create("sma_cross", None, period=3)  # type: ignore[arg-type]
    deliver(world, make_ticks(("99", None), ("100", None), first=6))
    # off 100, 100, 99 it is below, and off 100, 99, 100 above
    assert fired_at(world) == [7]


def test_no_tick_is_applied_before_what_has_rested_by_then_when_time_is_out(world: World) -> None:
    """R8"""
    world.create("above", "100", repeat="every", cooldown_minutes=10, hysteresis_percent="0")
    ticks = make_ticks(("99", None), ("100", None), ("99", None), ("100", None))
    deliver(world, ticks[:3])
    # out of time at the first, second, … question
    for left in range(20):
        answers = iter([True] * left)
        try:
            world.deliver(ticks[3], has_time=lambda answers=answers: next(answers, False))
        except OutOfTimeError:
            continue
        break
    assert fired_at(world) == [2, 4]
