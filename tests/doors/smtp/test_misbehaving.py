"""Servers that misbehave: the right state for each recipient, and the loop goes on."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import replace

import pytest

from esp.delivery.smtp.envelope import Outcome
from esp.delivery.smtp.lane import Lane
from esp.delivery.smtp.loop import Loop
from tests.doors.smtp import scripts
from tests.doors.smtp.parties import PATIENT, QUICK, Client, ListFeed, Scripted, message, run
from tests.doors.smtp.scripts import Script


def send(count: int, *played: Script) -> ListFeed:
    feed = ListFeed(lane=[message(n) for n in range(1, count + 1)])
    with Scripted(*played) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)], max_connections=1), timing=QUICK)
    return feed


# One message meets the server first, then servers that behave: what became of it.
FATES: dict[str, tuple[Script, tuple[str, int, str]]] = {
    "greylists": (scripts.greylist, ("deferred", 450, "rcpt")),
    "knows no extension": (scripts.plain, ("sent", 250, "dot")),
    "knows no EHLO": (scripts.helo_only, ("sent", 250, "dot")),
    "closes instead of reading": (scripts.close_after_354, ("deferred", 0, "lost")),
    "closes after the dot": (scripts.take_one, ("deferred", 0, "lost")),
    "resets after the dot": (scripts.reset_after_the_dot, ("deferred", 0, "lost")),
    "stalls after the dot": (scripts.stall_after_dot, ("deferred", 0, "lost")),
    "drips": (scripts.dripping, ("deferred", 0, "lost")),
    "stalls at RCPT": (scripts.stall_at_rcpt, ("deferred", 0, "rcpt")),
    "stalls at DATA": (scripts.stall_at_data, ("deferred", 0, "data")),
    "resets at DATA": (scripts.reset_at_data, ("deferred", 0, "data")),
    "is malformed": (scripts.malformed, ("deferred", 0, "lost")),
    "is malformed at MAIL": (scripts.malformed_at_mail, ("deferred", 0, "mail")),
    "is over-long": (scripts.over_long, ("deferred", 0, "lost")),
    "is endless": (scripts.endless, ("deferred", 0, "lost")),
    "is of two minds": (scripts.two_minds, ("deferred", 0, "lost")),
    "is binary": (scripts.binary, ("deferred", 450, "dot")),
    "is wordy": (scripts.wordy, ("failed", 550, "dot")),
    "says yes too early": (scripts.early_at_data, ("deferred", 0, "data")),
    "says everything twice": (scripts.once_too_often, ("sent", 250, "dot")),
    "says one octet at a time": (scripts.one_octet_at_a_time, ("sent", 250, "dot")),
}


@pytest.mark.standard("SMTP-08")
@pytest.mark.standard("SMTP-12")
@pytest.mark.parametrize("name", FATES)
def test_what_becomes_of_a_message(name: str) -> None:
    script, fate = FATES[name]
    feed = send(1, script)
    assert feed.fates() == {1: fate}
    assert feed.failures == []


@pytest.mark.parametrize("name", FATES)
def test_the_rest_of_the_lane_goes_on(name: str) -> None:
    feed = send(4, FATES[name][0], scripts.well_behaved)
    fates = feed.fates()
    assert fates.pop(1) == FATES[name][1]
    # At most the one begun behind the first shares its connection's end.
    assert sum(kind == "deferred" for kind, _, _ in fates.values()) <= 1
    assert fates[3] == fates[4] == ("sent", 250, "dot")


@pytest.mark.standard("THR-06")
def test_421_mid_session_gives_back_what_was_not_sent() -> None:
    feed = send(5, scripts.hello_and_421, scripts.well_behaved)
    assert feed.fates() == {
        1: ("sent", 250, "dot"),
        2: ("deferred", 421, "dot"),
        3: ("deferred", 421, "mail"),
        4: ("sent", 250, "dot"),
        5: ("sent", 250, "dot"),
    }


def failing(*lines: bytes) -> Script:
    def script(client: Client) -> None:
        if lines:
            client.say(*lines)
        client.line()

    return script


@pytest.mark.standard("SMTP-09")
@pytest.mark.parametrize(
    ("script", "kind", "stage"),
    [
        (failing(b"554 5.7.1 go away"), "failed", "greeting"),
        (failing(b"421 busy"), "deferred", "greeting"),
        (scripts.early, "deferred", "ehlo"),
        (failing(b"hello there"), "deferred", "greeting"),
        (scripts.hold, "deferred", "greeting"),
        (scripts.reset_at_ehlo, "deferred", "ehlo"),
        (failing(b"220 hi"), "deferred", "ehlo"),
    ],
)
def test_a_server_that_lets_nothing_begin(script: Script, kind: str, stage: str) -> None:
    feed = ListFeed(lane=[message(1)])
    with Scripted(script, script, scripts.well_behaved) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)], max_connections=1), timing=QUICK)
    # Nothing was taken from the feed meanwhile, and the lane tried again by itself.
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert [(one.kind, one.stage) for _, one in feed.failures] == [(kind, stage)] * 2


def test_a_failing_server_is_not_hammered() -> None:
    feed = ListFeed(lane=[message(1)])
    with Scripted(failing(b"421 busy")) as server:
        lane = Lane("lane", [("127.0.0.1", server.port)])
        started = time.monotonic()
        run(feed, lane, timing=QUICK, until=lambda: time.monotonic() > started + 1)
        # QUICK rests 25-50 ms, then twice as long each time up to 100-200 ms.
        assert 3 <= server.connections <= 14


def test_a_server_that_only_takes_connections_is_not_hammered() -> None:
    def hang_up_on_mail(client: Client) -> None:
        client.greet(*scripts.ALL)
        client.line()

    feed = ListFeed(lane=[message(n) for n in range(1000)])
    with Scripted(hang_up_on_mail) as server:
        started = time.monotonic()
        lane = Lane("lane", [("127.0.0.1", server.port)])
        run(feed, lane, timing=QUICK, until=lambda: time.monotonic() > started + 1)
    assert len(feed.outcomes) <= 14
    assert {kind for kind, _, _ in feed.fates().values()} == {"deferred"}


@pytest.mark.parametrize("rudely", [False, True])
def test_an_answer_in_the_middle_of_a_large_message(rudely: bool) -> None:
    def too_much(client: Client) -> None:
        client.greet(*scripts.ALL)
        client.group()
        client.sock.recv(1)
        client.say(b"552 5.3.4 too much")
        if rudely:
            # Unread octets make a reset of it.
            client.sock.close()
        else:
            while client.sock.recv(65536):
                pass

    feed = ListFeed(lane=[message(1)])
    feed.lanes["lane"][0].data += (b"y" * 70 + b"\r\n") * 300_000
    with Scripted(too_much) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)]), timing=QUICK)
    assert feed.fates() == {1: ("failed", 552, "dot")}


def test_a_reset_in_the_middle_of_a_large_message() -> None:
    """The final dot had not left, so nothing is uncertain."""
    feed = ListFeed(lane=[message(1), message(2), message(3)])
    feed.lanes["lane"][0].data += scripts.LARGE
    with Scripted(scripts.reset_in_the_body, scripts.well_behaved) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)], max_connections=1), timing=QUICK)
    assert feed.fates() == {
        1: ("deferred", 0, "data"),
        2: ("deferred", 0, "mail"),  # begun behind it
        3: ("sent", 250, "dot"),
    }


@pytest.mark.standard("THR-04")
def test_one_stalled_connection_does_not_hold_up_its_lane() -> None:
    feed = ListFeed(lane=[message(n) for n in range(20)])
    with Scripted(scripts.stall_at_rcpt, scripts.well_behaved) as server:
        lane = Lane("lane", [("127.0.0.1", server.port)], max_connections=2)
        with Loop(feed, [lane], replace(PATIENT, patience=0.2)) as loop:
            loop.run(time.monotonic() + 20, lambda: len(feed.outcomes) == 19)
            assert 1 <= server.connections <= 2
            assert loop.open_envelopes == 1
    fates = feed.fates()
    assert fates.pop(0) == ("deferred", 0, "rcpt")
    assert set(fates.values()) == {("sent", 250, "dot")}


@pytest.mark.standard("SMTP-09")
def test_a_lane_whose_mail_was_put_off_connects_no_more() -> None:
    class PuttingOff(ListFeed):
        def lane_failed(self, lane: Hashable, outcome: Outcome) -> bool:
            super().lane_failed(lane, outcome)
            self.lanes[lane].clear()
            return False

    feed = PuttingOff(lane=[message(1)])
    with Scripted(failing(b"421 busy"), scripts.well_behaved) as server:
        lane = Lane("lane", [("127.0.0.1", server.port)])
        with Loop(feed, [lane], PATIENT) as loop:
            # Its rest is over long before.
            loop.run(time.monotonic() + 10 * PATIENT.retry_first)
            assert server.connections == len(feed.failures) == 1
            feed.lanes["lane"].append(message(1))
            loop.wake("lane")
            loop.run(time.monotonic() + 20, feed.done)
    assert feed.fates() == {1: ("sent", 250, "dot")}
