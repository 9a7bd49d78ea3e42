from datetime import timedelta
from decimal import Decimal

import pytest

from price_service.domain.agreement import decide
from price_service.domain.health import SourceHealth, band, next_health
from price_service.domain.market import session_opened
from price_service.domain.model import Reason
from tests.support.market_day import NOON, SLOT, quote, quotes, refusal

GOOD, FAR, SILENT = "4390", "4420", ""


def healths(*prices: str, others: int = 2) -> list[SourceHealth]:
    """What is known of a source after each slot in which it said such a price."""
    known, history, made = None, [], []
    for number, price in enumerate(prices):
        slot = NOON + number * SLOT
        step = Decimal(number) / 10
        answer = quote("a", Decimal(price) + step, slot) if price else refusal("a")
        peers = ("swissquote", "b", "c", "d")[:others]
        tick = decide(slot, [answer, *quotes(slot, **dict.fromkeys(peers, 4390 + step))], history)
        history.insert(0, tick)
        known = next_health(known, tick.verdicts[0], tick)
        made.append(known)
    return made


def states(*prices: str) -> list[str]:
    return [health.state for health in healths(*prices)]


def test_a_source_fails_while_its_answers_do_not_count() -> None:
    assert states(GOOD, SILENT, SILENT, GOOD) == ["ok", "failing", "failing", "ok"]
    assert [health.failures for health in healths(GOOD, SILENT, SILENT, GOOD)] == [0, 1, 2, 0]


def test_a_source_is_remembered_by_its_last_answer_and_its_last_quote() -> None:
    *_, last = healths(GOOD, GOOD, SILENT)

    assert (last.source, last.reason) == ("a", Reason.TIMED_OUT)
    assert last.last_quote_at == NOON + SLOT


def test_quarantine_begins_with_the_second_quote_in_a_row_that_is_far_off() -> None:
    assert states(FAR, GOOD, FAR, FAR) == ["ok", "ok", "ok", "quarantined"]


def test_silence_is_no_quote_and_ends_no_row() -> None:
    assert states(FAR, SILENT, FAR) == ["ok", "failing", "quarantined"]
    assert healths(GOOD, SILENT, GOOD)[-1].clean == 2


def test_quarantine_ends_after_six_clean_quotes_in_a_row() -> None:
    again = [FAR] * 2 + [GOOD] * 5 + [FAR] + [GOOD] * 6

    assert states(*again) == ["ok", *["quarantined"] * 12, "ok"]


def test_quarantine_tells_since_when() -> None:
    *_, last = healths(FAR, FAR, FAR)

    assert last.quarantined_since == NOON + SLOT


def test_a_jump_that_waits_for_confirmation_is_measured_by_itself() -> None:
    jumped = quotes(a="4600", swissquote="4600", b="4390")
    before = decide(NOON - SLOT, quotes(NOON - SLOT, a="4390", swissquote="4390", b="4390"), [])
    tick = decide(NOON, jumped, [before])
    known = SourceHealth("x", Reason.COUNTED)

    assert tick.state == "held"
    assert [next_health(known, verdict, tick).outside for verdict in tick.verdicts] == [0, 0, 1]


def test_nobody_is_far_off_where_nothing_was_agreed_on() -> None:
    split = decide(NOON, quotes(a="4390", swissquote="4500", b="4600"), [])
    known = SourceHealth("a", Reason.COUNTED, outside=1, clean=1)

    after = next_health(known, split.verdicts[0], split)

    assert (after.outside, after.clean) == (1, 1)


def test_what_is_no_price_of_gold_is_far_off_whatever_the_others_say() -> None:
    tick = decide(NOON, [quote("a", "NaN"), quote("b", "3760", currency="EUR")], [])

    assert [next_health(None, verdict, tick).outside for verdict in tick.verdicts] == [1, 1]


@pytest.mark.parametrize(("price", "row"), [("4390", (1, 1)), ("4500", (2, 0))])
def test_a_quote_that_is_too_old_is_never_clean_and_may_be_far_off(price, row) -> None:
    late = quote("a", price, quoted_at=NOON - timedelta(hours=1))
    tick = decide(NOON, [late, *quotes(swissquote="4390", b="4390")], [])

    after = next_health(
        SourceHealth("a", Reason.COUNTED, outside=1, clean=1), tick.verdicts[0], tick
    )

    assert (after.outside, after.clean) == row
    assert after.state == ("failing" if price == "4390" else "quarantined")


def test_a_closed_market_says_nothing_about_its_sources() -> None:
    saturday = NOON + timedelta(days=4)
    known = SourceHealth("a", Reason.TIMED_OUT, failures=2, outside=1, clean=0)
    tick = decide(saturday, quotes(saturday, a="4390"), [])

    after = next_health(known, tick.verdicts[0], tick)

    assert session_opened(saturday) is None
    assert (after.failures, after.outside, after.clean) == (2, 1, 0)
    assert (after.reason, after.last_quote_at) == (Reason.MARKET_CLOSED, saturday)


@pytest.mark.parametrize(
    ("votes", "share"),
    [
        (("1000", "1000", "1000"), "0.005"),
        (("999.5", "1000", "1000.5"), "0.005"),
        (("999", "1000", "1001"), "0.007413"),
        (("998", "1000", "1002"), "0.01"),
        (("900", "1000", "1100"), "0.01"),
        (("1000", "1001", "1500"), "0.007405594405594405594405594406"),
    ],
)
def test_far_off_is_half_a_percent_to_one_by_how_much_the_votes_differ(votes, share) -> None:
    assert band([Decimal(vote) for vote in votes]) == Decimal(share)


@pytest.mark.parametrize(("price", "outside"), [("4411.95", 0), ("4411.96", 1)])
def test_far_off_is_beyond_the_band_and_not_on_it(price, outside) -> None:
    assert healths(price, others=4)[0].outside == outside


def test_quarantine_changes_no_vote() -> None:
    history = []
    for number in range(3):
        slot = NOON + number * SLOT
        answers = quotes(slot, swissquote=4390 + number, a=4390 + number, bad=4420 + number)
        history.insert(0, decide(slot, answers, history))

    assert [tick.counted for tick in history] == [3, 3, 3]
