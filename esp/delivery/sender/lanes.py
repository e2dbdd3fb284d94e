"""What waits in memory to be begun, lane by lane, and whose turn it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from esp.delivery.batches import Claim
from esp.delivery.load import Ready
from esp.delivery.sender.messages import Message


class Work:
    """A claim in memory: what of it is still to be begun, and how much is open."""

    __slots__ = ("claim", "dropped", "message", "open", "waiting")

    def __init__(self, claim: Claim, message: Message, waiting: list[Ready]) -> None:
        self.claim = claim
        self.message = message
        self.waiting = deque(waiting)
        self.open = 0
        # Something of it was given back: it has to be claimed again.
        self.dropped = False

    @property
    def over(self) -> bool:
        return not self.waiting and not self.open


# Until when the next message of a broadcast must wait; 0: it may go.
Pace = Callable[[Message], float]


class Queue:
    """The works of one lane. Accounts take turns, and within an account its broadcasts do."""

    def __init__(self) -> None:
        self._turns: dict[int, dict[int, deque[Work]]] = {}

    def add(self, work: Work) -> None:
        broadcasts = self._turns.setdefault(work.claim.account_id, {})
        broadcasts.setdefault(work.claim.broadcast_id, deque()).append(work)

    def take(self, pace: Pace) -> tuple[Work, Ready] | float | None:
        """The next to begin; or the moment before which there is none; or None: nothing waits."""
        soonest: float | None = None
        for account_id in list(self._turns):
            broadcasts = self._turns.pop(account_id)
            for broadcast_id in list(broadcasts):
                works = broadcasts.pop(broadcast_id)
                while works and not works[0].waiting:
                    works.popleft()
                if not works:
                    continue
                broadcasts[broadcast_id] = works
                wait = pace(works[0].message)
                if not wait:
                    self._turns[account_id] = broadcasts
                    return works[0], works[0].waiting.popleft()
                soonest = wait if soonest is None else min(soonest, wait)
            if broadcasts:
                self._turns[account_id] = broadcasts
        return soonest

    def works(self) -> Iterator[Work]:
        """All of which something still waits."""
        for broadcasts in self._turns.values():
            for works in broadcasts.values():
                yield from (work for work in works if work.waiting)

    def waiting(self) -> int:
        """How many could go as fast as the receiver takes them."""
        return sum(len(work.waiting) for work in self.works() if not work.message.rate)
