"""Servers that misbehave: the right state for each recipient, and the loop goes on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from esp.delivery.smtp.lane import Lane
from tests.doors.smtp.parties import Client, ListFeed, Scripted, message, run

ALL = (b"PIPELINING",)


def send(count: int, *scripts: Callable[[Client], None]) -> ListFeed:
    feed = ListFeed(lane=[message(n) for n in range(1, count + 1)])
    with Scripted(*scripts) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)], max_connections=1))
    return feed


def well_behaved(client: Client) -> None:
    client.greet(*ALL)
    client.take_all()


def plain(client: Client) -> None:
    client.greet()
    client.take_all()


def silent(client: Client) -> None:
    client.line()


def hello_and_421(client: Client) -> None:
    client.greet(*ALL)
    client.group()
    client.body()
    client.say(b"250 ok")
    client.group()
    client.body()
    client.say(b"421 4.3.2 max message per connection")


def close_after_dot(client: Client) -> None:
    client.greet(*ALL)
    client.group()
    client.body()


def stall_after_dot(client: Client) -> None:
    close_after_dot(client)
    while client.line():
        pass


def dripping(client: Client) -> None:
    """An octet now and then keeps no deadline away."""
    close_after_dot(client)
    for octet in b"250 ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok":
        client.sock.sendall(bytes([octet]))
        time.sleep(0.05)
    client.line()


def stall_at_data(client: Client) -> None:
    client.greet(*ALL)
    client.line()
    client.say(b"250 ok", b"250 ok")
    while client.line():
        pass


def reset_at_data(client: Client) -> None:
    client.greet(*ALL)
    client.line()
    client.say(b"250 ok", b"250 ok")
    client.line()
    client.reset()


def reset_at_ehlo(client: Client) -> None:
    client.say(b"220 hi")
    client.line()
    client.reset()


def malformed(client: Client) -> None:
    close_after_dot(client)
    client.say(b"sure, thanks")
    client.line()


def over_long(client: Client) -> None:
    close_after_dot(client)
    client.sock.sendall(b"250 " + b"x" * 1_000_000)
    client.line()


def wordy(client: Client) -> None:
    close_after_dot(client)
    client.say(*(b"550-5.7.1 line %d" % n for n in range(20)), b"550 5.7.1 read all that?")
    client.line()


# One message meets the server first, then servers that behave: what became of it.
FATES: dict[str, tuple[Callable[[Client], None], tuple[str, int, str]]] = {
    "no extension": (plain, ("sent", 250, "dot")),
    "closes after the dot": (close_after_dot, ("deferred", 0, "lost")),
    "stalls after the dot": (stall_after_dot, ("deferred", 0, "lost")),
    "drips": (dripping, ("deferred", 0, "lost")),
    "stalls at DATA": (stall_at_data, ("deferred", 0, "data")),
    "resets at DATA": (reset_at_data, ("deferred", 0, "data")),
    "is malformed": (malformed, ("deferred", 0, "lost")),
    "is over-long": (over_long, ("deferred", 0, "lost")),
    "is wordy": (wordy, ("failed", 550, "dot")),
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
    feed = send(4, FATES[name][0], well_behaved)
    fates = feed.fates()
    assert fates.pop(1) == FATES[name][1]
    # At most the one begun behind the first shares its connection's end.
    assert sum(kind == "deferred" for kind, _, _ in fates.values()) <= 1
    assert fates[3] == fates[4] == ("sent", 250, "dot")


@pytest.mark.standard("THR-06")
def test_421_mid_session_gives_back_what_was_not_sent() -> None:
    feed = send(5, hello_and_421, well_behaved)
    assert feed.fates() == {
        1: ("sent", 250, "dot"),
        2: ("deferred", 421, "dot"),
        3: ("deferred", 421, "mail"),
        4: ("sent", 250, "dot"),
        5: ("sent", 250, "dot"),
    }


def failing(*lines: bytes) -> Callable[[Client], None]:
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
        (failing(b"hello there"), "deferred", "greeting"),
        (silent, "deferred", "greeting"),
        (reset_at_ehlo, "deferred", "ehlo"),
        (failing(b"220 hi"), "deferred", "ehlo"),
    ],
)
def test_a_server_that_lets_nothing_begin(
    script: Callable[[Client], None], kind: str, stage: str
) -> None:
    feed = ListFeed(lane=[message(1)])
    with Scripted(script, script, well_behaved) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)], max_connections=1))
    # Nothing was taken from the feed meanwhile, and the lane tried again by itself.
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert [(one.kind, one.stage) for _, one in feed.failures] == [(kind, stage)] * 2


def test_a_failing_server_is_not_hammered() -> None:
    feed = ListFeed(lane=[message(1)])
    with Scripted(failing(b"421 busy")) as server:
        lane = Lane("lane", [("127.0.0.1", server.port)])
        started = time.monotonic()
        run(feed, lane, until=lambda: time.monotonic() > started + 1)
        # QUICK rests 25-50 ms, then twice as long each time up to 100-200 ms.
        assert 3 <= server.connections <= 14


def test_a_server_that_only_takes_connections_is_not_hammered() -> None:
    def hang_up_on_mail(client: Client) -> None:
        client.greet(*ALL)
        client.line()

    feed = ListFeed(lane=[message(n) for n in range(1000)])
    with Scripted(hang_up_on_mail) as server:
        started = time.monotonic()
        lane = Lane("lane", [("127.0.0.1", server.port)])
        run(feed, lane, until=lambda: time.monotonic() > started + 1)
    assert len(feed.outcomes) <= 14
    assert {kind for kind, _, _ in feed.fates().values()} == {"deferred"}


@pytest.mark.parametrize("rudely", [False, True])
def test_an_answer_in_the_middle_of_a_large_message(rudely: bool) -> None:
    def too_much(client: Client) -> None:
        client.greet(*ALL)
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
        run(feed, Lane("lane", [("127.0.0.1", server.port)]))
    assert feed.fates() == {1: ("failed", 552, "dot")}
