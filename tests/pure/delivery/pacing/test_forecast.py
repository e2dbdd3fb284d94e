"""The forecast: what bounds it, and that more people never take less time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.pacing.forecast import HORIZON, End, Road, assumed, end_of, end_of_all, in_turns
from esp.delivery.pacing.warm_up import CURVE, WarmUp

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
FIRST_DAY = WarmUp(NOW)


@pytest.mark.parametrize(
    ("road", "minutes", "bound"),
    [
        (Road(0, 60), 0, "speed"),
        (Road(600, 60), 10, "speed"),
        (Road(600, 60, limit=6), 100, "limit"),
        (Road(600, 60, limit=6000), 10, "speed"),
        (Road(600, 60, opens_at=NOW + 5 * MINUTE), 15, "speed"),
        (Road(60, 60, opens_at=NOW + 5 * MINUTE), 6, "pause"),
        (Road(60, 60, opens_at=NOW - 5 * MINUTE), 1, "speed"),
        # A day's mail of the curve goes within eight hours.
        (Road(25, 60, warm_up=FIRST_DAY), 240, "warm_up"),
        (Road(25, 0.1, warm_up=FIRST_DAY), 250, "speed"),
        # The rest on the next day, when twice as many may go.
        (Road(50 + 50, 60, warm_up=FIRST_DAY), 24 * 60 + 240, "warm_up"),
        (Road(10, 60, warm_up=FIRST_DAY, sent_today=50), 24 * 60 + 48, "warm_up"),
        # A curve that stood still for a day, and one that is over.
        (Road(25, 60, warm_up=WarmUp(NOW - DAY, 1, 1)), 240, "warm_up"),
        (Road(600, 60, warm_up=WarmUp(NOW - 30 * DAY, 30, 0)), 10, "speed"),
    ],
)  # fmt: skip
def test_the_end_and_what_bounds_it(road: Road, minutes: float, bound: str):
    found = end_of(road, NOW)

    assert found.at is not None
    assert (found.at - NOW) / MINUTE == pytest.approx(minutes)
    assert found.bound == bound


def test_a_road_that_a_person_closed_has_no_end():
    assert end_of(Road(1, 60, is_held=True), NOW) == End(None, "hold")
    assert end_of(Road(0, 60, is_held=True), NOW) == End(NOW, "speed")


def test_nothing_is_foretold_beyond_the_horizon():
    for road in (Road(10**9, 0.001), Road(10**9, 60, warm_up=FIRST_DAY), Road(1, 0)):
        found = end_of(road, NOW).at
        assert found is not None and found <= NOW + HORIZON


def test_the_whole_curve_is_walked():
    road = Road(sum(CURVE), 10**6, warm_up=FIRST_DAY)

    found = end_of(road, NOW).at

    assert found == NOW + (len(CURVE) - 1) * DAY + timedelta(hours=8)


def test_the_slowest_provider_decides_and_the_broadcasts_rate_is_of_all():
    ends = [End(NOW + 5 * MINUTE, "speed"), End(NOW + 9 * MINUTE, "limit")]

    assert end_of_all(ends, None, 1000, NOW) == End(NOW + 9 * MINUTE, "limit")
    assert end_of_all(ends, 200, 1000, NOW) == End(NOW + 9 * MINUTE, "limit")
    assert end_of_all(ends, 50, 1000, NOW) == End(NOW + 20 * MINUTE, "rate")
    assert end_of_all([*ends, End(None, "hold")], 50, 1000, NOW) == End(None, "hold")
    assert end_of_all([], 50, 0, NOW) == End(NOW, "speed")


def test_broadcasts_go_in_turns():
    assert in_turns(100, []) == 100
    assert in_turns(100, [10, 100, 5000]) == 100 + 10 + 100 + 100
    assert assumed(5) == 300


counts = st.integers(0, 3_000_000)
rates = st.floats(0.1, 1e5)
warming = st.none() | st.builds(
    lambda age, held: WarmUp(NOW - age, age // DAY, min(held, age // DAY)),
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.integers(0, 40),
)
roads = st.builds(
    Road,
    counts,
    rates,
    st.none() | rates,
    st.none() | st.timedeltas(-3 * DAY, 7 * DAY).map(lambda apart: NOW + apart),
    st.just(False),
    warming,
    st.integers(0, 100_000),
)  # fmt: skip


@given(roads, st.integers(0, 1_000_000))
def test_more_recipients_never_finish_earlier(road: Road, more: int):
    larger = Road(
        road.recipients + more, road.speed, road.limit, road.opens_at, False, road.warm_up,
        road.sent_today,
    )  # fmt: skip

    first, second = end_of(road, NOW).at, end_of(larger, NOW).at

    assert first is not None and second is not None
    assert NOW <= first <= second + timedelta(microseconds=5)


@given(roads, rates)
def test_a_limit_never_makes_it_faster(road: Road, limit: float):
    free = Road(road.recipients, road.speed)
    limited = Road(road.recipients, road.speed, limit, road.opens_at, False, road.warm_up)

    first, second = end_of(free, NOW).at, end_of(limited, NOW).at

    assert first is not None and second is not None
    assert first <= second


@given(st.lists(roads, max_size=5), st.none() | rates)
def test_all_together_end_with_the_last(found: list[Road], rate: float | None):
    ends = [end_of(road, NOW) for road in found]
    whole = end_of_all(ends, rate, sum(road.recipients for road in found), NOW)

    assert whole.at is not None
    assert all(end.at is not None and end.at <= whole.at for end in ends)


@given(counts, st.lists(counts, max_size=5), st.integers(0, 1000))
def test_a_larger_broadcast_waits_for_no_fewer(own: int, others: list[int], more: int):
    assert own <= in_turns(own, others) <= own + sum(others)
    assert in_turns(own + more, others) >= in_turns(own, others)
