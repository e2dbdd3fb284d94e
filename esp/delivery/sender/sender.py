"""The life of a sending process: start, slices of work, trouble with the database, stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from esp.delivery import shipping
from esp.delivery.sender.ear import Ear
from esp.delivery.sender.feed import HIGH, LOW, Feed
from esp.delivery.sender.outbox import Outbox
from esp.delivery.sender.routes import Route, common_lane, own_lane
from esp.delivery.sender.stops import Stops
from esp.delivery.sender.store import Store
from esp.delivery.smtp.loop import Loop
from esp.errors import Invalid
from esp.runtime import Runtime

log = logging.getLogger(__name__)

# Knowledge of who left, older than this, begins no envelope: the guarantee says 100 ms.
_FRESH = 0.06
_ASK_EVERY = 0.02
_SHIP_EVERY = 0.25
_RENEW_EVERY = 10.0
_INHERIT_EVERY = 2.0
_LANE_SECONDS = 30.0
_RECONNECT = (0.1, 2.0)
_IDLE_SECONDS = 1.0

_Trouble = (DBAPIError, psycopg.OperationalError, PoolTimeout)


class Sender:
    """One for each process; not to be used after `stop`."""

    def __init__(self, runtime: Runtime) -> None:
        """Ships what dead senders of this host left behind, before anything is claimed."""
        self._runtime = runtime
        self._outbox = Outbox(runtime)
        self._store = Store(runtime, self._outbox.name)
        self._feed = Feed(
            runtime, self._outbox, self._may_begin, self._refill_soon, self._ship, self._lost
        )
        self._loop = Loop(self._feed)
        self._ear: Ear | None = None
        self._stopping = False
        self._reconnect_wait = _RECONNECT[0]
        self._refilling = False
        self._lanes_until: dict[Route, float] = {}
        self._bad: dict[int, float] = {}
        self._worked_at = time.monotonic()
        for seconds, chore in (
            (_SHIP_EVERY, self._ship),
            (_SHIP_EVERY, self._outbox.sync),
            (_SHIP_EVERY, self._refill),
            (_RENEW_EVERY, self._renew),
            (_INHERIT_EVERY, self._inherit),
        ):
            self._loop.every(seconds, chore)
        self._connect(0.0)

    @property
    def busy(self) -> bool:
        """Whether there was something to do within the last moments."""
        now = time.monotonic()
        feed = self._feed
        if self._loop.open_envelopes or self._outbox.size or any(feed.works()) or feed.held():
            self._worked_at = now
        return now - self._worked_at < _IDLE_SECONDS

    def work(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Send for a while; ends early with nothing to do, or when `stop()`."""
        until = time.monotonic() + seconds
        self._loop.run(until, stop=lambda: stop() or not self.busy)

    def stop(self, seconds: float) -> None:
        """Finish the open replies, ship, give back what was not begun."""
        self._stopping = True
        self._feed.drop(lambda _: True)
        singles = self._feed.drop_singles(lambda _: True)
        self._loop.finish(seconds)
        self._ship()
        if self._ear is not None:
            try:
                self._store.give_back(singles, self._runtime.clock())
            except _Trouble as error:
                log.warning("Notices come back by themselves in a minute: %s", error)
        self.close()

    def close(self) -> None:
        """Let go of everything at once; what is not shipped stays in the journal."""
        self._stopping = True
        self._loop.close()
        if self._ear is not None:
            self._ear.close()
            self._ear = None
        self._outbox.close()

    # -- may an envelope begin? ---------------------------------------------------------------

    def _may_begin(self) -> bool:
        if self._stopping or self._ear is None:
            return False
        now = time.monotonic()
        if now - self._ear.heard_until > _ASK_EVERY:
            self._listen(ask=True)
        return self._ear is not None and now - self._ear.heard_until <= _FRESH

    def _listen(self, ask: bool = False) -> None:
        """Hear what was said, and act on it before anything else begins."""
        ear = self._ear
        if ear is None:
            return
        try:
            payloads = ear.hear()
            if payloads:
                Stops(self._feed, self._store).obey(payloads)
            if ask and self._ear is ear:
                ear.ask(time.monotonic())
        except _Trouble as error:
            self._lost(error)

    # -- chores -------------------------------------------------------------------------------

    def _ship(self) -> None:
        if self._ear is None and not self._stopping:
            return
        try:
            self._outbox.ship()
        except _Trouble as error:
            self._lost(error)

    def _refill_soon(self) -> None:
        if not self._refilling:
            self._refilling = True
            self._loop.at(0.0, lambda _: self._refill())

    def _refill(self) -> None:
        self._refilling = False
        if self._ear is None or self._stopping:
            return
        try:
            if self._outbox.urgent:
                self._outbox.ship()
            self._take_once()
        except _Trouble as error:
            self._lost(error)

    def _take_once(self) -> None:
        waiting = {lane: queue.waiting() for lane, queue in self._feed.queues.items()}
        account_id = self._store.account()
        if account_id is None:
            return
        full = [lane.transport_id for lane, number in waiting.items() if number >= HIGH]
        full += self._unusable()
        busy = [work.claim.broadcast_id for work in self._feed.works() if work.message.rate]
        taken = self._store.take(account_id, sorted(set(full)), sorted(set(busy)))
        if taken.nothing:
            return
        lanes = {self._feed.add_single(due) for due in taken.due}
        for work, skips in taken.works:
            lane = self._feed.add(work, skips)
            if lane is not None:
                lanes.add(lane)
        self._worked_at = time.monotonic()
        for lane in lanes:
            self._open(lane)
        self._store.turn_again(account_id)
        if any(queue.waiting() < LOW for queue in self._feed.queues.values()):
            self._refill_soon()

    def _unusable(self) -> list[int]:
        """Transports that can't be used at present: their mail waits in the database."""
        now = time.monotonic()
        return [transport_id for transport_id, until in self._bad.items() if now < until]

    def _open(self, lane: Route) -> None:
        """Start the lane, or tell it that there is something; its terms are read now and then."""
        now = time.monotonic()
        if now < self._lanes_until.get(lane, 0.0):
            self._loop.wake(lane)
            return
        terms = None
        if not lane.transport_id:
            terms = common_lane(self._runtime.settings, lane)
        else:
            with self._runtime.transaction(lane.account_id) as session:
                try:
                    terms = own_lane(session, self._runtime.settings, self._runtime.cipher, lane)
                except Invalid:
                    log.exception("Transport %s can't be used", lane.transport_id)
        if terms is None:
            log.error("There is no usable transport for %s", lane)
            self._bad[lane.transport_id] = now + _LANE_SECONDS
            self._feed.drop(lambda work: (work.message.transport_id or 0) == lane.transport_id)
            self._feed.drop_singles(lambda due: (due.transport_id or 0) == lane.transport_id)
            return
        self._lanes_until[lane] = now + _LANE_SECONDS
        self._loop.add(terms)
        self._loop.wake(lane)

    def _renew(self) -> None:
        if self._ear is None:
            return
        works = [*self._feed.works(), *self._feed.open.values()]
        try:
            self._store.renew({work.claim.account_id for work in works}, self._feed.held())
        except _Trouble as error:
            self._lost(error)

    def _inherit(self) -> None:
        if self._ear is None:
            return
        try:
            self._store.inherit()
        except _Trouble as error:
            self._lost(error)

    # -- trouble with the database ------------------------------------------------------------

    def _lost(self, error: BaseException) -> None:
        """Begin nothing more; what is open goes on, into the journal."""
        if self._ear is None:
            return
        log.warning("The database is lost: %s", str(error).strip().partition("\n")[0])
        self._loop.unwatch(self._ear.fd)
        self._ear.close()
        self._ear = None
        if not self._stopping:
            self._loop.at(time.monotonic() + self._reconnect_wait, self._connect)

    def _connect(self, _now: float) -> None:
        """First what others and we ourselves have written down, then work, all of it read anew."""
        if self._stopping:
            return
        ear: Ear | None = None
        try:
            ear = Ear(self._runtime.listen_url)
            shipping.ship_hits(self._runtime.transaction, self._runtime.journal_folder)
            self._feed.drop(lambda _: True)
            self._outbox.ship()
            self._store.inherit()
        except _Trouble as error:
            if ear is not None:
                ear.close()
            log.warning("The database can't be reached: %s", str(error).strip().partition("\n")[0])
            self._loop.at(time.monotonic() + self._reconnect_wait, self._connect)
            self._reconnect_wait = min(_RECONNECT[1], self._reconnect_wait * 2)
            return
        self._reconnect_wait = _RECONNECT[0]
        self._ear = ear
        self._loop.watch(ear.fd, self._listen)
        self._refill_soon()
