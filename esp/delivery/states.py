"""(pure) The states of a recipient and the moves between them."""

from __future__ import annotations

from typing import Literal

State = Literal["queued", "deferred", "sent", "failed", "skipped"]

MOVES: dict[State, frozenset[State]] = {
    "queued": frozenset(("sent", "deferred", "failed", "skipped")),
    "deferred": frozenset(("sent", "deferred", "failed", "skipped")),
    # A receiver's 250 that was shipped late is still true, whatever was decided meanwhile.
    "failed": frozenset(("sent",)),
    "skipped": frozenset(("sent",)),
    "sent": frozenset(),
}

OPEN: tuple[State, ...] = ("queued", "deferred")
FINAL: tuple[State, ...] = ("sent", "failed", "skipped")


def may_move(old: State, new: State) -> bool:
    return new in MOVES[old]
