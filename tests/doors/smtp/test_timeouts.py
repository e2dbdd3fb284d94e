"""Each wait has an end of its own, reached whatever else the receiver does or leaves undone."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from esp.delivery.smtp.commands import Auth
from esp.delivery.smtp.lane import Lane, Timing
from esp.delivery.smtp.loop import Loop
from tests.doors.smtp import scripts
from tests.doors.smtp.parties import Client, ListFeed, Scripted, message
from tests.doors.smtp.scripts import Script

AWAITED = (
    "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "block", "dot", "quit",
    "idle",
)  # fmt: skip
# Whatever is not being tested outlasts the test.
PATIENT = replace(
    Timing(), **dict.fromkeys(AWAITED, 60.0), poll=0.02, retry_first=60, retry_last=60, sweep=0.02
)
LIMIT = 0.3


@pytest.mark.standard("SMTP-08")
@pytest.mark.parametrize(
    ("name", "least"),
    [("greeting", 300), ("mail", 300), ("rcpt", 300), ("data", 120), ("block", 180), ("dot", 600)],
)
def test_nobody_is_given_less_time_than_the_standard_asks(name: str, least: float) -> None:
    assert getattr(Timing(), name) >= least


def at_helo(client: Client) -> None:
    client.say(b"220 hi")
    client.line()
    client.say(b"502 no")
    scripts.hold(client)


def at_ehlo(client: Client) -> None:
    client.say(b"220 hi")
    scripts.hold(client)


def half_an_ehlo(client: Client) -> None:
    """Lines of a reply that never ends keep no deadline away."""
    client.say(b"220 hi")
    client.line()
    while True:
        client.say(b"250-more")
        time.sleep(0.05)


def at_starttls(client: Client) -> None:
    client.greet(b"STARTTLS")
    scripts.hold(client)


def at_tls(client: Client) -> None:
    client.greet(b"STARTTLS")
    client.line()
    client.say(b"220 go")
    scripts.freeze(client)


def at_auth(client: Client) -> None:
    client.greet(b"AUTH PLAIN")
    scripts.hold(client)


# Before an envelope could begin: which limit, whom it meets, and what is said of the lane.
UNREADY: dict[str, tuple[str, Script, str]] = {
    "greeting": ("greeting", scripts.hold, "greeting"),
    "EHLO": ("ehlo", at_ehlo, "ehlo"),
    "lines of EHLO": ("ehlo", half_an_ehlo, "ehlo"),
    "HELO": ("ehlo", at_helo, "ehlo"),
    "STARTTLS": ("ehlo", at_starttls, "tls"),
    "handshake": ("tls", at_tls, "tls"),
    "AUTH": ("auth", at_auth, "auth"),
}


@pytest.mark.standard("SMTP-08")
@pytest.mark.parametrize("name", UNREADY)
def test_a_receiver_that_stalls_before_anything_began(name: str) -> None:
    limit, script, stage = UNREADY[name]
    feed = ListFeed(lane=[message(1)])
    with Scripted(script) as server:
        lane = Lane(
            "lane",
            [("127.0.0.1", server.port)],
            tls="starttls-required" if stage == "tls" else "starttls",
            auth=Auth("me", "secret", allow_clear=True) if stage == "auth" else None,
        )
        waited = wait(feed, lane, limit, "failures")
    assert LIMIT <= waited < LIMIT + 3
    assert [(one.kind, one.code, one.stage) for _, one in feed.failures] == [("deferred", 0, stage)]
    assert feed.outcomes == {}


@pytest.mark.standard("SMTP-08")
def test_a_connection_that_is_never_taken() -> None:
    feed = ListFeed(lane=[message(1)])
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        # One more than its queue holds; the kernel lets all others wait.
        waiting = [socket.create_connection(("127.0.0.1", port))]
        waited = wait(feed, Lane("lane", [("127.0.0.1", port)]), "connect", "failures")
        for sock in waiting:
            sock.close()
    assert LIMIT <= waited < LIMIT + 3
    assert [(one.kind, one.stage) for _, one in feed.failures] == [("deferred", "connect")]


def mail_in_steps(client: Client) -> None:
    client.greet()
    scripts.hold(client)


def rcpt_in_steps(client: Client) -> None:
    client.greet()
    client.line()
    client.say(b"250 ok")
    scripts.hold(client)


def data_in_steps(client: Client) -> None:
    client.greet()
    for _ in range(2):
        client.line()
        client.say(b"250 ok")
    scripts.hold(client)


def at_mail(client: Client) -> None:
    client.greet(*scripts.ALL)
    scripts.hold(client)


# In the middle of an envelope: which limit, whom it meets, and where the envelope is then.
BEGUN: dict[str, tuple[str, Script, str]] = {
    "MAIL": ("mail", at_mail, "mail"),
    "MAIL alone": ("mail", mail_in_steps, "mail"),
    "RCPT": ("rcpt", scripts.stall_at_rcpt, "rcpt"),
    "RCPT alone": ("rcpt", rcpt_in_steps, "rcpt"),
    "DATA": ("data", scripts.stall_at_data, "data"),
    "DATA alone": ("data", data_in_steps, "data"),
    "block": ("block", scripts.never_read, "data"),
    "final dot": ("dot", scripts.stall_after_dot, "lost"),
}


@pytest.mark.standard("SMTP-08")
@pytest.mark.standard("SMTP-12")
@pytest.mark.parametrize("name", BEGUN)
def test_a_receiver_that_stalls_in_an_envelope(name: str) -> None:
    limit, script, stage = BEGUN[name]
    feed = ListFeed(lane=[message(1)])
    if limit == "block":
        feed.lanes["lane"][0].data += scripts.LARGE
    with Scripted(script) as server:
        waited = wait(feed, Lane("lane", [("127.0.0.1", server.port)]), limit, "outcomes")
    assert LIMIT <= waited < LIMIT + 3
    assert feed.fates() == {1: ("deferred", 0, stage)}
    assert feed.failures == []


def at_rset(client: Client) -> None:
    client.greet()
    client.line()
    client.say(b"250 ok")
    client.line()
    client.say(b"550 no")
    assert client.line() == b"RSET"
    scripts.hold(client)


def at_the_lone_dot(client: Client) -> None:
    """The recipient is refused, DATA is taken all the same."""
    client.greet(*scripts.ALL)
    client.line()
    client.say(b"250 ok", b"550 no", b"354 go")
    client.line()
    client.line()
    assert client.line() == b"."
    scripts.hold(client)


def at_quit(client: Client) -> None:
    client.greet(*scripts.ALL)
    client.group()
    client.body()
    client.say(b"250 ok")
    scripts.hold(client)


@pytest.mark.parametrize(
    ("limit", "script"), [("mail", at_rset), ("dot", at_the_lone_dot), ("quit", at_quit)]
)
def test_a_receiver_that_stalls_behind_an_envelope(limit: str, script: Script) -> None:
    """What has been settled stays so, and the connection ends."""
    feed = ListFeed(lane=[message(1)])
    timing = replace(PATIENT, **{limit: LIMIT})
    with Scripted(script) as server:
        lane = Lane("lane", [("127.0.0.1", server.port)], max_messages_per_connection=1)
        with Loop(feed, [lane], timing) as loop:
            loop.run(time.monotonic() + 10, feed.done)
            settled = time.monotonic()
            fates = feed.fates()
            loop.run(time.monotonic() + 10, lambda: loop.connections == 0)
            assert loop.connections == 0
            waited = time.monotonic() - settled
    assert LIMIT - timing.sweep <= waited < LIMIT + 3
    assert feed.fates() == fates


def wait(feed: ListFeed, lane: Lane, limit: str, what: str) -> float:
    """With only one limit within reach: how long it took until the feed had heard of it."""
    began = time.monotonic()
    with Loop(feed, [lane], replace(PATIENT, **{limit: LIMIT})) as loop:
        loop.run(began + 10, lambda: bool(getattr(feed, what)))
        assert getattr(feed, what), "nothing was heard"
        return time.monotonic() - began
