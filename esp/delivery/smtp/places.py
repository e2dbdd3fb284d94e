"""The places for connections that several lanes share, and whose turn it is for the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from esp.delivery.smtp.connection import Connection


class Tenant(Protocol):
    """A pool as its group sees it."""

    def offer(self, now: float) -> bool:
        """A place is free and held for this pool; False: it has no use for it."""

    def spare(self) -> Connection | None:
        """An idle connection with nothing to do; the pool counts on it no more."""

    def idle(self) -> Connection | None:
        """Any idle connection; the pool counts on it no more."""


class Group:
    """Counts the connections open or being opened; `allowed` says how many there may be now."""

    def __init__(self, allowed: Callable[[], int] | None, queues: set[Group]) -> None:
        """`queues` are the groups in which a lane waits."""
        self.held = 0
        self.dismissed: set[Connection] = set()
        self._allowed = allowed
        self._queues = queues
        self._handing = False
        self._excess = 0
        self._waiting: dict[Tenant, None] = {}
        self._tenants: dict[Tenant, None] = {}

    @property
    def wanted(self) -> bool:
        """Whether a lane waits for a place."""
        return bool(self._waiting)

    def awaits(self, pool: Tenant) -> bool:
        """Whether this lane does."""
        return pool in self._waiting

    def enter(self, pool: Tenant, now: float) -> bool:
        """Take a place for one connection, or wait for it behind the others."""
        if self._allowed is None:
            self.held += 1
            return True
        if pool in self._waiting:
            return False
        if not self._waiting and self.held < self._allowed():
            self.held += 1
            return True
        self._waiting[pool] = None
        self._queues.add(self)
        for tenant in self._tenants:
            connection = tenant.spare()
            if connection is not None:
                self._dismiss(connection, now)
                break
        return False

    def leave(self, now: float) -> None:
        """Give a place back."""
        self.held -= 1
        if self._waiting:
            self._hand_out(now)

    def withdraw(self, pool: Tenant) -> None:
        """The pool wants no place any more."""
        self._waiting.pop(pool, None)
        if not self._waiting:
            self._queues.discard(self)

    def joins(self, pool: Tenant) -> None:
        """The pool has connections."""
        self._tenants[pool] = None

    def parts(self, pool: Tenant) -> None:
        """The pool has none left."""
        self._tenants.pop(pool, None)

    def dismisses(self, connection: Connection) -> bool:
        """Whether this connection, which could begin something, has to leave instead."""
        if self._excess > 0 and connection not in self.dismissed:
            self._excess -= 1
            self.dismissed.add(connection)
        return connection in self.dismissed

    def ended(self, connection: Connection) -> None:
        """The connection is closed; its place is given back with `leave`."""
        self.dismissed.discard(connection)

    def review(self, now: float) -> None:
        """Ask again how many there may be: too many leave, the idle first, or the waiting come."""
        if self._allowed is None:
            return
        self._excess = max(0, self.held - len(self.dismissed) - self._allowed())
        for tenant in list(self._tenants):
            while self._excess and (connection := tenant.idle()) is not None:
                self._excess -= 1
                self._dismiss(connection, now)
        if self._waiting:
            self._hand_out(now)

    def _dismiss(self, connection: Connection, now: float) -> None:
        self.dismissed.add(connection)
        connection.quit(now)

    def _hand_out(self, now: float) -> None:
        # What is offered may be given back at once, and must not hand out a second time.
        if self._allowed is None or self._handing:
            return
        self._handing = True
        allowed = self._allowed()
        while self._waiting and self.held < allowed:
            pool = next(iter(self._waiting))
            del self._waiting[pool]
            self.held += 1
            if not pool.offer(now):
                self.held -= 1
        self._handing = False
        if not self._waiting:
            self._queues.discard(self)
