"""One non-blocking socket with its session, TLS and deadlines."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from esp.delivery.smtp.envelope import Envelope, Outcome
from esp.delivery.smtp.introduction import Terms
from esp.delivery.smtp.lane import Timing
from esp.delivery.smtp.protocol import CLOSED, Session
from esp.delivery.smtp.resolve import Address
from esp.delivery.smtp.tls import TlsLayer, reason
from esp.errors import N_

_READ = 16384
# Ciphertext is made in pieces, so that a large message is not in memory twice.
_PIECE = 262144
_WRITABLE = select.EPOLLIN | select.EPOLLOUT
_NOT_PROMISED = N_("The server's certificate is not the one its domain has published.")
_TIMED_OUT = N_("The server did not answer in time.")


class Owner(Protocol):
    """The pool a connection belongs to."""

    timing: Timing

    def take(self, connection: Connection, now: float) -> Envelope | None: ...
    def settle(self, envelope: Envelope, outcome: Outcome, now: float) -> None: ...
    def rests(self, connection: Connection, now: float) -> None: ...
    def ended(self, connection: Connection, now: float) -> None: ...
    def listen(self, sock: socket.socket, events: int, handle: Handle) -> None: ...
    def change(self, sock: socket.socket, events: int) -> None: ...
    def forget(self, sock: socket.socket) -> None: ...


Handle = Callable[[int, float], None]


class Connection:
    """From connect to close. `context` is what STARTTLS (or, with `tls` "tls", connecting) uses."""

    __slots__ = (
        "_connected", "_context", "_dying", "_now", "_owner", "_plain", "_sock", "_tls",
        "_wants_out", "_wire", "address", "closed", "deadline", "failure", "session", "tls_failed",
    )  # fmt: skip

    def __init__(
        self, owner: Owner, address: Address, terms: Terms, context: ssl.SSLContext, now: float
    ) -> None:
        self.address = address
        self.session = Session(terms, self._take, self._settle, secure=terms.tls == "tls")
        self.closed = False
        self.failure: Outcome | None = None
        self.tls_failed = False
        self.deadline = now + owner.timing.connect
        self._owner = owner
        self._context = context
        self._now = now
        self._tls: TlsLayer | None = None
        self._connected = False
        self._dying = False
        self._wants_out = True
        self._plain: bytes | memoryview = b""  # not yet given to the TLS layer or the kernel
        self._wire: bytes | memoryview = b""  # records of TLS not yet given to the kernel
        self._sock = socket.socket(address.family, socket.SOCK_STREAM)

    def open(self, source_address: str | None) -> None:
        """Start connecting; what goes wrong ends the connection like any other failure."""
        sock = self._sock
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if source_address:
                sock.bind((source_address, 0))
            sock.connect(self.address.sockaddr)
        except BlockingIOError:
            pass
        except OSError as error:
            self._close(reason(error))
            return
        self._owner.listen(sock, _WRITABLE, self.handle)

    def handle(self, events: int, now: float) -> None:
        """Called by the loop when the socket is readable, writable or broken."""
        self._now = now
        if not self._connected:
            self._finish_connecting()
            return
        if events & ~select.EPOLLOUT:
            self._read()
        if events & select.EPOLLOUT and not self.closed:
            self._flush()
            if not self.closed and (self._tls is None or self._tls.established):
                self._arm()

    def begin(self, now: float) -> bool:
        """Begin an envelope on an idle connection; False if the owner has none."""
        self._now = now
        if not self.session.begin():
            return False
        self._after()
        return True

    def quit(self, now: float) -> None:
        """Say good-bye on an idle connection."""
        self._now = now
        self.session.quit()
        self._after()

    def expire(self, now: float) -> None:
        """The deadline has passed."""
        self._now = now
        if self.session.idle:
            self.quit(now)
        else:
            self._close(_TIMED_OUT)

    def abort(self, text: str, now: float) -> None:
        """Give up; what is open becomes deferred."""
        self._now = now
        self._close(text)

    # -- the session's questions --------------------------------------------------------------

    def _take(self) -> Envelope | None:
        return None if self._dying else self._owner.take(self, self._now)

    def _settle(self, envelope: Envelope, outcome: Outcome) -> None:
        self._owner.settle(envelope, outcome, self._now)

    # -- octets -------------------------------------------------------------------------------

    def _finish_connecting(self) -> None:
        error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._close(reason(OSError(error, "")))
            return
        self._connected = True
        self._watch_writing(False)
        if self.session.terms.tls == "tls":
            self._start_tls()
        else:
            self._after(progress=True)

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._close(reason(error))
            return
        if not data:
            self._close()
        elif self._tls is None:
            replies = self.session.receive(data, len(self._plain))
            self._after(replies > 0)
        else:
            self._read_tls(self._tls, data)

    def _read_tls(self, tls: TlsLayer, data: bytes) -> None:
        replies = 0
        try:
            if not tls.established:
                self._wire = bytes(self._wire) + tls.handshake(data)
                if not tls.established:
                    self._flush()
                    return
                if not self._trusts(tls):
                    return
                data = b""
                replies = 1
                if self.session.wants_tls:
                    self.session.tls_established()
            clear = tls.decrypt(data)
        except ssl.SSLError as error:
            self._last_words(tls)
            self._close(reason(error))
            return
        if clear:
            replies += self.session.receive(clear, len(self._plain))
        self._after(replies > 0)

    def _trusts(self, tls: TlsLayer) -> bool:
        verify = self.address.verify
        tls.trusted = verify is None or verify(tls.chain())
        if not tls.trusted:
            self._close(_NOT_PROMISED)
        return tls.trusted

    def _start_tls(self) -> None:
        self._tls = TlsLayer(self._context, self.address.host)
        self.deadline = self._now + self._owner.timing.tls
        self._wire = self._tls.handshake()
        self._flush()

    def _after(self, progress: bool = True) -> None:
        """Write what the session said, and see what it waits for now."""
        session = self.session
        if session.closed:
            self._close()
            return
        if session.wants_tls:
            self._start_tls()
            return
        if session.out:
            said = session.out[0] if len(session.out) == 1 else b"".join(session.out)
            session.out.clear()
            self._plain = bytes(self._plain) + said if self._plain else said
        if self._plain or self._wire:
            self._flush()
        if progress and not self.closed:
            self._arm()

    def _arm(self) -> None:
        timing = self._owner.timing
        awaited = self.session.awaited
        if self._plain or self._wire:
            self.deadline = self._now + timing.block
        elif awaited:
            self.deadline = self._now + timing.limit(awaited)
        else:
            self.deadline = self._now + timing.idle
            self._owner.rests(self, self._now)

    def _flush(self) -> None:
        """Give the kernel what it takes."""
        try:
            if self._tls is None:
                self._push_plain()
            else:
                self._push_tls(self._tls)
        except BlockingIOError:
            pass
        except OSError as error:
            self._hear_out(error)
            return
        unfinished = bool(self._plain or self._wire)
        if unfinished != self._wants_out:
            self._watch_writing(unfinished)

    def _push_plain(self) -> None:
        while self._plain:
            sent = self._sock.send(self._plain)
            left = len(self._plain) - sent
            self._plain = memoryview(self._plain)[sent:] if left else b""

    def _push_tls(self, tls: TlsLayer) -> None:
        while self._wire or self._plain:
            if not self._wire:
                view = memoryview(self._plain)
                self._plain = view[_PIECE:]
                self._wire = tls.encrypt(view[:_PIECE])
            self._wire = memoryview(self._wire)[self._sock.send(self._wire) :]

    def _watch_writing(self, wanted: bool) -> None:
        self._wants_out = wanted
        self._owner.change(self._sock, _WRITABLE if wanted else select.EPOLLIN)

    def _hear_out(self, error: OSError) -> None:
        """Writing failed; the server may have said why before it closed."""
        self._dying = True
        try:
            while not self.session.closed and (data := self._sock.recv(_READ)):
                clear = data if self._tls is None else self._tls.decrypt(data)
                if clear:
                    self.session.receive(clear, len(self._plain))
                    self.session.out.clear()
        except OSError:
            pass
        self._close(reason(error))

    def _last_words(self, tls: TlsLayer) -> None:
        try:
            self._sock.send(tls.farewell())
        except OSError:
            return

    def _close(self, text: str = "") -> None:
        """Settle everything, leave the loop, tell the owner."""
        if self.closed:
            return
        self.closed = True
        session = self.session
        session.lost(text or CLOSED, len(self._plain))
        self.failure = session.failure
        if self.failure is not None and not self._connected:
            self.failure = Outcome("deferred", 0, "4.4.1", self.failure.text, "connect")
        elif self.failure is not None and self._tls is not None and not self._tls.trusted:
            self.failure = Outcome("deferred", 0, "4.7.5", self.failure.text, "tls")
            self.tls_failed = True
        self._owner.forget(self._sock)
        self._owner.ended(self, self._now)
