"""What the loop asks for: the next envelope of a lane, and what became of one."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime
from typing import cast

from sqlalchemy.exc import DBAPIError

from esp.delivery.facts import RecipientOutcome
from esp.delivery.load import Ready, Skip
from esp.delivery.notices import Due
from esp.delivery.plan import FillError
from esp.delivery.sender.ahead import copy_for
from esp.delivery.sender.governor import Governor
from esp.delivery.sender.lanes import Pace, Queue, Share, Work
from esp.delivery.sender.messages import Message
from esp.delivery.sender.outbox import Outbox
from esp.delivery.sender.pace import Paces
from esp.delivery.sender.paced import LONG_SECONDS
from esp.delivery.sender.routes import Route, Way
from esp.delivery.sender.singles import Singles
from esp.delivery.settle import settle
from esp.delivery.smtp.envelope import Envelope, Outcome, Wait
from esp.runtime import Runtime

log = logging.getLogger(__name__)

# Below this a way out wants more, above that no more is claimed for it.
LOW, HIGH = 1000, 2000
# With so many in memory altogether, only ways that have run dry get more.
CROWD = 10_000
_SHORT = 0.002

Key = tuple[Queue, Work, Ready]


class Feed:
    """All lanes' queues. `may_begin` says, right before each envelope, whether one may begin."""

    def __init__(
        self,
        runtime: Runtime,
        outbox: Outbox,
        governor: Governor,
        may_begin: Callable[[], bool],
        hungry: Callable[[], None],
        ship: Callable[[], None],
        lost: Callable[[DBAPIError], None],
    ) -> None:
        self.paces = Paces(runtime)
        self.queues: dict[Route, Queue] = {}
        self.singles = Singles(runtime, outbox)
        self.open: dict[int, Work] = {}
        self._runtime = runtime
        self._outbox = outbox
        self._governor = governor
        self._may_begin = may_begin
        self._hungry = hungry
        self._ship = ship
        self._lost = lost

    # -- what the loop asks -------------------------------------------------------------------

    def next_envelope(self, lane: Hashable, now: float) -> Envelope | Wait | None:
        """See `esp.delivery.smtp.lane.Feed`."""
        route = cast(Route, lane)
        if not self._may_begin():
            return Wait(time.monotonic() + _SHORT)
        if route.single:
            envelope = self.singles.take(route)
            if envelope is None:
                self._hungry()
            return envelope
        queue = self.queues[route]
        way, governor = queue.way, self._governor
        while True:
            try:
                wait = governor.may_begin(way)
                if wait:
                    return self._rest(queue, wait)
                found = queue.take(self._pace_of(queue))
            except DBAPIError as error:
                self._lost(error)
                return Wait(time.monotonic() + _SHORT)
            if isinstance(found, tuple):
                envelope = self._fill(queue, *found)
                if envelope is not None:
                    governor.begun(way)
                    return envelope
                governor.unused(way)
                continue
            governor.unused(way)
            if found is None:
                self._hungry()
                return None
            return self._rest(queue, found)

    def connections_allowed(self, group: Hashable) -> int:
        """See `esp.delivery.smtp.lane.Limits`."""
        way, single = cast(tuple[Way, bool], group)
        return self._governor.connections(way, single)

    def outcome(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
        """See `esp.delivery.smtp.lane.Feed`."""
        key = envelope.key
        if isinstance(key, Due):
            self.singles.settle(key, outcome)
        else:
            queue, work, ready = cast(Key, key)
            self._settle(queue, work, ready, outcome)
            work.open -= 1
            if not work.open:
                del self.open[id(work)]
                self._leave_if_over(work)
        if self._outbox.urgent:
            self._ship()

    def lane_failed(self, lane: Hashable, outcome: Outcome) -> bool:
        """See `esp.delivery.smtp.lane.Feed`; nothing had begun, so nothing is lost.

        Behind a relay everything waits for it. Of a receiver, whatever waits has had its attempt.
        """
        route = cast(Route, lane)
        log.warning("No connection for %s: %s %s", route, outcome.enhanced, outcome.text)
        self._governor.failed(route.way, outcome)
        if not route.exit.is_direct:
            return True
        self.singles.fail(route, outcome)
        queue = self.queues.get(route)
        if queue is None:
            return False
        for share in list(queue.shares()):
            for ready in list(share.waiting):
                self._settle(queue, share.work, ready, outcome)
            share.clear()
            self._leave_if_over(share.work)
        return False

    # -- what the process does ----------------------------------------------------------------

    def skip(self, work: Work, skips: list[Skip]) -> None:
        """Write down who gets nothing of a work that was just loaded."""
        at = self._runtime.clock()
        for one in skips:
            self._outbox.skip(work, one.seq, one.reason, at)
        self._leave_if_over(work)

    def add(self, route: Route, share: Share) -> None:
        """Put loaded recipients into their lane's queue."""
        queue = self.queues.get(route)
        if queue is None:
            queue = self.queues[route] = Queue(route)
        queue.add(share)

    def forget(self, route: Route) -> bool:
        """Give an empty lane up; False: something waits in it."""
        queue = self.queues.get(route)
        if self.singles.lanes.get(route) or (queue is not None and not queue.is_empty):
            return False
        self.queues.pop(route, None)
        self.singles.lanes.pop(route, None)
        return True

    def ways(self) -> set[Way]:
        """Of all lanes."""
        return {route.way for route in (*self.queues, *self.singles.lanes)}

    def works(self) -> Iterator[Work]:
        """Of which something still waits to begin."""
        seen: set[int] = set()
        for queue in self.queues.values():
            for share in queue.shares():
                if id(share.work) not in seen:
                    seen.add(id(share.work))
                    yield share.work

    def waiting(self) -> Counter[tuple[int, int, int]]:
        """How many wait that have no rate of their own, by transport, pool and claim's provider."""
        found: Counter[tuple[int, int, int]] = Counter()
        for work in self.works():
            if not work.message.rate:
                leaves = work.message.exit
                provider_id = work.claim.provider_id if leaves.is_direct else 0
                found[leaves.transport_id, leaves.pool_id, provider_id] += work.waiting
        return found

    def drop(self, wanted: Callable[[Work], bool]) -> None:
        """Begin nothing more of some works; they are given back when what is open is settled."""
        for work in [work for work in self.works() if wanted(work)]:
            work.drop()
            self._leave_if_over(work)

    def judge_again(
        self,
        concerns: Callable[[Work, Ready], bool],
        look: Callable[[Work, list[int]], list[Ready | Skip]],
    ) -> None:
        """Have the recipients concerned judged anew, right now, before anything else begins."""
        at = self._runtime.clock()
        for share in [share for queue in self.queues.values() for share in queue.shares()]:
            work = share.work
            doubtful = [ready.seq for ready in share.waiting if concerns(work, ready)]
            if not doubtful:
                continue
            # Looked at before anything is taken out: if this fails, nobody is forgotten.
            judged = look(work, doubtful)
            kept = [one for one in share.waiting if not concerns(work, one)]
            for one in judged:
                if isinstance(one, Skip):
                    self._outbox.skip(work, one.seq, one.reason, at)
                else:
                    kept.append(one)
            share.keep(kept)
            self._leave_if_over(work)

    # -- inside -------------------------------------------------------------------------------

    def _pace_of(self, queue: Queue) -> Pace:
        """What a broadcast has to wait for: its own rate, and what its account alone is denied."""
        if not self._governor.has_streams:
            return self.paces.next
        governor, way = self._governor, queue.way

        def pace(message: Message) -> float:
            wait = governor.account_may_begin(way, message.account_id)
            return wait or self.paces.next(message)

        return pace

    def _rest(self, queue: Queue, until: float) -> Wait | None:
        """For a short time here, for a longer one in the database."""
        if until - time.monotonic() >= LONG_SECONDS:
            at = self._runtime.clock()
            for share in list(queue.shares()):
                if self._governor.is_closed(queue.way, share.work.claim.account_id):
                    self._put_back(queue, share, at)
        return None if queue.is_empty else Wait(until)

    def _put_back(self, queue: Queue, share: Share, at: datetime) -> None:
        work, route = share.work, queue.route
        if work.claim.provider_id == route.provider_id or not route.exit.is_direct:
            work.drop()
        else:
            # Its batch holds other receivers' people too, who go on.
            again_at = self._governor.opens_at(queue.way, work.claim.account_id, at)
            for ready in share.waiting:
                self._outbox.postpone(work, ready.seq, again_at, at)
            share.clear()
        self._leave_if_over(work)

    def _fill(self, queue: Queue, share: Share, ready: Ready) -> Envelope | None:
        now, work = self._runtime.clock(), share.work
        try:
            envelope = copy_for(queue, share, ready, now)
        except Exception as error:
            # One person's data must not stop the mail of all others.
            expected = isinstance(error, FillError)
            log.warning(
                "Recipient %s of broadcast %s can't have a copy: %s",
                ready.seq,
                work.claim.broadcast_id,
                error,
                exc_info=not expected,
            )
            self._outbox.skip(work, ready.seq, "unfillable", now)
            self._leave_if_over(work)
            return None
        work.open += 1
        self.open[id(work)] = work
        return envelope

    def _settle(self, queue: Queue, work: Work, ready: Ready, outcome: Outcome) -> None:
        at = self._runtime.clock()
        provider_id = queue.route.provider_id or work.claim.provider_id
        reaction = self._governor.learn(queue.way, work.claim.account_id, provider_id, outcome, at)
        settled = settle(
            outcome,
            ready.attempts + 1,
            at,
            ready.expires_at,
            random.random(),
            reaction=reaction,
        )
        self._outbox.add(
            RecipientOutcome(
                work.claim.account_id,
                work.claim.broadcast_id,
                ready.seq,
                settled.kind,
                settled.code,
                settled.reply,
                settled.reason,
                at,
                settled.next_at,
            )
        )

    def _leave_if_over(self, work: Work) -> None:
        if work.over:
            self._outbox.leave(work)
