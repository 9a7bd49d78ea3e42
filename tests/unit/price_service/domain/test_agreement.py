from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from price_service.domain.agreement import accept, bid_and_ask, decide, wants_more_votes
from price_service.domain.model import Reason, TickReason
from tests.support.market_day import NOON, SLOT, day, quote, quotes, refusal, run

FRIDAY_CLOSE = datetime(2026, 8, 21, 21, 0, tzinfo=UTC)


def agree(**prices: str):
    return decide(NOON, quotes(**prices), [])


class TestMajority:
    def test_publishes_the_raw_median(self):
        tick = agree(swissquote="4390", a="4389.5", b="4391")

        assert (tick.state, tick.reason) == ("fresh", TickReason.AGREED)
        assert tick.price == Decimal("4390")
        assert tick.as_of == tick.slot == NOON
        assert tick.origin == "live"
        assert (tick.counted, tick.agreeing) == (3, 3)
        assert tick.spread_bps == 3
        assert tick.may_trigger

    def test_takes_the_middle_of_an_even_number(self):
        assert agree(swissquote="4390", a="4389", b="4391", c="4392").price == Decimal("4390.5")

    def test_outvotes_a_bad_source_without_dropping_it_first(self):
        # without the bad one the median would be 4390.5, the middle of the two honest ones
        tick = agree(swissquote="4390", a="4391", bad="8780")

        assert tick.price == Decimal(4391)
        assert (tick.counted, tick.agreeing) == (3, 2)
        assert [verdict.agrees for verdict in tick.verdicts] == [True, True, False]

    @pytest.mark.parametrize(("far", "state"), [("4411.95", "fresh"), ("4411.96", "held")])
    def test_lies_within_half_a_percent_of_the_median(self, far, state):
        # 0.5 % of the median, 4390, is 21.95
        assert agree(a="1000", swissquote="4390", b=far).state == state

    def test_is_a_strict_one(self):
        tick = agree(swissquote="4390", a="4390.5", b="4500", c="4500.5")

        assert (tick.state, tick.reason) == ("held", TickReason.SPLIT)
        assert (tick.counted, tick.agreeing) == (4, 0)
        assert not tick.may_trigger

    def test_of_four_is_not_two(self):
        tick = agree(low="4000", swissquote="4390", a="4391", high="4800")

        assert (tick.state, tick.agreeing) == ("held", 2)


class TestTwoQuotes:
    def test_agree_on_their_middle(self):
        tick = agree(swissquote="4390", a="4391")

        assert (tick.state, tick.reason) == ("reduced", TickReason.TWO_SOURCES)
        assert tick.price == Decimal("4390.5")
        assert tick.may_trigger

    @pytest.mark.parametrize(("other", "state"), [("1001.5", "reduced"), ("1001.51", "held")])
    def test_lie_within_0_3_percent_of_their_middle(self, other, state):
        assert agree(swissquote="998.5", a=other).state == state


def test_one_quote_is_held():
    tick = agree(swissquote="4390")

    assert (tick.state, tick.reason) == ("held", TickReason.ONE_SOURCE)
    assert tick.price is None


def test_no_quote_is_stale():
    tick = decide(NOON, [refusal("swissquote"), refusal("a")], [])

    assert (tick.state, tick.reason) == ("stale", TickReason.NO_QUOTES)
    assert not tick.may_trigger


@pytest.mark.parametrize(
    ("slot", "state"),
    [
        ({"swissquote": "4390", "a": "4500", "b": "4600"}, "held"),
        ({"swissquote": "", "a": "", "b": ""}, "stale"),
    ],
)
def test_without_agreement_the_last_price_and_its_time_stay(slot, state):
    first, second = day({"swissquote": "4390", "a": "4390", "b": "4391"}, slot)

    assert second.state == state
    assert second.price == first.price == Decimal(4390)
    assert second.as_of == first.slot
    assert second.slot == first.slot + SLOT


