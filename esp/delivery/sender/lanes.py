"""What waits in memory to be begun, lane by lane, and whose turn it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from esp.delivery.batches import Claim
from esp.delivery.load import Ready
from esp.delivery.sender.messages import Message
from esp.delivery.sender.routes import Route


class Work:
    """A claim in memory: how much of it is still to be begun, and how much is open."""

    __slots__ = ("claim", "dropped", "message", "open", "shares", "waiting")

    def __init__(self, claim: Claim, message: Message) -> None:
        self.claim = claim
        self.message = message
        self.shares: list[Share] = []
        self.waiting = 0
        self.open = 0
        # Something of it was given back: it has to be claimed again.
        self.dropped = False

    def give(self, waiting: Iterable[Ready]) -> Share:
        """One lane's part of it."""
        share = Share(self, waiting)
        self.shares.append(share)
        return share

    @property
    def over(self) -> bool:
        return not self.waiting and not self.open

    def drop(self) -> None:
        """Begin nothing more of it."""
        for share in self.shares:
            share.clear()
        self.dropped = True


class Share:
    """The recipients of a work that go in one lane; `filled_at`: when copies were last made."""

    __slots__ = ("filled_at", "waiting", "work")

    def __init__(self, work: Work, waiting: Iterable[Ready]) -> None:
        self.work = work
        self.waiting = deque(waiting)
        self.filled_at: datetime | None = None
        work.waiting += len(self.waiting)

    def take(self) -> Ready:
        self.work.waiting -= 1
        return self.waiting.popleft()

    def keep(self, wanted: Iterable[Ready]) -> None:
        """Have these wait instead."""
        kept = deque(wanted)
        self.work.waiting += len(kept) - len(self.waiting)
        self.waiting = kept

    def clear(self) -> None:
        self.work.waiting -= len(self.waiting)
        self.waiting.clear()


# Until when the next message of a broadcast must wait; 0: it may go.
Pace = Callable[[Message], float]


class _Line:
    """The shares of one broadcast."""

    __slots__ = ("key", "queue")

    def __init__(self, key: int) -> None:
        self.key = key
        self.queue: deque[Share] = deque()


class Queue:
    """The shares of one lane. Accounts take turns, and within an account its broadcasts do."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.way = route.way
        self._accounts: deque[tuple[int, deque[_Line]]] = deque()

    def add(self, share: Share) -> None:
        claim = share.work.claim
        lines = next((lines for key, lines in self._accounts if key == claim.account_id), None)
        if lines is None:
            lines = deque()
            self._accounts.append((claim.account_id, lines))
        line = next((line for line in lines if line.key == claim.broadcast_id), None)
        if line is None:
            line = _Line(claim.broadcast_id)
            lines.append(line)
        line.queue.append(share)

    def take(self, pace: Pace) -> tuple[Share, Ready] | float | None:
        """The next to begin; or the moment before which there is none; or None: nothing waits."""
        soonest: float | None = None
        accounts = self._accounts
        for _ in range(len(accounts)):
            lines = accounts[0][1]
            found = self._of_account(lines, pace)
            if lines:
                accounts.rotate(-1)
            else:
                accounts.popleft()
            if isinstance(found, tuple):
                return found
            if found is not None:
                soonest = found if soonest is None else min(soonest, found)
        return soonest

    @staticmethod
    def _of_account(lines: deque[_Line], pace: Pace) -> tuple[Share, Ready] | float | None:
        soonest: float | None = None
        for _ in range(len(lines)):
            queue = lines[0].queue
            while queue and not queue[0].waiting:
                queue.popleft()
            if not queue:
                lines.popleft()
                continue
            lines.rotate(-1)
            share = queue[0]
            wait = pace(share.work.message)
            if not wait:
                return share, share.take()
            soonest = wait if soonest is None else min(soonest, wait)
        return soonest

    def shares(self) -> Iterator[Share]:
        """All of which something still waits."""
        for _account, lines in self._accounts:
            for line in lines:
                yield from (share for share in line.queue if share.waiting)

    @property
    def is_empty(self) -> bool:
        return next(self.shares(), None) is None
