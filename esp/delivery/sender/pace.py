"""The slots of broadcasts with a rate, granted by the database for all processes together."""

from __future__ import annotations

import time

from esp.delivery import dispatches
from esp.delivery.pacing.slots import Slots
from esp.delivery.sender.messages import Message
from esp.runtime import Runtime


class Paces:
    """Of each broadcast with a rate: when its next messages may go (seconds of time.monotonic)."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._slots: dict[int, Slots] = {}

    def next(self, message: Message) -> float:
        """0 if one message may go now (the slot is used up); else the moment to ask again."""
        if not message.rate:
            return 0.0
        now = time.monotonic()
        slots = self._slots.get(message.broadcast_id)
        if slots is None:
            slots = self._slots[message.broadcast_id] = Slots()
        if slots.wants(now):
            wall = self._runtime.clock()
            with self._runtime.transaction(message.account_id) as session:
                slots.put(
                    dispatches.grant(
                        session, message.account_id, message.broadcast_id, message.rate, wall
                    ),
                    wall,
                    now,
                )
        return slots.next(now)

    def forget(self, broadcast_id: int) -> None:
        """The rate has changed."""
        self._slots.pop(broadcast_id, None)