class TestUpstreams:
    def test_share_one_vote(self):
        answers = [
            quote("mirror-1", "4500", upstream="upstream"),
            quote("mirror-2", "4500", upstream="upstream"),
            quote("mirror-3", "4501", upstream="upstream"),
            *quotes(swissquote="4390", a="4391"),
        ]

        tick = decide(NOON, answers, [])

        assert tick.price == Decimal(4391)
        assert (tick.counted, tick.agreeing) == (3, 2)

    def test_vote_with_the_median_of_their_mirrors(self):
        answers = [
            quote("mirror-1", "4390", upstream="upstream"),
            quote("mirror-2", "4391", upstream="upstream"),
            quote("mirror-3", "9999", upstream="upstream"),
            *quotes(swissquote="4392"),
        ]

        assert decide(NOON, answers, []).price == Decimal("4391.5")


class TestQuoteTime:
    def test_is_needed_of_one_source_for_a_fresh_price(self):
        tick = agree(a="4390", b="4390", c="4391")

        assert (tick.state, tick.reason) == ("reduced", TickReason.NO_QUOTE_TIME)
        assert tick.may_trigger

    def test_of_a_source_that_disagrees_vouches_for_nothing(self):
        tick = agree(a="4390", b="4390.5", swissquote="4500")

        assert tick.reason is TickReason.NO_QUOTE_TIME


class TestClosedMarket:
    def test_freezes_price_and_time(self):
        ticks = day(
            {"swissquote": "4390", "a": "4390", "b": "4391"},
            {"swissquote": "4440", "a": "4440", "b": "4441"},
            start=FRIDAY_CLOSE - SLOT,
        )

        assert [tick.state for tick in ticks] == ["fresh", "closed"]
        assert ticks[1].reason is TickReason.MARKET_CLOSED
        assert ticks[1].price == Decimal(4390)
        assert ticks[1].as_of == ticks[0].slot
        assert not ticks[1].may_trigger

    def test_still_keeps_what_the_sources_said(self):
        tick = decide(FRIDAY_CLOSE, [quote("a", "4390"), refusal("b")], [])

        assert [verdict.reason for verdict in tick.verdicts] == [
            Reason.MARKET_CLOSED,
            Reason.TIMED_OUT,
        ]
        assert tick.values == {"a": Decimal(4390)}

    def test_takes_no_value_from_what_is_no_price_of_gold(self):
        """R1."""
        answers = [quote("a", "NaN"), quote("b", "3760", currency="EUR"), quote("c", "99.99")]

        tick = decide(FRIDAY_CLOSE, answers, [])

        assert [verdict.reason for verdict in tick.verdicts] == [
            Reason.OUT_OF_BOUNDS,
            Reason.WRONG_CURRENCY,
            Reason.OUT_OF_BOUNDS,
        ]
        assert tick.values == {}


class TestQuotesThatAreNotNew:
    """They have no vote, but draw the price to their side of the votes."""

    OLD = NOON - timedelta(hours=1)

    def agree(self, *old: str, **new: str):
        known = [quote(f"old-{n}", price, quoted_at=self.OLD) for n, price in enumerate(old)]
        return decide(NOON, [*quotes(**new), *known], [])

    @pytest.mark.parametrize(
        ("old", "price"), [("4000", "4390"), ("4390.25", "4390.25"), ("4800", "4391")]
    )
    def test_say_where_between_two_votes_the_price_is(self, old, price):
        tick = self.agree(old, swissquote="4390", a="4391")

        assert (tick.state, tick.counted) == ("reduced", 2)
        assert tick.price == Decimal(price)
        assert tick.sources == ["swissquote", "a"]

    def test_keep_a_bad_source_from_drawing_the_price_away_from_the_only_new_honest_quote(self):
        """R1."""
        assert self.agree("4390.1", swissquote="4390", bad="4402").price == Decimal("4390.1")

    def test_leave_no_majority_to_two_that_are_wrong_together(self):
        """R1. A split of two and two, of which two have nothing new to say."""
        tick = self.agree("4390", "4390", swissquote="4600", bad="4600")

        assert (tick.state, tick.reason) == ("held", TickReason.SPLIT)

    def test_share_what_they_say_with_their_upstream(self):
        mirrors = [
            quote("swissquote", "4390", upstream="one"),
            quote("mirror", "4390", upstream="one", quoted_at=self.OLD),
        ]

        tick = decide(NOON, [*mirrors, *quotes(a="4391", b="4392")], [])

        assert (tick.price, tick.counted) == (Decimal(4391), 3)

    def test_have_nothing_to_say_when_they_are_none_of_gold(self):
        answers = [
            *quotes(swissquote="4390", a="4391"),
            quote("euro", "3800", currency="EUR"),
            quote("zero", "0"),
        ]

        assert decide(NOON, answers, []).price == Decimal("4390.5")


