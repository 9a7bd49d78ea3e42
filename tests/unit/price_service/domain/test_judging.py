from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from price_service.domain.agreement import decide
from price_service.domain.model import Reason, TickReason
from tests.support.market_day import NOON, SLOT, day, quote, quotes, refusal, run

SUNDAY_OPENING = datetime(2026, 8, 23, 22, 0, tzinfo=UTC)
DAILY_OPENING = datetime(2026, 8, 18, 22, 0, tzinfo=UTC)


def reason(answer, slot=NOON, history=()):
    """What is made of one answer beside two honest ones."""
    answers = [answer, *quotes(slot, timed="4390", other="4391")]
    return decide(slot, answers, history).verdicts[0].reason


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), Reason.COUNTED),
        (timedelta(seconds=300), Reason.COUNTED),
        (timedelta(seconds=301), Reason.TOO_OLD),
        (timedelta(seconds=-60), Reason.COUNTED),
        (timedelta(seconds=-61), Reason.FROM_THE_FUTURE),
        (timedelta(days=400), Reason.TOO_OLD),
    ],
)
def test_a_quote_counts_when_its_time_is_near_the_slot(age, expected):
    assert reason(quote("swissquote", "4390", quoted_at=NOON - age)) is expected


@pytest.mark.parametrize(("late", "expected"), [(60, Reason.COUNTED), (61, Reason.FROM_THE_FUTURE)])
def test_a_quote_without_a_time_is_one_of_when_it_was_received(late, expected):
    received_at = NOON + timedelta(seconds=late)

    assert reason(quote("gold-api", "4390", received_at=received_at)) is expected


def test_a_quote_with_a_time_may_be_received_late():
    late = quote("swissquote", "4390", received_at=NOON + timedelta(hours=1))

    assert reason(late) is Reason.COUNTED


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("NaN", Reason.OUT_OF_BOUNDS),
        ("Infinity", Reason.OUT_OF_BOUNDS),
        ("0", Reason.OUT_OF_BOUNDS),
        ("-4390", Reason.OUT_OF_BOUNDS),
        ("51.22", Reason.OUT_OF_BOUNDS),  # silver
        ("0.000227823", Reason.OUT_OF_BOUNDS),  # not inverted
        ("4390000", Reason.OUT_OF_BOUNDS),
        ("100", Reason.COUNTED),
        ("100000", Reason.COUNTED),
    ],
)
def test_a_price_that_gold_cannot_have_does_not_count(price, expected):
    assert reason(quote("gold-api", price)) is expected


def test_a_price_in_another_currency_does_not_count():
    assert reason(quote("gold-api", "4390", currency="EUR")) is Reason.WRONG_CURRENCY


def test_a_source_without_an_answer_keeps_its_reason():
    assert reason(refusal("gold-api", Reason.TOO_LARGE)) is Reason.TOO_LARGE


