"""The slots of broadcasts with a rate, granted by the database for all processes together."""

from __future__ import annotations

import time
from collections import deque

from esp.delivery import dispatches
from esp.delivery.sender.messages import Message
from esp.runtime import Runtime

# A slot that could not be used for so long is given up, so that nothing is made up for in a rush.
_STALE = 1.0


class Paces:
    """Of each broadcast with a rate: when its next messages may go (seconds of time.monotonic)."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._slots: dict[int, deque[float]] = {}
        self._ask_at: dict[int, float] = {}

    def next(self, message: Message) -> float:
        """0 if one message may go now (the slot is used up); else the moment to ask again."""
        if not message.rate:
            return 0.0
        now = time.monotonic()
        slots = self._slots.setdefault(message.broadcast_id, deque())
        while slots and slots[0] < now - _STALE:
            slots.popleft()
        if not slots:
            ask_at = self._ask_at.get(message.broadcast_id, 0.0)
            if now < ask_at:
                return ask_at
            self._ask(message, message.rate, slots)
        if not slots:
            return self._ask_at[message.broadcast_id]
        if slots[0] > now:
            return slots[0]
        slots.popleft()
        return 0.0

    def forget(self, broadcast_id: int) -> None:
        """The rate has changed."""
        self._slots.pop(broadcast_id, None)
        self._ask_at.pop(broadcast_id, None)

    def _ask(self, message: Message, rate: int, slots: deque[float]) -> None:
        wall, now = self._runtime.clock(), time.monotonic()
        with self._runtime.transaction(message.account_id) as session:
            granted = dispatches.grant(
                session, message.account_id, message.broadcast_id, rate, wall
            )
        first = now + (granted.first - wall).total_seconds()
        gap = granted.gap.total_seconds()
        slots.extend(first + gap * number for number in range(granted.messages))
        if not granted.messages:
            self._ask_at[message.broadcast_id] = max(first, now + 0.01)
