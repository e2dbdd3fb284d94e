"""A light SMTP receiver that takes everything in one epoll loop and records what it took.

    python bench/sink.py --port 0 --record FILE [--defer-every N] [--fail PATTERN] [--delay SECONDS]

prints its port and runs until SIGTERM. A line of the record: seconds, connection, sender,
recipient, Message-ID, octets, separated by tabs; it is written before the 250 is.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import re
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_END = b"\r\n.\r\n"
_READ = 1 << 18
_EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 104857600\r\n"
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r\n[ \t]+)?([^\r\n]+)", re.I | re.M)


class Received(NamedTuple):
    """One message taken; `data` is as sent, without its final dot, or empty if not kept."""

    at: float
    connection: int
    mail_from: str
    rcpt: tuple[str, ...]
    message_id: str
    size: int
    data: bytes


@dataclass
class Behaviour:
    """What the sink does besides taking: every Nth RCPT 451, RCPTs matching `fail` 550, and
    `delay` seconds before each final reply."""

    defer_every: int = 0
    fail: str = ""
    delay: float = 0.0


class _Peer:
    """One client: what it has sent so far and what it is owed."""

    __slots__ = ("body", "held", "mail_from", "number", "out", "rcpt", "rest", "sock", "writing")

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.mail_from = ""
        self.rcpt: list[str] = []
        self.rest = b""
        self.body: list[bytes] | None = None  # the pieces of a message being received
        self.held = 0.0  # nothing is read or answered before this time
        self.out = b"220 sink\r\n"
        self.writing = False


class Sink:
    """`receive` is called with each message before its 250 is written; `start` uses a thread."""

    def __init__(
        self,
        receive: Callable[[list[Received]], None],
        behaviour: Behaviour | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        keep: bool = False,
    ) -> None:
        self._receive = receive
        self._behaviour = behaviour or Behaviour()
        self._fail = re.compile(self._behaviour.fail) if self._behaviour.fail else None
        self._keep = keep
        self._listener = socket.create_server((host, port), backlog=1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._peers: dict[int, _Peer] = {}
        self._late: list[tuple[float, int, _Peer]] = []
        self._taken: list[Received] = []
        self._rcpts = 0
        self._numbers = 0
        self._stopped = False
        self._thread: threading.Thread | None = None

    # -- life ---------------------------------------------------------------------------------

    def start(self) -> Sink:
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopped = True
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Sink:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        """Serve until `stop`."""
        listener = self._listener.fileno()
        while not self._stopped:
            answering: list[_Peer] = []
            for fd, events in self._epoll.poll(self._pause(), 64):
                if fd == listener:
                    self._accept()
                elif events & select.EPOLLOUT:
                    answering.append(self._peers[fd])
                else:
                    self._read(self._peers[fd], answering)
            now = time.monotonic()
            while self._late and self._late[0][0] <= now:
                peer = heapq.heappop(self._late)[2]
                if peer.sock.fileno() in self._peers:
                    self._parse(peer, b"")
                    answering.append(peer)
            if self._taken:
                self._receive(self._taken)
                self._taken = []
            for peer in answering:
                self._write(peer)
        for peer in self._peers.values():
            peer.sock.close()
        self._listener.close()
        self._epoll.close()

    def _pause(self) -> float:
        return max(0.0, min(0.1, self._late[0][0] - time.monotonic())) if self._late else 0.1

    # -- octets -------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._numbers += 1
        peer = _Peer(sock, self._numbers)
        self._peers[sock.fileno()] = peer
        self._epoll.register(sock, select.EPOLLIN)
        self._write(peer)

    def _read(self, peer: _Peer, answering: list[_Peer]) -> None:
        try:
            data = peer.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        self._parse(peer, data)
        if peer.out:
            answering.append(peer)

    def _write(self, peer: _Peer) -> None:
        if not peer.out or peer.sock.fileno() < 0:
            return
        try:
            sent = peer.sock.send(peer.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(peer)
            return
        leaving = peer.out.endswith(b"221 bye\r\n")
        peer.out = peer.out[sent:]
        if leaving and not peer.out:
            self._drop(peer)
        elif bool(peer.out) != peer.writing:
            peer.writing = bool(peer.out)
            self._epoll.modify(peer.sock, select.EPOLLOUT if peer.out else select.EPOLLIN)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.sock.fileno(), None) is not None:
            self._epoll.unregister(peer.sock)
            peer.sock.close()

    # -- the conversation ---------------------------------------------------------------------

    def _parse(self, peer: _Peer, data: bytes) -> None:
        while True:
            if peer.held:
                # What arrives before a late reply is due waits with it.
                if time.monotonic() < peer.held:
                    peer.rest += data
                    return
                peer.held = 0.0
                peer.out += b"250 2.0.0 ok\r\n"
                data, peer.rest = peer.rest + data, b""
            if peer.body is None:
                if self._commands(peer, peer.rest + data if peer.rest else data):
                    return
                data, peer.rest = peer.rest, b""
            elif not self._body(peer, data):
                return
            else:
                data, peer.rest = peer.rest, b""
            if not data and not peer.held:
                return

    def _body(self, peer: _Peer, data: bytes) -> bool:
        """Take a piece of a message; True when it is complete, the surplus being in `rest`."""
        assert peer.body is not None
        pieces = peer.body
        # A client waits for 354 before the next body, so the last terminator is the only one;
        # from the back it is found without looking through the whole message.
        place = data.rfind(_END)
        if place >= 0:
            pieces.append(data[: place + 2])
            peer.rest = data[place + 5 :]
        else:
            # The terminator may be torn, or the message empty.
            whole = b"\r\n" + b"".join(pieces) + data
            place = whole.rfind(_END, max(0, len(whole) - len(data) - 6))
            if place < 0:
                pieces.append(data)
                return False
            pieces[:] = [whole[2 : place + 2]]
            peer.rest = whole[place + 5 :]
        self._take(peer, pieces)
        return True

    def _take(self, peer: _Peer, pieces: list[bytes]) -> None:
        data = b"".join(pieces) if len(pieces) > 1 else pieces[0]
        found = _MESSAGE_ID.search(data, 0, 16384)
        self._taken.append(
            Received(
                time.time(),
                peer.number,
                peer.mail_from,
                tuple(peer.rcpt),
                found[1].decode("ascii", "replace").strip() if found else "",
                len(data),
                data if self._keep else b"",
            )
        )
        peer.body = None
        peer.mail_from, peer.rcpt = "", []
        if self._behaviour.delay:
            peer.held = time.monotonic() + self._behaviour.delay
            heapq.heappush(self._late, (peer.held, peer.number, peer))
        else:
            peer.out += b"250 2.0.0 ok\r\n"

    def _commands(self, peer: _Peer, data: bytes) -> bool:
        """Answer whole lines; True when more octets are needed, False when a message follows."""
        start = 0
        while (end := data.find(b"\r\n", start)) >= 0:
            line = data[start:end]
            start = end + 2
            verb = line[:4].upper()
            if verb == b"MAIL":
                peer.mail_from = _path(line)
                peer.out += b"250 2.1.0 ok\r\n"
            elif verb == b"RCPT":
                peer.out += self._recipient(peer, _path(line))
            elif verb == b"DATA":
                if peer.rcpt:
                    peer.out += b"354 go on\r\n"
                    peer.body = []
                    peer.rest = data[start:]
                    return False
                peer.out += b"554 5.5.1 no valid recipients\r\n"
            else:
                peer.out += self._other(peer, verb)
        peer.rest = data[start:]
        return True

    def _other(self, peer: _Peer, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return _EHLO
        if verb == b"QUIT":
            return b"221 bye\r\n"
        if verb in (b"HELO", b"RSET", b"NOOP"):
            peer.mail_from, peer.rcpt = "", []
            return b"250 ok\r\n"
        return b"502 5.5.1 unknown\r\n"

    def _recipient(self, peer: _Peer, address: str) -> bytes:
        self._rcpts += 1
        every = self._behaviour.defer_every
        if every and self._rcpts % every == 0:
            return b"451 4.7.1 try again later\r\n"
        if self._fail is not None and self._fail.search(address):
            return b"550 5.1.1 no such user\r\n"
        peer.rcpt.append(address)
        return b"250 2.1.5 ok\r\n"


def _path(line: bytes) -> str:
    start, end = line.find(b"<"), line.rfind(b">")
    return line[start + 1 : end].decode("utf-8", "replace")


class Record:
    """Appends what was received to files: lines to `path`, whole messages as JSON to `keep`."""

    def __init__(self, path: Path | None, keep: Path | None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._lines = os.open(path, flags, 0o644) if path else -1
        self._whole = os.open(keep, flags, 0o644) if keep else -1

    def __call__(self, messages: list[Received]) -> None:
        if self._lines >= 0:
            lines = [
                f"{m.at:.6f}\t{m.connection}\t{m.mail_from}\t{','.join(m.rcpt)}"
                f"\t{m.message_id}\t{m.size}\n"
                for m in messages
            ]
            os.write(self._lines, "".join(lines).encode())
        if self._whole >= 0:
            for m in messages:
                row = m._asdict() | {"data": m.data.decode("latin-1")}
                os.write(self._whole, json.dumps(row).encode() + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--record", type=Path, help="append a line for each message")
    parser.add_argument("--keep", type=Path, help="append each whole message as a line of JSON")
    parser.add_argument("--defer-every", type=int, default=0, metavar="N")
    parser.add_argument("--fail", default="", metavar="PATTERN")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    args = parser.parse_args()
    behaviour = Behaviour(args.defer_every, args.fail, args.delay)
    record = Record(args.record, args.keep)
    sink = Sink(record, behaviour, args.port, args.host, keep=args.keep is not None)
    signal.signal(signal.SIGTERM, lambda *_: sink.stop())
    signal.signal(signal.SIGINT, lambda *_: sink.stop())
    print(sink.port, flush=True)
    sink.run()


if __name__ == "__main__":
    main()
