"""The life of a sending process: start, slices of work, trouble with the database, stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from esp.delivery import shipping
from esp.delivery.batches import WayOut
from esp.delivery.sender.ear import Ear
from esp.delivery.sender.feed import CROWD, HIGH, LOW, Feed
from esp.delivery.sender.governor import Governor
from esp.delivery.sender.hosts import hosts_of
from esp.delivery.sender.openings import Openings
from esp.delivery.sender.outbox import Outbox
from esp.delivery.sender.routes import way_of
from esp.delivery.sender.stops import Stops
from esp.delivery.sender.store import Store
from esp.delivery.smtp.loop import Loop
from esp.runtime import Runtime

log = logging.getLogger(__name__)

# Knowledge of who left, older than this, begins no envelope: the guarantee says 100 ms.
_FRESH = 0.06
_ASK_EVERY = 0.02
_SHIP_EVERY = 0.25
_RENEW_EVERY = 10.0
_INHERIT_EVERY = 2.0
_PACE_EVERY = 2.0
_CLOSE_EVERY = 10.0
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
        self._governor = Governor(
            runtime, self._outbox.name, lambda way: self._loop.held((way, False))
        )
        self._feed = Feed(
            runtime,
            self._outbox,
            self._governor,
            self._may_begin,
            self._refill_soon,
            self._ship,
            self._lost,
        )
        self._loop = Loop(self._feed, resolve_mx=hosts_of(runtime))
        self._openings = Openings(
            runtime, self._loop, self._feed, self._store.sites, self._governor
        )
        self._ear: Ear | None = None
        self._stopping = False
        self._reconnect_wait = _RECONNECT[0]
        self._refilling = False
        self._worked_at = time.monotonic()
        for seconds, chore in (
            (_SHIP_EVERY, self._ship),
            (_SHIP_EVERY, self._outbox.sync),
            (_SHIP_EVERY, self._refill),
            (_RENEW_EVERY, self._renew),
            (_INHERIT_EVERY, self._inherit),
            (_PACE_EVERY, self._refresh),
            (_CLOSE_EVERY, self._close_quiet),
        ):
            self._loop.every(seconds, chore)
        self._connect(0.0)

    @property
    def busy(self) -> bool:
        """Whether there was something to do within the last moments."""
        now = time.monotonic()
        feed = self._feed
        if (
            self._loop.open_envelopes
            or self._outbox.size
            or any(feed.works())
            or feed.singles.held()
        ):
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
        singles = self._feed.singles.drop(lambda _route: True)
        self._loop.finish(seconds)
        self._ship()
        if self._ear is not None:
            try:
                self._store.give_back(singles, self._runtime.clock())
                self._governor.forget(())
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
                Stops(self._feed, self._store, self._governor).obey(payloads)
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
            self._governor.flush()
        except _Trouble as error:
            self._lost(error)

    def _refresh(self) -> None:
        if self._ear is None:
            return
        try:
            self._governor.refresh()
        except _Trouble as error:
            self._lost(error)

    def _close_quiet(self) -> None:
        if self._ear is None:
            return
        try:
            self._openings.close_quiet()
            self._governor.forget(self._feed.ways())
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
        account_id = self._store.account()
        if account_id is None:
            return
        busy = [work.claim.broadcast_id for work in self._feed.works() if work.message.rate]
        taken = self._store.take(account_id, self._full(account_id), sorted(set(busy)))
        if taken.nothing:
            return
        self._worked_at = time.monotonic()
        for route, due in taken.due:
            self._feed.singles.add(route, due)
        for route, share in taken.shares:
            self._feed.add(route, share)
        for work, skips in taken.works:
            self._feed.skip(work, skips)
        routes = {route for route, _ in (*taken.due, *taken.shares)}
        self._governor.want({(route.way, account_id) for route in routes})
        for route in routes:
            self._openings.open(route)
        self._store.turn_again(account_id)
        waiting = self._feed.waiting()
        if waiting.total() < CROWD and any(number < LOW for number in waiting.values()):
            self._refill_soon()

    def _full(self, account_id: int) -> list[WayOut]:
        """Ways that need no more at present, can't be used or are closed to the account."""
        waiting = self._feed.waiting()
        most = HIGH if waiting.total() < CROWD else 1
        full = {way for way, number in waiting.items() if number >= most}
        full |= {(one.transport_id, one.pool_id, 0) for one in self._openings.unusable()}
        for way in self._governor.closed(account_id):
            full |= {
                (one.transport_id, one.pool_id, way.provider_id)
                for one in self._store.exits
                if way_of(one, way.provider_id) == way
            }
        return sorted(full)

    def _renew(self) -> None:
        if self._ear is None:
            return
        works = [*self._feed.works(), *self._feed.open.values()]
        try:
            self._store.renew({work.claim.account_id for work in works}, self._feed.singles.held())
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
