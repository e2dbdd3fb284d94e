"""Copies made before their turn: only where the turn comes soon, and never an old one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esp.delivery.batches import Claim
from esp.delivery.load import Ready
from esp.delivery.plan import FillError
from esp.delivery.sender.ahead import copy_for
from esp.delivery.sender.lanes import Share, Work
from esp.delivery.smtp.envelope import Envelope

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Copies:
    """A message that counts its copies and has none for some."""

    rate = None

    def __init__(self, *impossible: int) -> None:
        self.made: list[int] = []
        self._impossible = impossible

    def envelope(self, key: object, ready: Ready, now: datetime) -> Envelope:
        if ready.seq in self._impossible:
            raise FillError("no copy")
        self.made.append(ready.seq)
        return Envelope(key, "b@example.com", ready.email, f"{ready.seq} {now:%S}".encode())


def share_of(copies: Any, people: int = 30) -> Share:
    ready = [Ready(n, n, f"p{n}@example.net", 0, None, True, ()) for n in range(1, people + 1)]
    return Work(Claim(1, 2, 1, people, 3), copies).give(ready)


def filled(share: Share, now: datetime) -> Envelope:
    return copy_for("lane", share, share.take(), now)


def test_a_fast_lane_has_copies_made_ahead_and_each_goes_to_its_recipient() -> None:
    copies = Copies()
    share = share_of(copies)
    envelopes = [filled(share, NOW + timedelta(milliseconds=n)) for n in range(30)]
    assert [one.rcpt for one in envelopes] == [f"p{n}@example.net" for n in range(1, 31)]
    assert [one.data.split()[0] for one in envelopes] == [b"%d" % n for n in range(1, 31)]
    assert sorted(copies.made) == list(range(1, 31))
    assert copies.made != sorted(copies.made)
    for one in envelopes:
        lane, work, ready = one.key  # type: ignore[misc]  # this is how it is made
        assert (lane, work, ready.email, ready.prepared) == ("lane", share.work, one.rcpt, None)


def test_a_slow_lane_makes_each_copy_in_its_time() -> None:
    copies = Copies()
    share = share_of(copies, 4)
    for n in range(4):
        assert filled(share, NOW + timedelta(seconds=n)).data == f"{n + 1} 0{n}".encode()
    assert copies.made == [1, 2, 3, 4]


def test_what_waited_too_long_is_made_anew() -> None:
    share = share_of(Copies())
    filled(share, NOW)
    filled(share, NOW)
    assert filled(share, NOW + timedelta(seconds=5)).data == b"3 05"


def test_who_cannot_have_a_copy_is_told_in_turn() -> None:
    share = share_of(Copies(4))
    for _ in range(3):
        filled(share, NOW)
    with pytest.raises(FillError):
        filled(share, NOW)
    assert filled(share, NOW).rcpt == "p5@example.net"
