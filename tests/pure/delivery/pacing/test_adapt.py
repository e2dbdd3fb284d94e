"""Slower at once, faster step by step, one try after a pause."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.pacing import adapt
from esp.delivery.pacing.adapt import FLOOR, FREE, LONGEST, State, after_outcome, may_begin
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.reaction import SENT, Reaction

NOW = 1_800_000_000.0
BUSY = Reaction("provider", "rate", slows=True)
PAUSE = Reaction("provider", "reputation", pause=timedelta(hours=1), doubles=True)
CAP = Reaction(
    "provider", "rate", cap_per_minute=10, cap_connections=1, cap_for=timedelta(minutes=30),
    doubles=True,
)  # fmt: skip
HOLD = Reaction("provider", "blocked", holds=True)
FIVE = Reaction("stream", "policy", pause=timedelta(minutes=10), after=5)
ONE = Reaction("recipient", "full")
reactions = st.sampled_from([SENT, SENT, SENT, BUSY, PAUSE, CAP, FIVE, ONE])
chances = st.floats(0, 1, exclude_max=True)
steps = st.lists(st.tuples(reactions, st.floats(0.001, 7200), chances), max_size=60)


def story(told, state=FREE, now=NOW):
    """A process that obeys: it takes its probe when there is one."""
    for reaction, seconds, chance in told:
        now += seconds
        if adapt.wants_probe(state, now):
            state = adapt.granted(state, now + adapt.PROBE_SECONDS)
        began = may_begin(state, now) == 0.0
        state = adapt.begun(state) if began else state
        state = after_outcome(state, reaction, now, chance)
        yield state, now


states = steps.map(lambda told: ([FREE] + [state for state, _ in story(told)])[-1])


@pytest.mark.standard("THR-03")
@given(steps)
def test_the_share_stays_within_its_bounds_and_pauses_end(told):
    for state, now in story(told):
        assert FLOOR <= state.share <= 1
        assert state.paused_until <= now + LONGEST * 1.25
        assert state.cap_until <= now + LONGEST * 1.25


@given(states, st.floats(0, 1e6))
def test_nothing_begins_in_a_pause(state, ahead):
    now = state.changed_at + ahead
    if state.paused_until > now and state.probe != "granted":
        assert may_begin(state, now) >= state.paused_until
    if may_begin(state, now):
        assert may_begin(state, now) > now


@pytest.mark.standard("THR-03")
def test_after_a_pause_there_is_one_probe():
    state = after_outcome(FREE, PAUSE, NOW, 0.5)
    over = state.paused_until
    assert over == NOW + 3600 * 1.125
    assert not adapt.wants_probe(state, over - 1)
    assert adapt.wants_probe(state, over)
    assert may_begin(state, over) > over

    state = adapt.granted(state, over + adapt.PROBE_SECONDS)
    assert may_begin(state, over) == 0.0
    assert adapt.allowed(Limits(10), state, over).connections == 1
    state = adapt.begun(state)
    assert may_begin(state, over) > over

    passed = after_outcome(state, SENT, over + 1, 0.0)
    assert may_begin(passed, over + 1) == 0.0
    assert passed.share == FLOOR

    failed = after_outcome(state, PAUSE, over + 1, 0.0)
    assert failed.paused_until == over + 1 + 7200
    again = adapt.begun(adapt.granted(failed, failed.paused_until + 60))
    assert after_outcome(again, BUSY, failed.paused_until, 0).paused_until > failed.paused_until


def test_a_probe_that_nobody_answers_is_tried_again():
    state = adapt.begun(adapt.granted(after_outcome(FREE, PAUSE, NOW, 0), NOW + 5000))
    assert not adapt.wants_probe(state, NOW + 4999)
    assert adapt.wants_probe(state, NOW + 5000)


def test_what_was_begun_before_the_pause_does_not_end_it_nor_make_it_longer():
    state = after_outcome(FREE, PAUSE, NOW, 0)
    assert after_outcome(state, SENT, NOW + 1, 0) is state
    assert after_outcome(state, PAUSE, NOW + 1, 0) is state
    assert after_outcome(state, BUSY, NOW + 100, 0) is state


def test_a_burst_of_equal_replies_is_one_lesson():
    state = after_outcome(FREE, BUSY, NOW, 0)
    assert state.share == 0.5
    assert after_outcome(state, BUSY, NOW + 5, 0) is state
    assert after_outcome(state, BUSY, NOW + 31, 0).share == 0.25


@pytest.mark.standard("THR-03")
def test_pauses_double_up_to_a_cap():
    state, now, lengths = FREE, NOW, []
    for _ in range(8):
        state = after_outcome(state, PAUSE, now, 0)
        lengths.append((state.paused_until - now) / 3600)
        now = state.paused_until
        state = adapt.begun(adapt.granted(state, now + 60))
    assert lengths == [1, 2, 4, 8, 12, 12, 12, 12]


def test_a_cap_holds_until_its_moment_and_doubles_while_it_goes_on():
    state = after_outcome(FREE, CAP, NOW, 0)
    assert adapt.allowed(Limits(10), state, NOW) == Limits(1, 100, 10)
    assert state.cap_until == NOW + 1800
    state = after_outcome(state, CAP, NOW + 60, 0)
    assert state.cap_until == NOW + 60 + 3600
    later = adapt.allowed(Limits(10), state, NOW + 4000)
    assert later.rate_per_minute == adapt.NOMINAL_PER_MINUTE * state.share
    for second in range(60, 3600, 60):
        assert after_outcome(state, SENT, NOW + second, 0).share == state.share


@given(states)
def test_full_speed_comes_back_after_enough_successes_and_not_before(state):
    now = max(state.changed_at, state.paused_until, state.cap_until, NOW)
    slow, successes = state.share < 1 or state.paused_until > 0, 0
    while state.share < 1 or state.paused_until:
        now += 10
        if adapt.wants_probe(state, now):
            state = adapt.begun(adapt.granted(state, now + 60))
        state = after_outcome(state, SENT, now, 0)
        successes += 1
        assert successes < 200
    assert not slow or successes >= adapt.ENOUGH
    assert adapt.allowed(Limits(7), state, now) == Limits(7)
    assert state.pauses == 0 or not slow


def test_only_a_person_lifts_a_hold():
    state = after_outcome(FREE, HOLD, NOW, 0, "553 [TSS09]")
    assert (state.is_held, state.reason, state.reply) == (True, "blocked", "553 [TSS09]")
    for reaction in (SENT, BUSY, PAUSE, CAP, ONE):
        assert after_outcome(state, reaction, NOW + 1e6, 0) is state
    assert may_begin(state, NOW + 1e6) == math.inf


def test_one_filters_no_is_not_yet_a_pause():
    state = FREE
    for second in range(4):
        state = after_outcome(state, FIVE, NOW + second, 0)
        assert not adapt.is_news(FREE, state)
    assert after_outcome(after_outcome(state, SENT, NOW, 0), FIVE, NOW, 0).paused_until == 0
    assert after_outcome(state, FIVE, NOW + 5, 0).paused_until == NOW + 605


def test_one_recipients_trouble_teaches_nothing():
    assert after_outcome(FREE, ONE, NOW, 0) is FREE


def test_success_at_full_speed_costs_nothing():
    assert after_outcome(FREE, SENT, NOW, 0) is FREE


@given(states, states, st.floats(0, 1e5))
def test_two_processes_together_are_never_looser_than_either(one, other, ahead):
    now = NOW + ahead
    both = adapt.stricter(one, other, now)
    for state in (one, other):
        assert may_begin(both, now) >= may_begin(adapt.refreshed(FREE, state), now)
        limits = Limits(10, 100, 600)
        mine, ours = adapt.allowed(limits, state, now), adapt.allowed(limits, both, now)
        assert ours.connections <= mine.connections
        assert (ours.rate_per_minute or math.inf) <= (mine.rate_per_minute or math.inf)
        assert both.pauses >= state.pauses
    back = adapt.stricter(other, one, now)
    assert (back.share, back.paused_until, back.cap_until) == (
        both.share, both.paused_until, both.cap_until,
    )  # fmt: skip


def test_what_the_database_says_counts_except_what_only_this_process_knows():
    mine = adapt.granted(after_outcome(FREE, PAUSE, NOW, 0), NOW + 4000)
    same = State(share=FLOOR, paused_until=NOW + 4000, pauses=1)
    assert adapt.refreshed(mine, same).probe == "granted"
    assert adapt.refreshed(mine, State(paused_until=NOW + 9000)).probe == "none"
