"""Lanes that share places for connections: never too many, everybody's turn, cheap at rest."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Hashable
from dataclasses import replace

import pytest

from bench.conversation import Behaviour, Received
from bench.sink import Sink
from esp.delivery.smtp.envelope import Envelope, Outcome
from esp.delivery.smtp.lane import Lane
from esp.delivery.smtp.loop import Loop
from tests.doors.smtp import scripts
from tests.doors.smtp.parties import PATIENT, QUICK, ListFeed, Scripted, message


class LimitedFeed(ListFeed):
    """One that also says how many connections a group may have, and keeps who was settled when."""

    def __init__(self, limits: dict[Hashable, int], **lanes: list[Envelope]) -> None:
        super().__init__(**lanes)
        self.limits = limits
        self.order: list[int] = []

    def connections_allowed(self, group: Hashable) -> int:
        return self.limits[group]

    def outcome(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
        super().outcome(envelope, outcome, now)
        assert isinstance(envelope.key, int)
        self.order.append(envelope.key // 1000)


def letters(lane: int, count: int) -> list[Envelope]:
    return [message(1000 * lane + n) for n in range(count)]


def lanes(port: int, *keys: str, connections: int = 4, messages: int = 100) -> list[Lane]:
    return [
        Lane(
            key,
            [("127.0.0.1", port)],
            group="group",
            max_connections=connections,
            max_messages_per_connection=messages,
        )
        for key in keys
    ]


def run(loop: Loop, until: Callable[[], bool], seconds: float = 20) -> None:
    loop.run(time.monotonic() + seconds, until)
    assert until()


@pytest.mark.standard("THR-03")
@pytest.mark.parametrize("allowed", [1, 3])
def test_lanes_of_a_group_never_hold_more_together(allowed: int) -> None:
    feed = LimitedFeed({"group": allowed}, a=letters(1, 60), b=letters(2, 60), c=letters(3, 60))
    most = 0

    def done() -> bool:
        nonlocal most
        most = max(most, loop.connections)
        return feed.done()

    with (
        Sink(lambda _: None, Behaviour(delay=0.002)) as sink,
        Loop(feed, lanes(sink.port, "a", "b", "c", messages=7), PATIENT) as loop,
    ):
        run(loop, done)
    assert most == allowed
    assert set(feed.fates().values()) == {("sent", 250, "dot")}


def test_the_longest_waiting_lane_gets_the_next_place() -> None:
    feed = LimitedFeed({"group": 1}, a=letters(1, 10), b=letters(2, 10), c=letters(3, 10))
    with (
        Sink(lambda _: None) as sink,
        Loop(feed, lanes(sink.port, "a", "b", "c", messages=5), PATIENT) as loop,
    ):
        run(loop, feed.done)
    turns = [feed.order[n] for n in range(0, 30, 5)]
    assert [feed.order[n : n + 5] for n in range(0, 30, 5)] == [[turn] * 5 for turn in turns]
    assert sorted(turns[:3]) == [1, 2, 3]
    assert turns[3:] == turns[:3]


def test_a_lane_with_nothing_to_send_makes_room_at_once() -> None:
    feed = LimitedFeed({"group": 1}, a=letters(1, 1), b=[])
    with (
        Sink(lambda _: None) as sink,
        Loop(feed, lanes(sink.port, "a"), PATIENT) as loop,
    ):
        run(loop, feed.done)
        feed.lanes["b"] += letters(2, 1)
        feed.total += 1
        asked = time.monotonic()
        for lane in lanes(sink.port, "b"):
            loop.add(lane)
        run(loop, feed.done)
    assert feed.at[2000] - asked < PATIENT.idle


def test_when_there_may_be_fewer_nothing_is_cut_off() -> None:
    got: list[Received] = []
    feed = LimitedFeed({"group": 6}, a=letters(1, 400), b=letters(2, 400))
    with (
        Sink(got.extend, Behaviour(delay=0.005)) as sink,
        Loop(feed, lanes(sink.port, "a", "b"), PATIENT) as loop,
    ):
        run(loop, lambda: loop.connections == 6)
        feed.limits["group"] = 2
        run(loop, lambda: loop.connections <= 2)
        assert not feed.done()
        feed.limits["group"] = 0
        run(loop, lambda: loop.connections == 0)
        settled = len(feed.outcomes)
        assert settled < 800
        assert loop.open_envelopes == 0
        loop.wake("a")
        loop.run(time.monotonic() + 0.3)
        assert loop.connections == 0
        feed.limits["group"] = 3
        run(loop, feed.done)
    assert set(feed.fates().values()) == {("sent", 250, "dot")}
    assert len(got) == 800


def test_idle_connections_leave_first() -> None:
    feed = LimitedFeed({"group": 2}, a=letters(1, 1), b=letters(2, 1))
    with (
        Sink(lambda _: None) as sink,
        Loop(feed, lanes(sink.port, "a", "b", connections=1), PATIENT) as loop,
    ):
        run(loop, feed.done)
        assert loop.connections == 2
        feed.limits["group"] = 1
        changed = time.monotonic()
        run(loop, lambda: loop.connections == 1)
        assert time.monotonic() - changed < PATIENT.idle


def test_a_lane_that_can_not_connect_keeps_no_place() -> None:
    feed = LimitedFeed({"group": 1}, dead=letters(1, 1), a=letters(2, 5))
    dead = Lane("dead", [("127.0.0.1", 1)], group="group")
    with (
        Sink(lambda _: None) as sink,
        Loop(feed, [dead, *lanes(sink.port, "a")], PATIENT) as loop,
    ):
        run(loop, lambda: len(feed.outcomes) == 5)
        run(loop, lambda: len(feed.failures) >= 3)
    assert {one.stage for _, one in feed.failures} == {"connect"}


def test_removing_a_waiting_lane() -> None:
    feed = LimitedFeed({"group": 1}, a=letters(1, 50), b=letters(2, 5))
    with (
        Sink(lambda _: None, Behaviour(delay=0.005)) as sink,
        Loop(feed, lanes(sink.port, "a", "b"), PATIENT) as loop,
    ):
        run(loop, lambda: loop.connections == 1)
        first, other = ("a", "b") if len(feed.lanes["a"]) < 50 else ("b", "a")
        loop.remove(other)
        run(loop, lambda: not feed.lanes[first] and not loop.open_envelopes)
        assert len(feed.outcomes) == {"a": 50, "b": 5}[first]


def test_thousands_of_quiet_lanes_cost_nothing() -> None:
    names = [f"lane {number}" for number in range(2000)]
    feed = LimitedFeed({"group": 50}, **{name: [] for name in names})
    # Looked at so often, lanes at rest would take all the time there is.
    timing = replace(PATIENT, sweep=0.0005)
    with Sink(lambda _: None) as sink, Loop(feed, lanes(sink.port, *names), timing) as loop:
        run(loop, lambda: len(loop.quiet(0.05)) == len(names), seconds=60)
        before = time.thread_time()
        loop.run(time.monotonic() + 1)
        assert time.thread_time() - before < 0.5
        for name in names:
            loop.remove(name)
        assert loop.quiet(0) == []


def test_quiet_lanes_are_named() -> None:
    feed = ListFeed(a=letters(1, 1), b=[])
    with Sink(lambda _: None) as sink, Loop(feed, lanes(sink.port, "a", "b"), PATIENT) as loop:
        run(loop, lambda: feed.done() and loop.connections > 0)
        assert "a" not in loop.quiet(0)
        run(loop, lambda: loop.quiet(0.1) == ["b", "a"] or loop.quiet(0.1) == ["a", "b"])
        loop.remove("a")
        assert loop.quiet(0) == ["b"]
        loop.wake("a")
        assert loop.quiet(3600) == []


def test_a_slow_turn_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    def dawdle() -> None:
        until = time.monotonic() + 1.05
        while time.monotonic() < until:
            pass

    with Loop(ListFeed(), timing=PATIENT) as loop:
        loop.every(0.01, dawdle)
        with caplog.at_level(logging.WARNING):
            loop.run(time.monotonic() + 1)
        assert 1 < loop.worst_lag() < 5
        assert loop.worst_lag() == 0.0
    assert "had to wait 1.1 s" in caplog.text
    assert "dawdle" in caplog.text


def test_a_timer_that_asks_for_the_next_moment_keeps_nobody_waiting() -> None:
    feed = ListFeed(a=letters(1, 100))

    def again(_now: float) -> None:
        loop.at(0.0, again)

    with Sink(lambda _: None) as sink, Loop(feed, lanes(sink.port, "a"), PATIENT) as loop:
        again(0.0)
        run(loop, feed.done)
        assert loop.worst_lag() < 1


@pytest.mark.parametrize("seed", range(3))
def test_each_place_is_given_back_whatever_happens(seed: int) -> None:
    """Lanes of all sorts come and go, and the limit changes all the time."""
    chance = random.Random(seed)
    feed = LimitedFeed({"group": 3}, **{f"l{n}": letters(n, 25) for n in range(6)})
    played = [scripts.hello_and_421, scripts.take_one, scripts.hold, scripts.reset_at_ehlo]

    def shake() -> None:
        feed.limits["group"] = chance.choice((0, 1, 2, 5))
        key = f"l{chance.randrange(6)}"
        loop.remove(key)
        loop.add(terms[key])

    with (
        Sink(lambda _: None) as sink,
        Scripted(*played, *played, scripts.well_behaved) as bad,
        Loop(feed, timing=replace(QUICK, idle=0.05, retry_last=0.1)) as loop,
    ):
        ports = [sink.port, bad.port, sink.port, bad.port, sink.port, 1]
        keys = [f"l{n}" for n in range(6)]
        terms = {key: lanes(port, key)[0] for key, port in zip(keys, ports, strict=True)}
        for lane in terms.values():
            loop.add(lane)
        loop.every(0.02, shake)
        run(loop, lambda: len(feed.outcomes) == 125, seconds=60)
        assert loop.held("group") == loop.connections
        loop.finish(2)
        assert loop.held("group") == 0
        assert loop.open_envelopes == 0
