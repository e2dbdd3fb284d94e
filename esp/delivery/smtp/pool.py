"""The connections of one lane: when to open them, what to give them, when to rest."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from esp.delivery.smtp.connection import Connection, Handle
from esp.delivery.smtp.envelope import Envelope, Outcome, Wait
from esp.delivery.smtp.hosts import Hosts, Rest
from esp.delivery.smtp.lane import Feed, Lane, Timing
from esp.delivery.smtp.places import Group
from esp.delivery.smtp.resolve import Answer, Done
from esp.delivery.smtp.tls import reason

# The other lanes come in between, whatever this one's feed does.
_BREATH = 0.001
# So many envelopes without a destination are settled at once.
_DOOMED = 64


class Ground(Protocol):
    """What a pool needs of the loop."""

    feed: Feed
    timing: Timing
    open_envelopes: int

    def time(self) -> float: ...
    def at(self, when: float, callback: Callable[[float], None]) -> None: ...
    def resolve(self, lane: Lane, done: Done) -> None: ...
    def busy(self, pool: Pool) -> None: ...
    def rests(self, pool: Pool, now: float) -> None: ...
    def listen(self, sock: socket.socket, events: int, handle: Handle) -> None: ...
    def change(self, sock: socket.socket, events: int) -> None: ...
    def forget(self, sock: socket.socket) -> None: ...


class Pool:
    """Opens a connection where the feed has more than the open ones take, as far as it may."""

    def __init__(self, lane: Lane, group: Group, ground: Ground) -> None:
        self.lane = lane
        self.group = group
        self.timing = ground.timing
        self.connections: set[Connection] = set()
        self.stopped = False
        self.listen, self.change, self.forget = ground.listen, ground.change, ground.forget
        self._ground = ground
        self._feed = ground.feed
        self._hosts = Hosts(lane, ground.timing)
        self._idle: dict[Connection, None] = {}
        self._hungry = True  # the feed's last word was not "nothing"
        self._not_before = 0.0  # no envelope begins earlier
        self._rest = Rest(ground.timing)
        self._resolving = False
        self._doom: Outcome | None = None  # the domain takes no mail at all
        self._alarm = 0.0
        self._moved_at = 0.0  # when an envelope last began, or a stall was noticed

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
            if connection.begin(now):
                continue
            if connection in self.group.dismissed:
                connection.quit(now)
                continue
            self._idle[connection] = None
            if self._hungry:
                self._wake_at(max(now + _BREATH, self._not_before))
            break
        if self._hungry and not self.connections:
            if now >= max(self._not_before, self._rest.until):
                self._enter(now)
            else:
                self._wake_at(max(self._not_before, self._rest.until))

    def stop(self, now: float) -> None:
        """Begin nothing more; idle connections leave, busy ones when they have finished."""
        self.stopped = True
        self.group.withdraw(self)
        while (connection := self.idle()) is not None:
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
        """Look at the deadlines, and past a receiver that stalls on what it was given."""
        for connection in [one for one in self.connections if one.deadline <= now]:
            self._idle.pop(connection, None)
            connection.expire(now)
        if self._hungry and self.connections and now - self._moved_at >= self.timing.patience:
            self._moved_at = now
            if not self.stopped and len(self.connections) < self.lane.max_connections:
                self._grow(now)

    # -- what connections ask -----------------------------------------------------------------

    def take(self, connection: Connection, now: float) -> Envelope | None:
        """The next envelope for a connection."""
        if self.stopped or now < self._not_before or self.group.dismisses(connection):
            return None
        envelope = self._next(now)
        # Work right after work: there may be enough for one more.
        may_grow = connection.session.begun and len(self.connections) < self.lane.max_connections
        if may_grow and envelope is not None:
            self._grow(now)
        return envelope

    def settle(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
        """Pass on what became of an envelope."""
        self._ground.open_envelopes -= 1
        if outcome.code and outcome.code != 421:
            self._rest.forget()
        self._feed.outcome(envelope, outcome, now)

    def rests(self, connection: Connection, now: float) -> None:
        """The connection has nothing to do."""
        unwanted = self.group.wanted and not self._hungry
        if self.stopped or unwanted or connection in self.group.dismissed:
            connection.quit(now)
            return
        self._idle[connection] = None
        if self._hungry:
            self._wake_at(max(now, self._not_before))

    def ended(self, connection: Connection, now: float) -> None:
        """The connection is closed: try the next address, or rest a while."""
        self._idle.pop(connection, None)
        self.connections.discard(connection)
        self.group.ended(connection)
        if not self.connections:
            self.group.parts(self)
            self._ground.rests(self, now)
        failure = connection.failure
        if failure is not None and not self.stopped and self._go_on(connection, failure, now):
            self._connect(now)
            return
        self.group.leave(now)
        if self.stopped:
            return
        if failure is not None:
            self._lane_failed(failure, now)
        elif not connection.session.productive and connection.session.begun:
            self._rest.begin(now)
        if self._hungry and not self.connections:
            self._wake_at(max(now, self._not_before, self._rest.until))

    # -- what the group asks ------------------------------------------------------------------

    def offer(self, now: float) -> bool:
        """See `Tenant`."""
        useful = self._hungry and not self._idle and now >= max(self._not_before, self._rest.until)
        if not useful or self._resolving or len(self.connections) >= self.lane.max_connections:
            return False
        self._open(now)
        return True

    def spare(self) -> Connection | None:
        """See `Tenant`."""
        return None if self._hungry else self.idle()

    def idle(self) -> Connection | None:
        """See `Tenant`."""
        return self._idle.popitem()[0] if self._idle else None

    # -- opening ------------------------------------------------------------------------------

    def _grow(self, now: float) -> None:
        if self._idle or now < self._rest.until or self.group.awaits(self):
            return
        opening = sum(not one.session.ready for one in self.connections)
        if opening <= len(self.connections) // 2:
            self._enter(now)

    def _enter(self, now: float) -> None:
        if not self._resolving and self.group.enter(self, now):
            self._open(now)

    def _open(self, now: float) -> None:
        """Use a place of the group."""
        if not self._hosts.known(now):
            self._resolving = True
            self._ground.resolve(self.lane, self._resolved)
        elif self._doom is None:
            self._connect(now)
        else:
            self.group.leave(now)
            self._give_up(self._doom, now)

    def _resolved(self, answer: Answer) -> None:
        now = self._ground.time()
        self._resolving = False
        if self.stopped:
            self.group.leave(now)
            return
        self._doom = None
        if not isinstance(answer, Outcome):
            self._hosts.learn(answer, now)
            self._connect(now)
            return
        self.group.leave(now)
        if answer.kind == "failed":
            self._doom = answer
            self._hosts.learn([], now)
            self._give_up(answer, now)
        else:
            self._lane_failed(answer, now)

    def _give_up(self, doom: Outcome, now: float) -> None:
        """Nobody will ever take what this lane holds."""
        for _ in range(_DOOMED):
            envelope = self._next(now)
            if envelope is None:
                break
            self.settle(envelope, doom, now)
        else:
            self._wake_at(now + _BREATH)

    def _connect(self, now: float) -> None:
        hosts = self._hosts
        address = hosts.pick(now)
        source = hosts.source(address)
        try:
            connection = Connection(
                self, address, hosts.terms(address, source, now), hosts.context(address), now
            )
        except OSError as error:
            self.group.leave(now)
            self._lane_failed(Outcome("deferred", 0, "4.4.1", reason(error), "connect"), now)
            return
        self.connections.add(connection)
        if len(self.connections) == 1:
            self.group.joins(self)
            self._ground.busy(self)
        connection.open(source.address if source else None)

    def _go_on(self, connection: Connection, failure: Outcome, now: float) -> bool:
        """Whether, after a connection that could take nothing, another is to be tried at once."""
        if self._doom is not None:
            return False
        address = connection.address
        offered = connection.session.terms.tls == "starttls"
        if connection.tls_failed and offered and self._hosts.tls_failed(address, now):
            return True
        if self._hosts.died(address, now) and failure.stage != "auth":
            return True
        self._hosts.forgive()
        return False

    # -- the feed -----------------------------------------------------------------------------

    def _next(self, now: float) -> Envelope | None:
        answer = self._feed.next_envelope(self.lane.key, now)
        if isinstance(answer, Envelope):
            self._hungry = True
            self._moved_at = now
            self._ground.open_envelopes += 1
            return answer
        self._hungry = answer is not None
        self._not_before = answer.until if isinstance(answer, Wait) else now + self.timing.poll
        self._wake_at(self._not_before)
        return None

    def _lane_failed(self, outcome: Outcome, now: float) -> None:
        self._rest.begin(now)
        self._wake_at(self._rest.until)
        if not self._feed.lane_failed(self.lane.key, outcome):
            self._hungry = False

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