class TestUnchangedValue:
    """A value without a time of its own that stands still while its peers move."""

    def test_is_stale_after_three_open_slots(self):
        ticks = day(
            {"gold-api": "4390", "timed": "4390", "other": "4390.2"},
            {"gold-api": "4390", "timed": "4392", "other": "4392.2"},
            {"gold-api": "4390", "timed": "4394", "other": "4394.2"},
            {"gold-api": "4390", "timed": "4395", "other": "4395.2"},
        )

        assert [tick.verdicts[0].reason for tick in ticks] == [
            Reason.COUNTED,
            Reason.COUNTED,
            Reason.COUNTED,
            Reason.UNCHANGED,
        ]

    def test_counts_while_its_peers_have_hardly_moved(self):
        ticks = day(
            {"gold-api": "4390", "timed": "4390", "other": "4390"},
            {"gold-api": "4390", "timed": "4391", "other": "4391.2"},
            {"gold-api": "4390", "timed": "4392", "other": "4392.2"},
            {"gold-api": "4390", "timed": "4394.39", "other": "4394.39"},  # 0.1 % is 4.39
        )

        assert ticks[-1].verdicts[0].reason is Reason.COUNTED

    def test_counts_when_only_one_of_two_peers_has_moved(self):
        ticks = day(
            *[{"gold-api": "4390", "timed": "4390", "other": f"439{n}"} for n in (0, 3, 6, 9)]
        )

        assert ticks[-1].verdicts[0].reason is Reason.COUNTED

    def test_is_stale_when_its_peers_moved_and_came_back(self):
        ticks = day(
            {"gold-api": "4390", "timed": "4390", "other": "4390.2"},
            {"gold-api": "4390", "timed": "4400", "other": "4400.2"},
            {"gold-api": "4390", "timed": "4400", "other": "4400.2"},
            {"gold-api": "4390", "timed": "4390", "other": "4390.1"},
        )

        assert ticks[-1].verdicts[0].reason is Reason.UNCHANGED

    def test_is_stale_though_it_was_silent_in_between(self):
        ticks = day(
            {"gold-api": "4390", "timed": "4390", "other": "4390.2"},
            {"gold-api": "4390", "timed": "4392", "other": "4392.2"},
            {"gold-api": "", "timed": "4393", "other": "4393.2"},
            {"gold-api": "4390", "timed": "4394", "other": "4394.2"},
            {"gold-api": "4390", "timed": "4395", "other": "4395.2"},
        )

        assert ticks[-2].verdicts[0].reason is Reason.COUNTED
        assert ticks[-1].verdicts[0].reason is Reason.UNCHANGED

    def test_counts_again_once_it_moves(self):
        ticks = day(
            *[{"gold-api": "4390", "timed": f"4390.{n}", "other": f"439{n}"} for n in (0, 3, 6, 9)],
            {"gold-api": "4399.5", "timed": "4399.5", "other": "4399.8"},
        )

        assert ticks[-1].verdicts[0].reason is Reason.COUNTED

    def test_with_a_time_of_its_own_is_judged_by_that_alone(self):
        ticks = day(*[{"timed": "4390", "a": f"439{n}", "b": f"439{n}.2"} for n in (0, 3, 6, 9)])

        assert ticks[-1].verdicts[0].reason is Reason.COUNTED

    def test_is_stale_when_two_of_three_peers_have_moved(self):
        ticks = day(
            *[
                {"gold-api": "4390", "timed": f"439{n}", "other": f"439{n}", "third": f"4390.{n}"}
                for n in (0, 3, 6, 9)
            ]
        )

        assert ticks[-1].verdicts[0].reason is Reason.UNCHANGED

    def test_of_a_mirror_is_not_its_own_peer(self):
        ticks = run(
            (
                slot := NOON + n * SLOT,
                [
                    quote("gold-api", "4390", slot, upstream="upstream"),
                    quote("mirror", f"439{n}", slot, upstream="upstream"),
                ],
            )
            for n in (0, 3, 6, 9)
        )

        assert ticks[-1].verdicts[0].reason is Reason.COUNTED

    def test_is_not_measured_by_peers_that_do_not_count(self):
        ticks = run(
            (
                slot := NOON + n * SLOT,
                [
                    quote("gold-api", "4390", slot),
                    quote("timed", f"439{n}", slot, quoted_at=slot - timedelta(hours=1)),
                ],
            )
            for n in (0, 3, 6, 9)
        )

        assert ticks[-1].verdicts[0].reason is Reason.COUNTED


class TestOneOfTwo:
    """With one peer only, a value that stands still would be half of the price."""

    def test_is_stale_once_its_peer_has_moved_however_slowly(self):
        ticks = day(*[{"gold-api": "4390", "timed": f"{4390 + n}"} for n in range(6)])

        assert [tick.verdicts[0].reason for tick in ticks[3:]] == [
            Reason.COUNTED,
            Reason.COUNTED,  # 4 are not yet 0.1 %
            Reason.UNCHANGED,
        ]

    def test_is_stale_when_it_is_the_same_for_fifty_minutes_whatever_its_peer_does(self):
        ticks = day(*[{"gold-api": "4390", "timed": f"4390.{n:02}"} for n in range(12)])

        assert [tick.verdicts[0].reason for tick in ticks[9:]] == [
            Reason.COUNTED,
            Reason.UNCHANGED,
            Reason.UNCHANGED,
        ]
        assert (ticks[-1].state, ticks[-1].reason) == ("held", TickReason.ONE_SOURCE)

    def test_never_counts_while_it_is_that_of_the_last_session(self):
        """Long after the closing is forgotten, too."""
        ticks = day(
            {"gold-api": "4000", "timed": "4000"},
            *[{"gold-api": "4000", "timed": f"4011.{n:03}"} for n in range(150)],
            start=SUNDAY_OPENING - SLOT,
        )

        assert ticks[0].state == "closed"
        assert {tick.verdicts[0].reason for tick in ticks[1:]} == {
            Reason.FROM_BEFORE_OPENING,
            Reason.UNCHANGED,
        }
        assert not any(tick.may_trigger for tick in ticks)