class TestBidAndAsk:
    """What the sources behind a price buy and sell for."""

    def tick(self, *spreads: tuple[str, str], **prices: str):
        quoted = [
            quote(f"timed-{n}", "4390", bid=Decimal(bid), ask=Decimal(ask))
            for n, (bid, ask) in enumerate(spreads)
        ]
        return decide(NOON, [*quoted, *quotes(**prices)], [])

    def test_are_the_medians_of_those_that_say_both(self):
        tick = self.tick(("4389", "4391"), ("4389.5", "4390.5"), swissquote="4390")

        assert bid_and_ask(tick) == (Decimal("4389.25"), Decimal("4390.75"))

    def test_of_one_that_does_not_agree_are_left_out(self):
        far = quote("far", "4500", bid=Decimal(4000), ask=Decimal(5000))
        near = quote("swissquote", "4390", bid=Decimal(4389), ask=Decimal(4391))

        tick = decide(NOON, [near, far, quote("a", "4390")], [])

        assert bid_and_ask(tick) == (Decimal(4389), Decimal(4391))

    @pytest.mark.parametrize("changes", [{"bid": Decimal(4389)}, {"ask": Decimal(4391)}, {}])
    def test_are_told_together_or_not_at_all(self, changes):
        tick = decide(NOON, [quote("swissquote", "4390", **changes), quote("a", "4390")], [])

        assert bid_and_ask(tick) is None

    @pytest.mark.parametrize(
        ("spread", "is_told"),
        [
            (("4390", "4391"), True),
            (("4389", "4390"), True),
            (("4390.01", "4391"), False),
            (("4389", "4389.99"), False),
        ],
    )
    def test_are_told_where_they_enclose_the_price(self, spread, is_told):
        tick = self.tick(spread, swissquote="4390", a="4390")

        assert tick.price == Decimal(4390)
        assert (bid_and_ask(tick) is not None) is is_told

    def test_are_not_those_of_a_price_that_is_held(self):
        before = decide(NOON - SLOT, quotes(NOON - SLOT, swissquote="4390", a="4390"), [])
        jumped = [
            quote("swissquote", "4460", bid=Decimal(4000), ask=Decimal(5000)),
            quote("a", "4460"),
        ]

        tick = decide(NOON, jumped, [before])

        assert (tick.state, tick.price) == ("held", Decimal(4390))
        assert bid_and_ask(tick) is None

    def test_are_not_there_without_a_price(self):
        assert bid_and_ask(decide(NOON, [refusal("swissquote")], [])) is None


CALM = {"swissquote": "4000", "a": "4000", "b": "4000"}


