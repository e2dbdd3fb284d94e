"""What the loop asks for: the next envelope of a lane, and what became of one."""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import cast

from sqlalchemy.exc import DBAPIError

from esp.delivery import retry
from esp.delivery.facts import NoticeOutcome, RecipientOutcome
from esp.delivery.load import Ready, Skip
from esp.delivery.notices import Due
from esp.delivery.plan import FillError
from esp.delivery.sender.lanes import Queue, Work
from esp.delivery.sender.outbox import Outbox
from esp.delivery.sender.pace import Paces
from esp.delivery.sender.routes import Route, route
from esp.delivery.settle import settle
from esp.delivery.smtp.envelope import Envelope, Outcome, Wait
from esp.runtime import Runtime

log = logging.getLogger(__name__)

# Below this a lane wants more, above that no more is claimed for it.
LOW, HIGH = 1000, 2000
_SHORT = 0.002

Key = tuple[Work, Ready]


class Feed:
    """All lanes' queues. `may_begin` says, right before each envelope, whether one may begin."""

    def __init__(
        self,
        runtime: Runtime,
        outbox: Outbox,
        may_begin: Callable[[], bool],
        hungry: Callable[[], None],
        ship: Callable[[], None],
        lost: Callable[[DBAPIError], None],
    ) -> None:
        self.paces = Paces(runtime)
        self.queues: dict[Route, Queue] = {}
        self.singles: dict[Route, deque[Due]] = {}
        self.open: dict[int, Work] = {}
        self._runtime = runtime
        self._outbox = outbox
        self._may_begin = may_begin
        self._hungry = hungry
        self._ship = ship
        self._lost = lost
        self._held: dict[tuple[int, int], Due] = {}

    # -- what the loop asks -------------------------------------------------------------------

    def next_envelope(self, lane: Hashable, now: float) -> Envelope | Wait | None:
        """See `esp.delivery.smtp.lane.Feed`."""
        assert isinstance(lane, Route)  # noqa: S101  # our lanes have no other keys
        if not self._may_begin():
            return Wait(time.monotonic() + _SHORT)
        if lane.single:
            return self._next_single(lane)
        queue = self.queues[lane]
        while True:
            try:
                found = queue.take(self.paces.next)
            except DBAPIError as error:
                self._lost(error)
                return Wait(time.monotonic() + _SHORT)
            if found is None:
                self._hungry()
                return None
            if isinstance(found, float):
                return Wait(found)
            work, ready = found
            envelope = self._fill(work, ready)
            if envelope is not None:
                return envelope

    def outcome(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
        """See `esp.delivery.smtp.lane.Feed`."""
        if isinstance(envelope.key, Due):
            self._settle_single(envelope.key, outcome)
        else:
            work, ready = cast(Key, envelope.key)
            self._settle(work, ready, outcome)
        if self._outbox.urgent:
            self._ship()

    def lane_failed(self, lane: Hashable, outcome: Outcome) -> None:
        """See `esp.delivery.smtp.lane.Feed`; nothing had begun, so nothing is lost."""
        log.warning("No connection for %s: %s %s", lane, outcome.enhanced, outcome.text)

    # -- what the process does ----------------------------------------------------------------

    def add(self, work: Work, skips: list[Skip]) -> Route | None:
        """Put loaded work into its lane's queue; None if nothing of it is to be sent."""
        at = self._runtime.clock()
        for one in skips:
            self._outbox.skip(work, one.seq, one.reason, at)
        if work.over:
            self._outbox.leave(work)
            return None
        lane = route(work.claim.account_id, work.message.transport_id)
        self.queues.setdefault(lane, Queue()).add(work)
        return lane

    def add_single(self, due: Due) -> Route:
        lane = route(due.account_id, due.transport_id, single=True)
        self.singles.setdefault(lane, deque()).append(due)
        self._held[due.account_id, due.id] = due
        return lane

    def works(self) -> Iterator[Work]:
        """Of which something still waits to begin."""
        for queue in self.queues.values():
            yield from queue.works()

    def held(self) -> list[Due]:
        """Notices that wait or are open."""
        return list(self._held.values())

    def drop(self, wanted: Callable[[Work], bool]) -> None:
        """Begin nothing more of some works; they are given back when what is open is settled."""
        for work in [work for work in self.works() if wanted(work)]:
            work.waiting.clear()
            work.dropped = True
            self._leave_if_over(work)

    def drop_singles(self, wanted: Callable[[Due], bool]) -> list[Due]:
        """Take back notices that have not begun."""
        dropped = []
        for lane, queue in self.singles.items():
            dropped += [due for due in queue if wanted(due)]
            self.singles[lane] = deque(due for due in queue if not wanted(due))
        for due in dropped:
            del self._held[due.account_id, due.id]
        return dropped

    def judge_again(
        self,
        concerns: Callable[[Work, Ready], bool],
        look: Callable[[Work, list[int]], list[Ready | Skip]],
    ) -> None:
        """Have the recipients concerned judged anew, right now, before anything else begins."""
        at = self._runtime.clock()
        for work in list(self.works()):
            doubtful = [ready.seq for ready in work.waiting if concerns(work, ready)]
            if not doubtful:
                continue
            # Looked at before anything is taken out: if this fails, nobody is forgotten.
            judged = look(work, doubtful)
            work.waiting = deque(one for one in work.waiting if not concerns(work, one))
            for one in judged:
                if isinstance(one, Skip):
                    self._outbox.skip(work, one.seq, one.reason, at)
                else:
                    work.waiting.append(one)
            self._leave_if_over(work)

    # -- inside -------------------------------------------------------------------------------

    def _fill(self, work: Work, ready: Ready) -> Envelope | None:
        now = self._runtime.clock()
        try:
            envelope = work.message.envelope((work, ready), ready, now)
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

    def _next_single(self, lane: Route) -> Envelope | None:
        queue = self.singles[lane]
        if not queue:
            self._hungry()
            return None
        due = queue.popleft()
        # It may come from other hands than our compiler's, so the client looks at its lines.
        return Envelope(due, due.mail_from, due.email, due.message, stuffed=False)

    def _settle(self, work: Work, ready: Ready, outcome: Outcome) -> None:
        at = self._runtime.clock()
        settled = settle(outcome, ready.attempts + 1, at, ready.expires_at, random.random())
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
        work.open -= 1
        if not work.open:
            del self.open[id(work)]
            self._leave_if_over(work)

    def _settle_single(self, due: Due, outcome: Outcome) -> None:
        at = self._runtime.clock()
        expires_at = due.created_at + retry.NOTICE_LIFETIME
        settled = settle(outcome, due.attempts + 1, at, expires_at, random.random())
        self._outbox.add(
            NoticeOutcome(
                due.account_id,
                due.id,
                settled.kind,
                settled.code,
                settled.reply,
                at,
                settled.next_at,
            )
        )
        del self._held[due.account_id, due.id]

    def _leave_if_over(self, work: Work) -> None:
        if work.over:
            self._outbox.leave(work)
