"""(pure) The moments at which one process may begin messages under a rate shared by all."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

# A grant covers this much time, so that several processes share a rate closely.
GRANT = timedelta(milliseconds=200)

# A slot used so late is given up: what is made up for in a rush would break the rate.
_STALE = 0.25
# More is asked for while so much is left, so that the answer is there in time.
_AHEAD = 0.1


class Grant(NamedTuple):
    """So many messages may go, the first at `first`, then one each `gap`; 0: ask at `first`."""

    messages: int
    first: datetime
    gap: timedelta


def most(gap: timedelta) -> int:
    """How many messages one grant covers."""
    return max(1, int(GRANT / gap))


class _Answer(Protocol):
    """`first`: of the slots won, or of the first that is free for anybody."""

    @property
    def won(self) -> bool: ...
    @property
    def first(self) -> datetime | None: ...


def granted(answer: _Answer | None, count: int, gap: timedelta, now: datetime) -> Grant:
    """What the database's answer to a request for `count` slots comes to."""
    first = answer.first if answer is not None else None
    if answer is not None and answer.won and first is not None:
        return Grant(count, first, gap)
    return Grant(0, (first or now + 2 * GRANT) - GRANT, gap)


class Slots:
    """Times are seconds of one clock, whichever; those of a grant are turned to it by `put`."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque()
        self._stale = _STALE
        self._ask_at = 0.0

    def wants(self, now: float) -> bool:
        """Whether to ask for a grant."""
        if now < self._ask_at:
            return False
        return not self._moments or self._moments[-1] < now + _AHEAD

    def put(self, grant: Grant, wall: datetime, now: float) -> None:
        """Take in a grant that was asked for when the other clock showed `wall`."""
        first = now + (grant.first - wall).total_seconds()
        gap = grant.gap.total_seconds()
        self._stale = max(_STALE, gap / 2)
        self._moments.extend(first + gap * number for number in range(grant.messages))
        # Once in the time of a grant is enough, and no use before the next can begin.
        wait = GRANT.total_seconds()
        self._ask_at = now + wait if grant.messages else max(first, now + 0.01)

    def next(self, now: float) -> float:
        """0 if one message may begin now (its slot is used up); else when to ask again."""
        moments = self._moments
        while moments and moments[0] < now - self._stale:
            moments.popleft()
        if not moments:
            return max(self._ask_at, now + 0.001)
        if moments[0] > now:
            return moments[0]
        moments.popleft()
        return 0.0

    def give_back(self, now: float) -> None:
        """The message that had the last slot did not begin."""
        self._moments.appendleft(now)

    def clear(self) -> None:
        """The rate has changed."""
        self._moments.clear()
        self._ask_at = 0.0