class TestJump:
    """A price that is far from the last one."""

    def test_of_one_percent_is_none(self):
        ticks = day(CALM, {"swissquote": "4040", "a": "4040", "b": ""})

        assert ticks[1].price == Decimal(4040)

    def test_is_published_at_once_when_three_upstreams_agree(self):
        ticks = day(CALM, {"swissquote": "4160", "a": "4161", "b": "4162"})

        assert ticks[1].state == "fresh"
        assert ticks[1].price == Decimal(4161)

    def test_of_two_upstreams_is_held_one_slot_and_then_reduced(self):
        moved = {"swissquote": "4160", "a": "4161", "b": ""}
        ticks = day(CALM, moved, {**moved, "a": "4162"})

        assert (ticks[1].state, ticks[1].reason) == ("held", TickReason.JUMP_UNCONFIRMED)
        assert ticks[1].price == Decimal(4000)
        assert ticks[1].candidate == Decimal("4160.5")
        assert not ticks[1].may_trigger
        assert (ticks[2].state, ticks[2].reason) == ("reduced", TickReason.JUMP_CONFIRMED)
        assert ticks[2].price == Decimal(4161)
        assert ticks[2].may_trigger

    def test_is_held_again_when_the_next_slot_does_not_confirm_it(self):
        ticks = day(
            CALM,
            {"swissquote": "4160", "a": "4160", "b": ""},
            {"swissquote": "4181", "a": "4181", "b": ""},  # 0.5 % of 4160 is 20.8
            {"swissquote": "4201.9", "a": "4201.9", "b": ""},  # of 4181: 20.905
        )

        assert [tick.state for tick in ticks[1:]] == [
            "held",
            "held",
            "reduced",
        ]

    def test_that_falls_is_a_jump_too(self):
        ticks = day(CALM, {"swissquote": "3959", "a": "3959", "b": ""})

        assert ticks[1].reason is TickReason.JUMP_UNCONFIRMED

    def test_of_more_than_ten_percent_needs_three_upstreams_and_two_slots(self):
        moved = {"swissquote": "4500", "a": "4500", "b": "4501"}
        ticks = day(CALM, moved, moved)

        assert [tick.state for tick in ticks[1:]] == ["held", "fresh"]
        assert ticks[2].price == Decimal(4500)

    @pytest.mark.parametrize(("first", "second"), [("", "4500"), ("4500", ""), ("", "")])
    def test_of_more_than_ten_percent_is_held_without_three_upstreams(self, first, second):
        moved = {"swissquote": "4500", "a": "4500", "b": first}
        ticks = day(CALM, moved, {**moved, "b": second})

        assert ticks[2].state == "held"
        assert ticks[2].price == Decimal(4000)

    def test_of_exactly_ten_percent_passes_with_three_upstreams(self):
        ticks = day(CALM, {"swissquote": "4400", "a": "4400", "b": "4400"})

        assert ticks[1].state == "fresh"

    def test_is_measured_from_the_last_price_that_was_published(self):
        ticks = day(
            CALM,
            {"swissquote": "4030", "a": "", "b": ""},
            {"swissquote": "4050", "a": "4050", "b": ""},
        )

        assert ticks[2].reason is TickReason.JUMP_UNCONFIRMED

    @pytest.mark.parametrize(
        ("moved", "wants"),
        [
            ({"swissquote": "4160", "a": "4160", "b": ""}, True),
            ({"swissquote": "4160", "a": "4160", "b": "4160"}, False),  # it is published
            ({"swissquote": "4500", "a": "4500", "b": "4500"}, False),  # three cannot change it
            ({"swissquote": "4160", "a": "4300", "b": ""}, False),  # is no jump, but a split
            (CALM, False),
        ],
    )
    def test_wants_more_votes_where_these_would_publish_it(self, moved, wants):
        assert wants_more_votes(day(CALM, moved)[1]) is wants

    def test_cannot_be_known_of_the_first_price(self):
        assert day({"swissquote": "4000", "a": "4000", "b": "4000"})[0].may_trigger


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("replay", TickReason.REPLAYED),
        ("simulator", TickReason.SIMULATED),
    ],
)
def test_a_recorded_price_agrees_with_itself_and_is_open(source, reason):
    saturday = datetime(2026, 8, 22, 12, tzinfo=UTC)

    tick = accept(saturday, Decimal("18.93"), source)

    assert (tick.state, tick.reason, tick.origin) == ("fresh", reason, source)
    assert (tick.price, tick.as_of) == (Decimal("18.93"), saturday)
    assert (tick.counted, tick.agreeing, tick.spread_bps) == (1, 1, 0)
    assert tick.may_trigger
    assert [verdict.source for verdict in tick.verdicts] == [source]


def test_a_carried_price_keeps_its_label():
    replayed = accept(NOON - SLOT, Decimal(4390), "replay")

    tick = decide(NOON, [refusal("swissquote")], [replayed])

    assert (tick.state, tick.price, tick.origin) == (
        "stale",
        Decimal(4390),
        "replay",
    )


