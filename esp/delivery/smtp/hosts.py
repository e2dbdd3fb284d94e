"""What a lane knows of its hosts: addresses, which are dead or fail at TLS, when to try again."""

from __future__ import annotations

import random
import socket
import ssl
from collections import deque

from esp.delivery.smtp.introduction import Terms, TlsMode
from esp.delivery.smtp.lane import Lane, Source, Timing
from esp.delivery.smtp.resolve import Address
from esp.delivery.smtp.tls import opportunistic_context, verifying_context


class Hosts:
    """The addresses last learnt and what came of them."""

    def __init__(self, lane: Lane, timing: Timing) -> None:
        self._lane = lane
        self._timing = timing
        self._addresses: list[Address] = []
        self._known_until = 0.0
        self._dead: dict[Address, float] = {}
        self._clear: dict[Address, float] = {}
        self._sources = deque(lane.sources)

    def known(self, now: float) -> bool:
        """Whether what was last learnt still counts."""
        return now < self._known_until

    def learn(self, addresses: list[Address], now: float) -> None:
        """The addresses to try in this order; none: there are none for some time."""
        families = {_family(source) for source in self._sources}
        reachable = [one for one in addresses if not families or one.family in families]
        self._addresses = reachable or addresses
        self._known_until = now + self._timing.names

    def pick(self, now: float) -> Address:
        """The first address that is not known to be dead, or the first of all."""
        return next((one for one in self._addresses if self._alive(one, now)), self._addresses[0])

    def source(self, address: Address) -> Source | None:
        """What the next connection leaves from; None: the system chooses."""
        for _ in range(len(self._sources)):
            source = self._sources[0]
            self._sources.rotate(-1)
            if _family(source) == address.family:
                return source
        return None

    def terms(self, address: Address, source: Source | None, now: float) -> Terms:
        """How to speak with it."""
        lane = self._lane
        tls = self._mode(address)
        return Terms(
            helo_name=source.helo_name if source else lane.helo_name,
            tls="none" if tls == "starttls" and self._clear.get(address, 0.0) > now else tls,
            auth=lane.auth,
            dsn=lane.dsn,
            max_messages=lane.max_messages_per_connection,
        )

    def context(self, address: Address) -> ssl.SSLContext:
        """What its TLS is made with."""
        if self._lane.context is not None and address.verify is None:
            return self._lane.context
        if address.verify is None and self._mode(address) in ("starttls-required", "tls"):
            return verifying_context()
        return opportunistic_context()

    def tls_failed(self, address: Address, now: float) -> bool:
        """Whether it may be tried again in clear (TLS-01: where nobody demands more)."""
        if self._mode(address) != "starttls":
            return False
        self._clear[address] = now + self._timing.no_tls
        return True

    def died(self, address: Address, now: float) -> bool:
        """Whether there is another to try at once; if not, all may be tried again later."""
        self._dead[address] = now + self._timing.dead
        if any(self._alive(one, now) for one in self._addresses):
            return True
        self._dead.clear()
        return False

    def forgive(self) -> None:
        """Try all again."""
        self._dead.clear()

    def _alive(self, address: Address, now: float) -> bool:
        return self._dead.get(address, 0.0) <= now

    def _mode(self, address: Address) -> TlsMode:
        return address.tls or self._lane.tls


def _family(source: Source) -> int:
    return socket.AF_INET6 if ":" in source.address else socket.AF_INET


class Rest:
    """How long a lane that failed opens nothing: twice as long each time."""

    def __init__(self, timing: Timing) -> None:
        self.until = 0.0
        self._timing = timing
        self._failures = 0

    def begin(self, now: float) -> None:
        """It failed (again)."""
        timing = self._timing
        rest = min(timing.retry_last, timing.retry_first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        self.until = now + rest * random.uniform(0.5, 1.0)

    def forget(self) -> None:
        """It works."""
        self._failures = 0
