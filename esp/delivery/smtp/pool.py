"""The connections of one lane: when to open them, what to give them, when to rest."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from esp.delivery.smtp.connection import Connection, Handle
from esp.delivery.smtp.envelope import Envelope, Outcome, Wait
from esp.delivery.smtp.introduction import Terms
from esp.delivery.smtp.lane import Feed, Lane, Timing
from esp.delivery.smtp.resolve import Address, Answer, Done
from esp.delivery.smtp.tls import opportunistic_context, verifying_context

# The other lanes come in between, whatever this one's feed does.
_BREATH = 0.001


class Ground(Protocol):
    """What a pool needs of the loop."""

    feed: Feed
    timing: Timing
    open_envelopes: int

    def time(self) -> float: ...
    def at(self, when: float, callback: Callable[[float], None]) -> None: ...
    def resolve(self, lane: Lane, done: Done) -> None: ...
    def listen(self, sock: socket.socket, events: int, handle: Handle) -> None: ...
    def change(self, sock: socket.socket, events: int) -> None: ...
    def forget(self, sock: socket.socket) -> None: ...


class Pool:
    """Opens a connection where the feed has more than the open ones take, up to the lane's cap."""

    def __init__(self, lane: Lane, ground: Ground) -> None:
        self.lane = lane
        self.timing = ground.timing
        self.connections: set[Connection] = set()
        self.stopped = False
        self.listen, self.change, self.forget = ground.listen, ground.change, ground.forget
        self._ground = ground
        self._feed = ground.feed
        self._idle: dict[Connection, None] = {}
        self._hungry = True  # the feed's last word was not "nothing"
        self._not_before = 0.0  # no envelope begins earlier
        self._retry_at = 0.0  # no connection opens earlier
        self._failures = 0
        self._resolving = False
        self._addresses: list[Address] = []
        self._known_until = 0.0
        self._dead: dict[Address, float] = {}
        self._clear: dict[Address, float] = {}
        self._alarm = 0.0
        self._context: ssl.SSLContext | None = lane.context

    def wake(self, now: float) -> None:
        """The feed may have something again."""
        self._hungry = True
        self._not_before = 0.0
        self.pump(now)

    def pump(self, now: float) -> None:
        """Give idle connections work; open one where there is none."""
        if self.stopped:
            return
        while self._idle and now >= self._not_before:
            connection = self._idle.popitem()[0]
            if not connection.begin(now):
                self._idle[connection] = None
                if self._hungry:
                    self._wake_at(max(now + _BREATH, self._not_before))
                break
        if self._hungry and not self.connections:
            if now >= max(self._not_before, self._retry_at):
                self._open(now)
            else:
                self._wake_at(max(self._not_before, self._retry_at))

    def stop(self, now: float) -> None:
        """Begin nothing more; idle connections leave, busy ones when they have finished."""
        self.stopped = True
        for connection in list(self._idle):
            del self._idle[connection]
            connection.quit(now)
        for connection in list(self.connections):
            if not connection.session.ready:
                connection.abort("", now)

    def abort(self, text: str, now: float) -> None:
        """Close everything; what is open becomes deferred."""
        self.stopped = True
        for connection in list(self.connections):
            connection.abort(text, now)

    def sweep(self, now: float) -> None:
        """Look at the deadlines."""
        for connection in [one for one in self.connections if one.deadline <= now]:
            self._idle.pop(connection, None)
            connection.expire(now)

    # -- what connections ask -----------------------------------------------------------------

    def take(self, connection: Connection, now: float) -> Envelope | None:
        """The next envelope for a connection."""
        if self.stopped or now < self._not_before:
            return None
        answer = self._feed.next_envelope(self.lane.key, now)
        if isinstance(answer, Envelope):
            self._hungry = True
            self._ground.open_envelopes += 1
            # Work right after work: there may be enough for one more.
            if connection.session.begun and len(self.connections) < self.lane.max_connections:
                self._grow(now)
            return answer
        self._hungry = answer is not None
        self._not_before = answer.until if isinstance(answer, Wait) else now + self.timing.poll
        self._wake_at(self._not_before)
        return None

    def settle(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
        """Pass on what became of an envelope."""
        self._ground.open_envelopes -= 1
        if outcome.code and outcome.code != 421:
            self._failures = 0
        self._feed.outcome(envelope, outcome, now)

    def rests(self, connection: Connection, now: float) -> None:
        """The connection has nothing to do."""
        if self.stopped:
            connection.quit(now)
            return
        self._idle[connection] = None
        if self._hungry:
            self._wake_at(max(now, self._not_before))

    def ended(self, connection: Connection, now: float) -> None:
        """The connection is closed: try the next address, or rest a while."""
        self._idle.pop(connection, None)
        self.connections.discard(connection)
        if self.stopped:
            return
        if connection.failure is not None:
            self._unready(connection, connection.failure, now)
        elif not connection.session.productive and connection.session.begun:
            self._back_off(now)
        if self._hungry and not self.connections:
            self._wake_at(max(now, self._not_before, self._retry_at))

    # -- opening ------------------------------------------------------------------------------

    def _grow(self, now: float) -> None:
        opening = sum(not one.session.ready for one in self.connections)
        if not self._idle and now >= self._retry_at and opening <= len(self.connections) // 2:
            self._open(now)

    def _open(self, now: float) -> None:
        if self._resolving:
            return
        if now < self._known_until:
            self._connect(now)
        else:
            self._resolving = True
            self._ground.resolve(self.lane, self._resolved)

    def _resolved(self, answer: Answer) -> None:
        now = self._ground.time()
        self._resolving = False
        if self.stopped:
            return
        if isinstance(answer, OSError):
            text = answer.strerror or str(answer)
            self._lane_failed(Outcome("deferred", 0, "4.4.3", text, "connect"), now)
            self._wake_at(self._retry_at)
            return
        self._addresses = answer
        self._known_until = now + self.timing.names
        self._connect(now)

    def _connect(self, now: float) -> None:
        """Connect to the first address that is not known to be dead, or to the first of all."""
        alive = [one for one in self._addresses if self._dead.get(one, 0.0) <= now]
        address = (alive or self._addresses)[0]
        try:
            connection = Connection(self, address, self._terms(address, now), self._tls(), now)
        except OSError as error:
            text = error.strerror or str(error)
            self._lane_failed(Outcome("deferred", 0, "4.4.1", text, "connect"), now)
            return
        self.connections.add(connection)
        connection.open(self.lane.source_address)

    def _terms(self, address: Address, now: float) -> Terms:
        lane = self.lane
        in_clear = lane.tls == "starttls" and self._clear.get(address, 0.0) > now
        return Terms(
            helo_name=lane.helo_name,
            tls="none" if in_clear else lane.tls,
            auth=lane.auth,
            dsn=lane.dsn,
            max_messages=lane.max_messages_per_connection,
        )

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            verify = self.lane.tls in ("starttls-required", "tls")
            self._context = verifying_context() if verify else opportunistic_context()
        return self._context

    def _unready(self, connection: Connection, failure: Outcome, now: float) -> None:
        """A connection failed before it could take anything."""
        address = connection.address
        if connection.tls_failed and connection.session.terms.tls == "starttls":
            # TLS-01: better in clear than not at all, where nobody demands more.
            self._clear[address] = now + self.timing.no_tls
            self._connect(now)
            return
        self._dead[address] = now + self.timing.dead
        if failure.stage != "auth" and any(
            self._dead.get(one, 0.0) <= now for one in self._addresses
        ):
            self._connect(now)
            return
        self._dead.clear()
        self._lane_failed(failure, now)

    def _lane_failed(self, outcome: Outcome, now: float) -> None:
        self._back_off(now)
        self._feed.lane_failed(self.lane.key, outcome)

    def _back_off(self, now: float) -> None:
        timing = self.timing
        rest = min(timing.retry_last, timing.retry_first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        self._retry_at = now + rest * random.uniform(0.5, 1.0)

    def _wake_at(self, when: float) -> None:
        """Pump at `when`, unless an earlier alarm is set already."""
        if self._alarm and self._alarm <= when:
            return
        self._alarm = when
        self._ground.at(when, self._ring)

    def _ring(self, now: float) -> None:
        if self._alarm and now >= self._alarm:
            self._alarm = 0.0
            self.pump(now)