# --- one bad source, whatever is wrong with it ---------------------------------------------------

SECOND = timedelta(seconds=1)
faults = st.one_of(
    st.sampled_from(["1000", "0.5", "0.0321507", "0.0117", "1.013", "-1", "0"]).map(
        lambda factor: {"factor": Decimal(factor)}
    ),
    st.decimals(min_value="0.9", max_value="1.1", places=5).map(lambda f: {"factor": f}),
    st.sampled_from(["NaN", "Infinity", "0.000227823", "51.22"]).map(
        lambda price: {"price": Decimal(price)}
    ),
    st.just({"currency": "EUR"}),
    st.integers(-600, 600).map(lambda seconds: {"quoted_at": NOON + seconds * SECOND}),
    st.sampled_from([Reason.TIMED_OUT, Reason.MALFORMED]).map(lambda reason: {"refused": reason}),
)


def broken(honest, fault):
    if "refused" in fault:
        return refusal(honest.source, fault["refused"])
    price = fault.get("price", honest.price * fault.get("factor", 1))
    return quote(
        honest.source,
        price,
        currency=fault.get("currency", "USD"),
        quoted_at=fault.get("quoted_at", honest.quoted_at),
    )


@settings(max_examples=1000)
@given(
    honest=st.lists(
        st.decimals(min_value="4385", max_value="4395", places=2), min_size=3, max_size=4
    ),
    position=st.integers(0, 3),
    fault=faults,
    last=st.decimals(min_value="3000", max_value="6000", places=2),
)
def test_one_bad_source_of_three_or_four_never_moves_the_price_out_of_the_honest_range(
    honest, position, fault, last
):
    """R1."""
    assume(position < len(honest))
    names = ["swissquote", "a", "b", "timed"][: len(honest)]
    answers = [quote(name, price) for name, price in zip(names, honest, strict=True)]
    answers[position] = broken(answers[position], fault)
    good = [price for index, price in enumerate(honest) if index != position]
    before = decide(NOON - SLOT, quotes(NOON - SLOT, swissquote=last, a=last, b=last), [])

    tick = decide(NOON, answers, [before])

    if tick.may_trigger:
        assert min(good) <= tick.price <= max(good)
    else:
        assert tick.price == before.price


@given(
    drift=st.decimals(min_value="0.9985", max_value="1.0015", places=5),
    noise=st.lists(st.integers(-200, 200), min_size=2 * 36, max_size=2 * 36),
)
def test_a_source_that_drifts_away_slot_by_slot_never_takes_the_price_along(drift, noise):
    """R1. Slow enough that no slot alone looks wrong."""
    slots, honest, wobble = [], [], iter(noise)
    for number in range(36):
        slot = NOON - 36 * SLOT + number * SLOT
        good = {name: Decimal(4390) + Decimal(next(wobble)) / 100 for name in ("swissquote", "a")}
        honest.append(good)
        bad = Decimal(4390) * drift**number
        slots.append((slot, quotes(slot, **good, bad=bad)))

    for tick, good in zip(run(slots), honest, strict=True):
        if tick.may_trigger:
            assert min(good.values()) <= tick.price <= max(good.values())


@given(
    prices=st.lists(
        st.decimals(min_value="4380", max_value="4400", places=2), min_size=3, max_size=6
    ),
    jump=st.sampled_from(["0.92", "0.96", "1", "1.04", "1.08"]),
)
def test_honest_sources_are_believed_at_once_however_far_they_moved_together(prices, jump):
    """Gold has moved 4 % in a minute and 8 % in an hour."""
    names = ["swissquote", "a", "b", "c", "d", "e"]
    before = dict(zip(names, prices, strict=False))
    after = {name: price * Decimal(jump) + Decimal("0.01") for name, price in before.items()}

    first, second = run([(NOON, quotes(**before)), (NOON + SLOT, quotes(NOON + SLOT, **after))])

    assert first.state is second.state == "fresh"
    assert min(after.values()) <= second.price <= max(after.values())
