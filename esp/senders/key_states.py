"""(pure) The states of a DKIM key and the moves between them."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

State = Literal["waiting", "active", "leaving", "retired"]

MOVES: dict[State, frozenset[State]] = {
    # Its record is to be published; it signs nothing before it was seen there.
    "waiting": frozenset(("active",)),
    # It signs.
    "active": frozenset(("leaving",)),
    # It signs no more, but mail that it signed is still on the way: its record stays.
    "leaving": frozenset(("retired",)),
    # Its record may go.
    "retired": frozenset(),
}

# How long a record stays published after its key's last signature (M3AAWG key rotation).
OVERLAP = timedelta(days=7)
# From a record's first sight to its key's first signature where another key can sign meanwhile:
# not all of a domain's name servers have it at once.
SETTLING = timedelta(hours=1)


def may_move(old: State, new: State) -> bool:
    return new in MOVES[old]
