"""Receivers that misbehave in every way, at the same time, beside one that behaves."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.conversation import Received
from bench.sink import Sink
from esp.delivery.smtp.introduction import TlsMode
from esp.delivery.smtp.lane import Lane
from esp.delivery.smtp.loop import Loop
from tests.doors.smtp import scripts
from tests.doors.smtp.parties import QUICK, ListFeed, Scripted, make_certificate, message
from tests.doors.smtp.scripts import Script

# What becomes of the first message each of them meets.
FATES: dict[str, tuple[Script, tuple[str, int, str]]] = {
    "greylist": (scripts.greylist, ("deferred", 450, "rcpt")),
    "421": (scripts.hello_and_421, ("sent", 250, "dot")),
    "closes": (scripts.take_one, ("deferred", 0, "lost")),
    "stalls at RCPT": (scripts.stall_at_rcpt, ("deferred", 0, "rcpt")),
    "stalls at DATA": (scripts.stall_at_data, ("deferred", 0, "data")),
    "stalls after the dot": (scripts.stall_after_dot, ("deferred", 0, "lost")),
    "wordy": (scripts.wordy, ("failed", 550, "dot")),
    "malformed": (scripts.malformed, ("deferred", 0, "lost")),
    "over-long": (scripts.over_long, ("deferred", 0, "lost")),
    "endless": (scripts.endless, ("deferred", 0, "lost")),
    "no extension": (scripts.helo_only, ("sent", 250, "dot")),
    "reset in DATA": (scripts.reset_in_the_body, ("deferred", 0, "data")),
    "too early": (scripts.early_at_data, ("deferred", 0, "data")),
    "slow": (scripts.one_octet_at_a_time, ("sent", 250, "dot")),
    "never reads": (scripts.never_read, ("deferred", 0, "data")),
}
LARGE = {"reset in DATA", "never reads"}
# They let nothing begin, and the lane tries again and again.
CLOSED: dict[str, Script] = {
    "silent": scripts.hold,
    "at once": scripts.early,
    "at EHLO": scripts.reset_at_ehlo,
}
EACH = 3
GOOD = 2000
TIMING = replace(
    QUICK, greeting=1, ehlo=1, tls=1, mail=1, rcpt=1, data=1, block=1, dot=1, retry_last=0.5
)


class Crowd:
    """All of them, each with a lane of its own and `EACH` messages waiting for it."""

    def __init__(self, folder: Path) -> None:
        paths = make_certificate(folder, "mx.example")
        changing = scripts.with_starttls(paths, scripts.only_this)
        played = {name: script for name, (script, _) in FATES.items()} | CLOSED
        played |= {"changing": changing, "wrong certificate": changing}
        self.servers = {name: Scripted(script) for name, script in played.items()}
        self.letters = {
            name: [message(100 * number + one) for one in range(EACH)]
            for number, name in enumerate(played)
        }
        self.first = {name: letters[0].key for name, letters in self.letters.items()}
        for name in LARGE:
            self.letters[name][0].data += scripts.LARGE

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.__exit__()

    def lanes(self) -> list[Lane]:
        demanding: dict[str, TlsMode] = {"wrong certificate": "starttls-required"}
        return [
            Lane(
                name,
                [("127.0.0.1", server.port)],
                tls=demanding.get(name, "starttls"),
                max_connections=2,
            )
            for name, server in self.servers.items()
        ]


@pytest.mark.standard("SMTP-08")
@pytest.mark.standard("THR-04")
def test_the_loop_never_waits_for_any_of_them(tmp_path: Path) -> None:
    good = [message(10_000 + n) for n in range(GOOD)]
    got: list[Received] = []
    with Crowd(tmp_path) as crowd, Sink(got.extend) as sink:
        feed = ListFeed(**{name: list(one) for name, one in crowd.letters.items()}, good=good[:])
        settled = {one.key for name in (*FATES, "changing") for one in crowd.letters[name]}
        with Loop(feed, crowd.lanes(), TIMING) as loop:
            # All of them hold their connections when the good one begins.
            loop.run(time.monotonic() + 20, lambda: loop.connections >= len(FATES) - 4)
            held = loop.connections
            loop.add(Lane("good", [("127.0.0.1", sink.port)]))
            settled |= {one.key for one in good}
            loop.run(time.monotonic() + 60, lambda: feed.outcomes.keys() >= settled)
            lag = loop.worst_lag()
            loop.finish(2)

    fates = feed.fates()
    expected = {name: fate for name, (_, fate) in FATES.items()}
    assert {name: fates.get(crowd.first[name]) for name in FATES} == expected
    assert fates[crowd.first["changing"]] == ("sent", 250, "dot")
    for name in (*CLOSED, "wrong certificate"):
        assert crowd.first[name] not in fates
        assert name in {key for key, _ in feed.failures}
    # Nobody is lost, and nobody is told twice (the feed would have said so).
    assert {fates[one.key] for one in good} == {("sent", 250, "dot")}
    assert sorted(one.rcpt[0] for one in got) == sorted(one.rcpt for one in good)
    assert held >= len(FATES) - 4
    assert lag < 1
