"""Looks up where mail to people's domains goes, before it is needed."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache

from esp.broadcasts import audience, queries
from esp.broadcasts.message import transport_of
from esp.contacts import domains
from esp.runtime import Runtime
from esp.senders import mx, transports
from esp.senders.mx import receivers
from esp.senders.mx.destination import Unresolved
from esp.senders.mx.resolver import resolve_all

log = logging.getLogger(__name__)

# Seconds that a broadcast waits: little for those who begin it, more while they are on their way,
# but so long in all.
FIRST, LATER, IN_ALL = 0.7, 5.0, 30.0
# After an import: so many domains at once, until all are known or nobody answers.
PORTION, PORTION_SECONDS = 500, 60.0


@lru_cache(maxsize=8)
def resolver_of(runtime: Runtime) -> mx.Resolver:
    """The process's resolver, which remembers answers."""
    return mx.Resolver.of(runtime.settings, runtime.transaction)


def run(runtime: Runtime, account_id: int) -> None:
    """Look up the domains of the account's people that nobody has looked up, or not lately."""
    with runtime.transaction(account_id) as session:
        chosen = transports.default_transport(session, account_id)
        way = chosen.id if chosen else None
        if not transports.leaves(session, runtime.settings, account_id, way):
            return
    after = ""
    while True:
        with runtime.transaction(account_id) as session:
            names = domains.after(session, account_id, after, PORTION)
            stale = receivers.stale(session, names, runtime.clock())
        if not names or not _look_up(runtime, stale, PORTION_SECONDS):
            return
        after = names[-1]


class Receivers:
    """Those of one broadcast, chunk by chunk; what isn't known in time is asked at sending."""

    def __init__(
        self, runtime: Runtime, account_id: int, broadcast_id: int, first: float = FIRST
    ) -> None:
        self._runtime = runtime
        self._of = account_id, broadcast_id
        self._seconds = first
        self._left = IN_ALL
        with runtime.transaction(account_id) as session:
            broadcast = queries.one(session, account_id, broadcast_id)
            way = transport_of(session, broadcast)
            self._wanted = transports.leaves(session, runtime.settings, account_id, way)

    def look_up(self, size: int) -> None:
        """Before the next `size` people are written into the ledger."""
        if not self._wanted:
            return
        with self._runtime.transaction(self._of[0]) as session:
            names = audience.next_domains(session, *self._of, size)
            stale = receivers.stale(session, names, self._runtime.clock())
        began = time.monotonic()
        # Where nobody answers, the next chunk need not wait for it again.
        useful = _look_up(self._runtime, stale, self._seconds)
        self._left -= time.monotonic() - began
        self._seconds = min(LATER, self._left)
        self._wanted = useful and self._left > 0


def _look_up(runtime: Runtime, names: Sequence[str], seconds: float) -> bool:
    """Whether it was of any use to ask."""
    if not names:
        return True
    now = runtime.clock()
    found = resolve_all(resolver_of(runtime), names, now, seconds)
    with runtime.transaction(None) as session:
        receivers.keep(session, found, now)
    answered = sum(not isinstance(one, Unresolved) for one in found.values())
    log.info("Looked up %s of %s domains", answered, len(names))
    return answered > 0
