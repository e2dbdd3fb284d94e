"""One epoll loop over all connections of a sending process, and whatever else its owner watches."""

from __future__ import annotations

import heapq
import itertools
import logging
import select
import socket
import time
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from itertools import takewhile
from types import TracebackType
from weakref import WeakValueDictionary

from esp.delivery.smtp.connection import Handle
from esp.delivery.smtp.lane import Feed, Lane, Limits, Timing
from esp.delivery.smtp.places import Group
from esp.delivery.smtp.pool import Pool
from esp.delivery.smtp.resolve import Done, ResolveMx, Resolver
from esp.errors import N_

log = logging.getLogger(__name__)

_EVENTS = 64
# Seconds: what is slower than this harms whoever waits for us.
_LAG = 1.0
_STOPPED = N_("Sending was stopped.")


class Loop:
    """Runs the lanes. One thread; `run` may be called again and again, connections stay between.

    >>> with Loop(feed, lanes) as loop:
    ...     loop.run(until=time.monotonic() + 30)
    ...     loop.finish(timeout=10)
    """

    def __init__(
        self,
        feed: Feed,
        lanes: Iterable[Lane] = (),
        timing: Timing | None = None,
        resolve_mx: ResolveMx | None = None,
    ) -> None:
        """`resolve_mx` finds the hosts of lanes that have an `mx_domain`."""
        self.feed = feed
        self.timing = timing or Timing()
        self.open_envelopes = 0
        self.longest_turn = 0.0
        self._epoll = select.epoll()
        self._handlers: dict[int, Handle] = {}
        self._timers: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()
        self._graves: list[socket.socket] = []
        self._pools: dict[Hashable, Pool] = {}
        self._active: dict[Pool, None] = {}  # those with connections, the removed ones included
        self._quiet: dict[Hashable, float] = {}  # lanes without connections, and since when
        self._groups: WeakValueDictionary[Hashable, Group] = WeakValueDictionary()
        self._queues: set[Group] = set()
        self._limits = feed if isinstance(feed, Limits) else None
        self._resolver = Resolver(resolve_mx)
        self.watch(self._resolver.fd, self._resolver.deliver)
        self.every(self.timing.sweep, self._sweep)
        for lane in lanes:
            self.add(lane)

    def __enter__(self) -> Loop:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- the owner's side ---------------------------------------------------------------------

    def add(self, lane: Lane) -> None:
        """Start a lane, or give the lane of that key other terms for its next connections."""
        old = self._pools.get(lane.key)
        if old is not None:
            if old.lane == lane:
                old.wake(self.time())
                return
            self.remove(lane.key)
        pool = self._pools[lane.key] = Pool(lane, self._group(lane.group), self)
        self._quiet[lane.key] = self.time()
        self.at(0.0, pool.pump)

    def remove(self, key: Hashable) -> None:
        """Begin nothing more in a lane; what is open in it is finished."""
        pool = self._pools.pop(key, None)
        if pool is not None:
            self._quiet.pop(key, None)
            pool.stop(self.time())

    def quiet(self, seconds: float) -> list[Hashable]:
        """The lanes that have had no connection for so long; mail may still wait for them."""
        limit = self.time() - seconds
        return [key for key, _ in takewhile(lambda item: item[1] <= limit, self._quiet.items())]

    def wake(self, key: Hashable) -> None:
        """The feed has something for a lane for which it had nothing, or not yet."""
        pool = self._pools.get(key)
        if pool is not None:
            pool.wake(self.time())

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback` while `fd` is readable."""
        self._handlers[fd] = lambda _events, _now: callback()
        self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """Stop watching; before `fd` is closed."""
        del self._handlers[fd]
        self._epoll.unregister(fd)

    def every(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call `callback` again and again while the loop runs, first after `seconds`."""

        def ring(now: float) -> None:
            callback()
            self.at(now + seconds, ring)

        ring.__qualname__ = callback.__qualname__
        self.at(self.time() + seconds, ring)

    def run(self, until: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Work until `until` (seconds of `time.monotonic`) or until `stop()`, asked each round."""
        while not stop() and (now := self.time()) < until:
            self._turn(now, until)

    def finish(self, timeout: float) -> None:
        """Begin nothing more, wait for the open replies, say good-bye; then all lanes are gone.

        What is still open after `timeout` seconds becomes deferred.
        """
        now = self.time()
        until = now + timeout
        for key in list(self._pools):
            self.remove(key)
        self.run(until, stop=lambda: not self._active)
        for pool in list(self._active):
            pool.abort(_STOPPED, self.time())
        self._bury()

    def close(self) -> None:
        """Close everything at once; what is open becomes deferred."""
        if self._epoll.closed:
            return
        self.finish(timeout=0)
        self._resolver.close()
        self._epoll.close()

    @property
    def connections(self) -> int:
        """How many connections are open or being opened."""
        return sum(len(pool.connections) for pool in self._active)

    def held(self, group: Hashable) -> int:
        """How many of them are a group's."""
        found = self._groups.get(group)
        return found.held if found is not None else 0

    def worst_lag(self) -> float:
        """How long everything had to wait for one turn at most, in seconds, since last asked."""
        worst, self.longest_turn = self.longest_turn, 0.0
        return worst

    # -- the ground of the pools --------------------------------------------------------------

    def time(self) -> float:
        """The clock of the loop, in seconds."""
        return time.monotonic()

    def at(self, when: float, callback: Callable[[float], None]) -> None:
        """Call `callback` with the time, once, at `when`."""
        heapq.heappush(self._timers, (when, next(self._numbers), callback))

    def resolve(self, lane: Lane, done: Done) -> None:
        """Ask for the addresses of a lane."""
        if lane.mx_domain:
            self._resolver.ask_mx(lane.mx_domain, done)
        else:
            self._resolver.ask(lane.hosts, done)

    def busy(self, pool: Pool) -> None:
        """A pool has connections now."""
        self._active[pool] = None
        if not pool.stopped:
            self._quiet.pop(pool.lane.key, None)

    def rests(self, pool: Pool, now: float) -> None:
        """It has none any more."""
        self._active.pop(pool, None)
        if not pool.stopped:
            self._quiet[pool.lane.key] = now

    def listen(self, sock: socket.socket, events: int, handle: Handle) -> None:
        """Watch a socket of a connection."""
        self._handlers[sock.fileno()] = handle
        self._epoll.register(sock, events)

    def change(self, sock: socket.socket, events: int) -> None:
        """Watch it for something else."""
        self._epoll.modify(sock, events)

    def forget(self, sock: socket.socket) -> None:
        """Close a socket once the events already read for it are done with."""
        if self._handlers.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock)
        # A new connection must not get this number while an old event bears it.
        self._graves.append(sock)

    # -- one round ----------------------------------------------------------------------------

    def _turn(self, now: float, until: float) -> None:
        spent, culprit = self._ring(now)
        pause = min(until, self._timers[0][0]) - self.time()
        events = self._epoll.poll(max(0.0, pause), _EVENTS)
        if events:
            handlers = self._handlers
            began = self.time()
            for fd, what in events:
                handle = handlers.get(fd)
                if handle is not None:
                    handle(what, time.monotonic())
            spent += self.time() - began
        if self._graves:
            self._bury()
        if spent > self.longest_turn:
            self._note(spent, culprit)

    def _ring(self, now: float) -> tuple[float, str]:
        """Call what is due: how long that took, and the name of what took longest."""
        timers, due = self._timers, []
        # First all are taken out: one that asks for the next moment must not keep connections
        # waiting.
        while timers and timers[0][0] <= now:
            due.append(heapq.heappop(timers)[2])
        longest, culprit, ready = 0.0, "", now
        for callback in due:
            callback(now)
            before, ready = ready, self.time()
            if ready - before > longest:
                longest, culprit = ready - before, callback.__qualname__
        return ready - now, culprit

    def _note(self, spent: float, culprit: str) -> None:
        self.longest_turn = spent
        if spent > _LAG:
            log.warning("All connections had to wait %.1f s; slowest timer: %s.", spent, culprit)

    def _bury(self) -> None:
        for sock in self._graves:
            sock.close()
        self._graves.clear()

    def _sweep(self) -> None:
        now = self.time()
        pools = list(self._active)
        for pool in pools:
            pool.sweep(now)
        if self._limits is not None:
            for group in {pool.group for pool in pools} | self._queues:
                group.review(now)

    def _group(self, key: Hashable) -> Group:
        group = self._groups.get(key)
        if group is None:
            limits = self._limits
            allowed = partial(limits.connections_allowed, key) if limits is not None else None
            group = self._groups[key] = Group(allowed, self._queues)
        return group
