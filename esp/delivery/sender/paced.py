"""The pace of one way as this process knows it: what may begin now, and what replies taught."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from esp.delivery.paces import Pace
from esp.delivery.pacing import adapt
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.reaction import Reaction
from esp.delivery.pacing.slots import Grant, Slots
from esp.delivery.sender.routes import Way

# Nothing is asked of it again for so long, unless something changes.
_LATER = 60.0
# What lasts longer waits in the database.
LONG_SECONDS = 5.0
_ANY = Limits(connections=10_000)

Ask = Callable[[float], Grant]


class Paced:
    """One way. Behind a relay nothing is kept: what it teaches is of this process and its day."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.provider = ""
        self.limits = _ANY
        self.state = adapt.FREE
        self.warm_rate: float | None = None
        # What this process may open of all processes' connections; None: they are not divided.
        self.part: int | None = None
        self.part_until = 0.0
        self.slots = Slots()
        self.is_free = True
        self._rate: float | None = None

    def refresh(self, pace: Pace, epoch: float) -> None:
        """What the database says now."""
        self.provider = pace.provider
        self.limits = pace.limits
        self.warm_rate = pace.warm_rate
        self.state = adapt.refreshed(self.state, pace.state)
        self.judge(epoch)

    def judge(self, epoch: float) -> None:
        """See whether there is anything to mind; cheap for those where there is not."""
        state = self.state
        rate = self.rate(epoch)
        if rate != self._rate:
            self.slots.clear()
            self._rate = rate
        self.is_free = rate is None and not state.is_held and not state.paused_until

    def allowed(self, epoch: float) -> Limits:
        return adapt.allowed(self.limits, self.state, epoch)

    def rate(self, epoch: float) -> float | None:
        """Messages a minute; None: as fast as it goes."""
        if self.way.provider_id == 0 and self.state.share >= 1 and self.state.cap_until <= epoch:
            return None
        rates = (self.allowed(epoch).rate_per_minute, self.warm_rate)
        return min((rate for rate in rates if rate is not None), default=None)

    def connections(self, epoch: float) -> int:
        """How many this process may have open."""
        allowed = self.allowed(epoch).connections
        if self.part is None:
            return allowed
        return min(allowed, self.part) if time.monotonic() < self.part_until else 0

    def may_begin(self, epoch: float, now: float, ask: Ask) -> float:
        """0: one message may begin, its slot is used up; else when (monotonic) to ask again."""
        wait = adapt.may_begin(self.state, epoch)
        if wait:
            return now + (_LATER if math.isinf(wait) else wait - epoch)
        rate = self.rate(epoch)
        if rate is None:
            return 0.0
        if rate <= 0:
            return now + _LATER
        if self.slots.wants(now):
            self.slots.put(ask(rate), datetime.fromtimestamp(epoch, UTC), now)
        return self.slots.next(now)

    def rests(self, epoch: float) -> bool:
        """Whether nothing may begin for a while."""
        if self.is_free:
            return False
        state = self.state
        paused = state.is_held or state.paused_until > epoch + LONG_SECONDS
        return paused or self.warm_rate == 0

    def begun(self) -> None:
        """A message has begun."""
        self.state = adapt.begun(self.state)

    def unused(self, now: float) -> None:
        """What `may_begin` allowed did not begin."""
        if self._rate is not None:
            self.slots.give_back(now)

    def learn(self, reaction: Reaction, epoch: float, chance: float, reply: str) -> bool:
        """Whether the database must know."""
        old = self.state
        new = adapt.after_outcome(old, reaction, epoch, chance, reply)
        if new is old:
            return False
        self.state = new
        self.judge(epoch)
        return adapt.is_news(old, new)

    @property
    def is_quiet(self) -> bool:
        """Whether a success can teach nothing."""
        return self.is_free and self.state.share >= 1 and not self.state.strikes
