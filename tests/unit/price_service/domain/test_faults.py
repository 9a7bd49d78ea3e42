"""The price under every fault that was thought of; `make prove-prices` plays many more cases."""

from collections import Counter

from tests.support.faults import (
    COMBINATIONS,
    FAULTS,
    MARKETS,
    NONE,
    OUTAGE,
    SPLIT,
    case_of,
    examine,
)

CASES = 2_500


def test_no_price_leaves_the_range_of_the_honest_sources_and_none_is_held_without_need() -> None:
    """R1."""
    found: Counter[str] = Counter()
    for number in range(CASES):
        counts = examine(case_of(number))
        assert not counts["outside"], f"case_of({number})"
        assert not counts["late"], f"case_of({number})"
        found.update(counts)

    assert found["held wrongly"] <= 0.001 * found["must price"]
    # it is no proof when there is nothing in it
    assert found["prices"] > 4 * CASES
    assert found["leaps"] > CASES / 10


def test_every_fault_meets_every_market_in_every_place() -> None:
    assert {(fault, market) for fault, market, _, _ in COMBINATIONS} == {
        (fault, market) for fault in (*FAULTS, SPLIT, OUTAGE, NONE) for market in MARKETS
    }
    assert len({bad for _, _, sources, bad in COMBINATIONS if sources == 6 and len(bad) == 2}) == 15


def test_a_case_is_always_the_same() -> None:
    assert repr(case_of(4711)) == repr(case_of(4711))