class TestReopening:
    """After an opening only what was quoted after it counts."""

    @pytest.mark.parametrize("opening", [SUNDAY_OPENING, DAILY_OPENING])
    def test_a_quote_from_before_does_not_count_however_young(self, opening):
        slot = opening + timedelta(seconds=30)
        before = quote("swissquote", "4390", quoted_at=opening - timedelta(seconds=1))
        after = quote("swissquote", "4390", quoted_at=opening)

        assert reason(before, slot) is Reason.FROM_BEFORE_OPENING
        assert reason(after, slot) is Reason.COUNTED

    def test_a_value_without_a_time_counts_once_it_has_left_that_of_the_break(self):
        start = DAILY_OPENING - timedelta(minutes=5)
        ticks = day(
            {"gold-api": "4390", "timed": "4390", "other": "4390"},
            {"gold-api": "4390", "timed": "4420", "other": "4421"},
            {"gold-api": "4421.5", "timed": "4421", "other": "4422"},
            {"gold-api": "4390", "timed": "4390.5", "other": "4391"},
            start=start,
        )

        assert ticks[0].state == "closed"
        assert [tick.verdicts[0].reason for tick in ticks[1:]] == [
            Reason.FROM_BEFORE_OPENING,
            Reason.COUNTED,
            Reason.COUNTED,
        ]

    def test_a_value_without_a_time_that_has_not_left_that_of_the_break_never_counts(self):
        *_, last = day(
            *[{"gold-api": "4390", "timed": f"4390.{n}", "other": f"4391.{n}"} for n in range(6)],
            start=DAILY_OPENING - timedelta(minutes=5),
        )

        assert last.slot == DAILY_OPENING + timedelta(minutes=20)
        assert last.verdicts[0].reason is Reason.FROM_BEFORE_OPENING

    def test_that_is_said_of_a_value_that_has_stood_through_the_whole_break(self):
        *_, last = day(
            *[{"gold-api": "4390", "timed": "4390", "other": "4391"}] * 12,
            {"gold-api": "4390", "timed": "4420", "other": "4421"},
            start=DAILY_OPENING - 12 * SLOT,
        )

        assert last.verdicts[0].reason is Reason.FROM_BEFORE_OPENING

    def test_a_value_without_a_time_may_leave_that_of_the_break_with_the_opening(self):
        *_, last = day(
            {"gold-api": "4390", "timed": "4390", "other": "4391"},
            {"gold-api": "4391", "timed": "4391", "other": "4391"},
            {"gold-api": "4390", "timed": "4390", "other": "4391"},
            start=DAILY_OPENING - timedelta(minutes=5),
        )

        assert last.verdicts[0].reason is Reason.COUNTED

    def test_what_a_value_did_before_the_closing_does_not_count(self):
        ticks = day(
            {"gold-api": "4380", "timed": "4380", "other": "4380"},
            {"gold-api": "4390", "timed": "4390", "other": "4390"},
            {"gold-api": "4390", "timed": "4390.5", "other": "4391"},
            start=DAILY_OPENING - timedelta(minutes=65),
        )
        reopened = decide(DAILY_OPENING, quotes(DAILY_OPENING, **{"gold-api": "4390"}), ticks[::-1])

        assert [tick.state for tick in ticks[1:]] == ["closed", "closed"]
        assert reopened.verdicts[0].reason is Reason.FROM_BEFORE_OPENING

    def test_a_value_that_was_never_seen_before_counts_when_it_moves(self):
        first, second = day(
            {"gold-api": "4390", "timed": "4390", "other": "4391"},
            {"gold-api": "4390.5", "timed": "4390", "other": "4391"},
            start=SUNDAY_OPENING + timedelta(seconds=10),
        )

        assert first.verdicts[0].reason is Reason.FROM_BEFORE_OPENING
        assert second.verdicts[0].reason is Reason.COUNTED

    @pytest.mark.parametrize(
        ("minutes", "expected"), [(14, Reason.FROM_BEFORE_OPENING), (15, Reason.COUNTED)]
    )
    def test_a_value_that_was_never_seen_before_counts_when_it_has_settled(self, minutes, expected):
        slot = SUNDAY_OPENING + timedelta(minutes=minutes)

        assert reason(quote("gold-api", "4390", slot), slot) is expected


class TestFrozenMarket:
    """Open by the calendar, but most quotes have stopped."""

    def test_is_unknown_and_keeps_its_price(self):
        moving = {"swissquote": "4391", "gold-api": "4390", "coinbase": "4390.5"}
        *_, last = day(*[moving] * 4)

        assert last.state == "unknown"
        assert last.reason is TickReason.QUOTES_FROZEN
        assert last.price == Decimal("4390.5")
        assert last.as_of == NOON + timedelta(minutes=10)
        assert not last.may_trigger

    def test_is_open_while_half_of_it_moves(self):
        *_, last = day(
            *[
                {"swissquote": "4391", "gold-api": "4390", "coinbase": f"4390.{n}"}
                for n in range(3)
            ],
            {"swissquote": "4391", "gold-api": "4390", "coinbase": "4390.4"},
        )

        assert last.state == "fresh"

    def test_is_recognised_by_old_quote_times(self):
        old = NOON - timedelta(hours=2)
        answers = [
            quote("swissquote", "4390", quoted_at=old),
            quote("timed", "4391", quoted_at=old),
            quote("gold-api", "4390"),
        ]

        assert decide(NOON, answers, []).state == "unknown"

    def test_is_recognised_by_the_quotes_that_there_are(self):
        answers = [
            quote("swissquote", "4390", quoted_at=NOON - timedelta(hours=2)),
            quote("gold-api", "3762", currency="EUR"),
            quote("other", "141.12", currency="EUR"),
            refusal("coinbase"),
        ]

        assert decide(NOON, answers, []).state == "unknown"

    def test_is_not_seen_in_sources_that_are_down(self):
        answers = [refusal("swissquote"), refusal("coinbase"), quote("gold-api", "4390")]

        assert decide(NOON, answers, []).reason is TickReason.ONE_SOURCE
