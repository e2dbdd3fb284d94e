"""The loop against the bench's sink: opening, sharing, pacing, leaving."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.conversation import Behaviour, Received
from bench.sink import Sink
from esp.delivery.smtp.envelope import Envelope, Outcome
from esp.delivery.smtp.hosts import Hosts
from esp.delivery.smtp.lane import Lane, Source, Timing
from esp.delivery.smtp.loop import Loop
from esp.delivery.smtp.resolve import Address
from tests.doors.smtp.parties import PATIENT, ListFeed, message, run


def lane(port: int, key: str = "lane", connections: int = 4, messages: int = 100) -> Lane:
    return Lane(
        key,
        [("127.0.0.1", port)],
        max_connections=connections,
        max_messages_per_connection=messages,
        helo_name="me.example",
    )


@pytest.mark.standard("SMTP-11")
def test_each_message_arrives_once_as_it_was() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[message(n) for n in range(500)])
    sent = {one.rcpt: one.data for one in feed.lanes["lane"]}
    with Sink(got.extend, keep=True) as sink:
        run(feed, lane(sink.port, messages=1000))
    assert set(feed.fates().values()) == {("sent", 250, "dot")}
    assert {one.rcpt[0]: one.data for one in got} == sent
    assert len(got) == 500
    assert {one.mail_from for one in got} == {"a@x.org"}
    assert len({one.connection for one in got}) <= 4


@pytest.mark.standard("SMTP-22")
def test_a_connection_is_left_after_its_cap() -> None:
    got: list[Received] = []
    with Sink(got.extend) as sink:
        run(ListFeed(lane=[message(n) for n in range(20)]), lane(sink.port, "lane", 2, 3))
    counts = [sum(one.connection == number for one in got) for number in range(1, 21)]
    assert sum(counts) == 20
    assert max(counts) == 3


def test_some_are_deferred_and_some_refused() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[message(n) for n in range(40)])
    with Sink(got.extend, Behaviour(defer_every=4, fail="^1.@")) as sink:
        run(feed, lane(sink.port, connections=1))
    fates = list(feed.fates().items())
    deferred = {key for key, fate in fates if fate == ("deferred", 451, "rcpt")}
    failed = {key for key, fate in fates if fate == ("failed", 550, "rcpt")}
    assert deferred == {n for n in range(40) if n % 4 == 3}
    assert failed == set(range(10, 20)) - deferred
    assert {int(one.rcpt[0].split("@")[0]) for one in got} == set(range(40)) - deferred - failed


def test_the_outcome_is_told_before_the_next_dot() -> None:
    order: list[tuple[str, object]] = []

    class Telling(ListFeed):
        def outcome(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
            super().outcome(envelope, outcome, now)
            order.append(("told", envelope.key))

    def receive(messages: list[Received]) -> None:
        order.extend(("taken", int(one.rcpt[0].split("@")[0])) for one in messages)

    with Sink(receive) as sink:
        run(Telling(lane=[message(n) for n in range(50)]), lane(sink.port, connections=1))
    assert order == [(what, n) for n in range(50) for what in ("taken", "told")]


@pytest.mark.standard("THR-04")
def test_a_dead_lane_delays_nobody() -> None:
    got: list[Received] = []
    with Sink(got.extend) as sink, Sink(got.extend, Behaviour(delay=60)) as dead:
        feed = ListFeed(
            dead=[message(-1), message(-2)], lane=[message(n) for n in range(300)], gone=[]
        )
        run(
            feed,
            lane(dead.port, "dead"),
            lane(sink.port),
            Lane("gone", [("127.0.0.1", 1)]),
            timing=replace(PATIENT, dot=3),
            until=lambda: (
                sum(fate[0] == "sent" for fate in feed.fates().values()) == 300
                and -1 in feed.outcomes
            ),
        )
        assert max(feed.at[n] for n in range(300)) < feed.at[-1]
    assert feed.outcomes[-1].uncertain
    assert {(key, one.stage) for key, one in feed.failures} == {("gone", "connect")}


def test_nothing_begins_before_its_time() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[message(1)])
    begin = feed.not_before["lane"] = time.monotonic() + 0.5
    with Sink(got.extend) as sink:
        run(feed, lane(sink.port))
    assert 0 <= feed.at[1] - begin < 0.3


def test_a_lane_wakes_again() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[])
    with Sink(got.extend) as sink, Loop(feed, [lane(sink.port)], PATIENT) as loop:
        loop.run(time.monotonic() + 5, lambda: loop.connections == 1)
        # An idle connection takes leave by itself.
        loop.run(time.monotonic() + 5, lambda: loop.connections == 0)
        assert loop.connections == 0
        feed.lanes["lane"].append(message(1))
        loop.wake("lane")
        loop.run(time.monotonic() + 5, lambda: bool(feed.outcomes))
    assert feed.fates() == {1: ("sent", 250, "dot")}


def test_other_descriptors_and_timers() -> None:
    read, write = os.pipe()
    heard: list[bytes] = []
    ticks: list[float] = []
    with Loop(ListFeed(), timing=PATIENT) as loop:
        loop.watch(read, lambda: heard.append(os.read(read, 100)))
        loop.every(0.01, lambda: ticks.append(time.monotonic()))
        os.write(write, b"hello")
        loop.run(time.monotonic() + 5, lambda: len(ticks) >= 3 and bool(heard))
        loop.unwatch(read)
    os.close(read)
    os.close(write)
    assert heard == [b"hello"]
    assert len(ticks) >= 3


def test_finish_begins_nothing_and_waits_for_replies() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[message(n) for n in range(1000)])
    with (
        Sink(got.extend, Behaviour(delay=0.1)) as sink,
        Loop(feed, [lane(sink.port, connections=2)], PATIENT) as loop,
    ):
        loop.run(time.monotonic() + 5, lambda: len(feed.outcomes) >= 3)
        begun = 1000 - len(feed.lanes["lane"])
        loop.finish(5)
        assert 1000 - len(feed.lanes["lane"]) == begun
        assert len(feed.outcomes) == begun
    assert {fate[0] for fate in feed.fates().values()} == {"sent"}
    assert len(got) == begun


def test_finish_gives_up_after_its_time() -> None:
    feed = ListFeed(lane=[message(1)])
    arrived: list[Received] = []
    with (
        Sink(arrived.extend, Behaviour(delay=60)) as sink,
        Loop(feed, [lane(sink.port)]) as loop,
    ):
        loop.run(time.monotonic() + 5, lambda: bool(arrived))
        loop.finish(0.1)
    assert feed.fates() == {1: ("deferred", 0, "lost")}


def test_names_are_resolved_beside_the_loop() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[message(1)], nowhere=[message(2)])
    with Sink(got.extend) as sink:
        run(
            feed,
            Lane("lane", [("localhost", sink.port)]),
            Lane("nowhere", [("nowhere.invalid", 25)]),
            until=lambda: bool(feed.outcomes and feed.failures),
        )
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert {(key, one.enhanced, one.stage) for key, one in feed.failures} == {
        ("nowhere", "4.4.3", "connect")
    }


@pytest.mark.standard("SMTP-13")
def test_the_next_host_is_tried() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[message(n) for n in range(50)])
    with Sink(got.extend) as sink:
        run(feed, Lane("lane", [("127.0.0.1", 1), ("127.0.0.1", sink.port)]))
    assert feed.failures == []
    assert len(got) == 50


def test_sources_take_turns_and_say_their_names() -> None:
    nine, ten = Source("127.0.0.9", "nine.example"), Source("127.0.0.10", "ten.example")
    hosts = Hosts(Lane("lane", [("h.example", 25)], sources=[nine, ten]), Timing())
    six = Address("h.example", socket.AF_INET6, ("::1", 25))
    four = Address("h.example", socket.AF_INET, ("127.0.0.1", 25))
    hosts.learn([six, four], 0.0)

    # No source could reach the sixth kind.
    assert hosts.pick(0.0) == four
    taken = [hosts.source(four) for _ in range(4)]
    assert taken == [nine, ten, nine, ten]
    assert hosts.terms(four, ten, 0.0).helo_name == "ten.example"


def test_a_source_address() -> None:
    feed = ListFeed(lane=[message(1)], wrong=[message(2)])
    with Sink(lambda _: None) as sink:
        run(
            feed,
            Lane("lane", [("127.0.0.1", sink.port)], sources=[Source("127.0.0.9", "nine.example")]),
            Lane("wrong", [("127.0.0.1", sink.port)], sources=[Source("192.0.2.1", "one.example")]),
            until=lambda: bool(feed.outcomes and feed.failures),
        )
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert {key for key, _ in feed.failures} == {"wrong"}


def test_large_messages_go_through_in_pieces() -> None:
    got: list[Received] = []
    feed = ListFeed(lane=[message(1), message(2)])
    for envelope in feed.lanes["lane"]:
        envelope.data += b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 150_000
    sizes = [len(envelope.data) for envelope in feed.lanes["lane"]]
    with Sink(got.extend) as sink:
        run(feed, lane(sink.port, connections=1), timing=Timing(), seconds=60)
    assert [one.size for one in got] == sizes


def test_the_sink_as_a_program(tmp_path: Path) -> None:
    record = tmp_path / "record.tsv"
    command = [sys.executable, "bench/sink.py", "--record", str(record)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        port = int(program.stdout.readline())
        run(ListFeed(lane=[message(n) for n in range(10)]), lane(port))
        program.terminate()
    rows = [line.split("\t") for line in record.read_text().splitlines()]
    assert sorted(row[4] for row in rows) == [f"<{n}@x.org>" for n in range(10)]
    assert {row[2] for row in rows} == {"a@x.org"}
