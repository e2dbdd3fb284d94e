"""The limits of a provider, as known and as set by people; the first weeks; parts of processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.pacing import limits, warm_up
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.shares import TURN, allot, fair
from esp.delivery.pacing.slots import Grant, Slots, most
from esp.delivery.pacing.warm_up import CURVE, Day, WarmUp

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NONE = SimpleNamespace(max_connections=None, messages_per_connection=None, rate_per_minute=None)


@pytest.mark.standard("THR-02")
@pytest.mark.parametrize(
    ("provider", "connections", "messages"),
    [
        ("google", 5, 50),
        ("yahoo", 10, 20),
        ("microsoft", 5, 50),
        ("apple", 10, 5),
        ("orange", 2, 100),
        ("telkom", 10, 100),
        ("other", 10, 100),
    ],
)
def test_what_a_provider_gets_by_itself(provider, connections, messages):
    assert limits.of(provider, None) == Limits(connections, messages, None)
    assert limits.of(provider, NONE) == Limits(connections, messages, None)


def test_people_know_better():
    row = SimpleNamespace(max_connections=3, messages_per_connection=None, rate_per_minute=90)
    assert limits.of("google", row) == Limits(3, 50, 90)


# -- the first weeks --------------------------------------------------------------------------


def good(began: datetime) -> Day:
    return Day(sent=10**7)


@pytest.mark.standard("RCV-06")
def test_the_cap_grows_each_good_day_and_ends():
    warm = WarmUp(AT)
    caps = []
    for number in range(len(CURVE) + 2):
        warm = warm_up.judged(warm, AT + timedelta(days=number, hours=3), good)
        caps.append(warm_up.allowance(warm))
    assert caps == [*CURVE, None, None]
    assert list(CURVE) == sorted(CURVE)


@pytest.mark.standard("RCV-06")
@pytest.mark.parametrize(
    "day",
    [
        Day(sent=40, deferred=3),
        Day(sent=40, failed=3),
        Day(sent=40, complained=2),
        Day(sent=24),
        Day(),
    ],
)
def test_the_curve_stands_still_after_a_day_that_was_not_good(day):
    warm = warm_up.judged(WarmUp(AT), AT + timedelta(days=1), lambda _: day)
    assert warm == WarmUp(AT, 1, 1)
    assert warm_up.allowance(warm) == CURVE[0]
    assert warm_up.judged(warm, AT + timedelta(days=1, hours=5), good) == warm
    assert warm_up.allowance(warm_up.judged(warm, AT + timedelta(days=2), good)) == CURVE[1]


def test_todays_allowance_is_a_rate_until_it_is_used_up():
    assert warm_up.rate(WarmUp(AT), 0) == 50 / 480
    assert warm_up.rate(WarmUp(AT), 50) == 0
    assert warm_up.rate(WarmUp(AT, len(CURVE)), 0) is None
    assert warm_up.day_began(WarmUp(AT), AT + timedelta(days=2, hours=5)) == AT + timedelta(days=2)


# -- parts of processes -----------------------------------------------------------------------


@given(st.integers(1, 30), st.integers(1, 12), st.floats(0, 1e6))
def test_the_parts_are_fair_and_make_the_whole(limit, count, now):
    owners = [f"p{number}" for number in range(count)]
    parts = [fair(limit, owners, owner, now) for owner in owners]
    assert sum(parts) == limit
    assert max(parts) - min(parts) <= 1


@given(st.integers(1, 5), st.integers(2, 12))
def test_with_fewer_connections_than_processes_everybody_has_a_turn(limit, count):
    owners = [f"p{number}" for number in range(count)]
    for owner in owners:
        turns = [fair(limit, owners, owner, TURN * turn) for turn in range(count)]
        assert max(turns) >= 1


@given(
    st.integers(1, 12),
    st.lists(
        st.tuples(st.integers(0, 4), st.booleans(), st.floats(0, 20), st.booleans()), max_size=80
    ),
)
def test_processes_that_come_and_go_never_have_more_than_the_limit(limit, told):
    held: dict[str, int] = {}
    opened: dict[str, int] = {}
    now = 0.0
    for number, dies, seconds, eager in told:
        now += seconds
        owner = f"p{number}"
        if dies:
            held.pop(owner, None)
            opened.pop(owner, None)
            continue
        mine = allot(limit, held, owner, now)
        held[owner] = max(mine, opened.get(owner, 0))
        # It opens at once what it may, or closes only some of what is too much.
        opened[owner] = mine if eager else min(opened.get(owner, 0), mine + 1)
        assert sum(opened.values()) <= sum(held.values()) <= limit


# -- slots ------------------------------------------------------------------------------------


def test_slots_are_used_in_their_time_and_not_in_a_rush():
    gap = timedelta(milliseconds=100)
    assert most(gap) == 2
    assert most(timedelta(minutes=1)) == 1
    slots = Slots()
    assert slots.wants(5.0)
    slots.put(Grant(2, AT, gap), AT, 5.0)
    assert slots.next(5.0) == 0.0
    assert slots.next(5.0) == 5.1
    assert not slots.wants(5.15)
    assert slots.next(5.12) == 0.0
    assert slots.next(5.12) == 5.2
    slots.put(Grant(2, AT, gap), AT, 5.2)
    # A stall: what is too late is given up.
    assert slots.next(9.0) > 9.0
    assert slots.wants(9.0)


def test_a_refusal_says_when_to_ask_again():
    slots = Slots()
    slots.put(Grant(0, AT + timedelta(seconds=3), timedelta(minutes=1)), AT, 5.0)
    assert not slots.wants(7.9)
    assert slots.next(7.0) == 8.0
    assert slots.wants(8.0)
    slots.clear()
    assert slots.wants(5.0)


def test_a_slot_given_back_is_used_by_the_next():
    slots = Slots()
    slots.put(Grant(1, AT, timedelta(seconds=1)), AT, 5.0)
    assert slots.next(5.0) == 0.0
    slots.give_back(5.0)
    assert slots.next(5.1) == 0.0
