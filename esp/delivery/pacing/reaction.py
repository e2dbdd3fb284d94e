"""(pure) What a receiver's reply asks of us, besides what becomes of the recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

# What is to be slowed down: nothing, one recipient, one connection, everything from a pool to a
# provider, or what one account sends from a pool to a provider.
Scope = Literal["none", "recipient", "connection", "provider", "stream"]

# Reasons that only people can put right: they are told.
ALARMS = frozenset(("duplicate_id", "authentication", "dns", "blocked", "policy"))


@dataclass(frozen=True, slots=True)
class Reaction:
    """`is_final` says that the recipient has failed: the reply's first digit alone decides it.

    `retry_after` is the recipient's shortest wait where the reason is known (None: the plain
    schedule); with `retry_spread` it lies within that time after it and does not grow.
    `slows` halves the share; `pause` begins nothing for so long (and up to `spread` of it longer);
    the caps hold for `cap_for`; `doubles` makes each further pause or cap twice as long. `holds`
    waits for a person. All of these only after `after` such replies without a success between.
    """

    scope: Scope
    reason: str = ""
    is_final: bool = False
    retry_after: timedelta | None = None
    retry_spread: timedelta | None = None
    slows: bool = False
    pause: timedelta | None = None
    spread: float = 0.25
    doubles: bool = False
    cap_per_minute: int | None = None
    cap_connections: int | None = None
    cap_for: timedelta | None = None
    holds: bool = False
    after: int = 1

    @property
    def alarm(self) -> bool:
        """Whether people must know."""
        return self.reason in ALARMS and self.scope in ("provider", "stream")

    @property
    def is_success(self) -> bool:
        return self.scope == "none"

    @property
    def teaches(self) -> bool:
        """Whether more than this recipient and this connection is concerned."""
        return self.scope in ("provider", "stream") or self.slows


SENT = Reaction("none")
