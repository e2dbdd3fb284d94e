"""A light SMTP receiver that takes everything in one epoll loop and records what it took.

    python bench/sink.py --port 0 --record FILE [--defer-every N] [--fail PATTERN] [--delay SECONDS]

prints its port and runs until SIGTERM. A line of the record: seconds, connection, sender,
recipient, Message-ID, octets, seconds when MAIL was heard, digest, separated by tabs; it is written
before the 250 is.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.conversation import Behaviour, Common, Conversation, Received

_READ = 1 << 18


class Peer:
    """A socket and what is said on it."""

    __slots__ = ("late", "sock", "talk", "writing")

    def __init__(self, sock: socket.socket, talk: Conversation) -> None:
        self.sock = sock
        self.talk = talk
        self.late = False
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
        self._common = Common(behaviour or Behaviour(), keep)
        self._listener = socket.create_server((host, port), backlog=1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        # One buffer for all: a fresh one of this size costs more than the rest of a message.
        self._buffer = bytearray(_READ)
        self._octets = memoryview(self._buffer)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._peers: dict[int, Peer] = {}
        self._late: list[tuple[float, int, Peer]] = []
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
            answering: list[Peer] = []
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
                peer.late = False
                if peer.sock.fileno() in self._peers:
                    self._hear(peer, b"", answering)
            if self._common.taken:
                self._receive(self._common.taken)
                self._common.taken = []
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
        peer = Peer(sock, Conversation(self._numbers, self._common))
        self._peers[sock.fileno()] = peer
        self._epoll.register(sock, select.EPOLLIN)
        self._write(peer)

    def _read(self, peer: Peer, answering: list[Peer]) -> None:
        try:
            size = peer.sock.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self._drop(peer)
            return
        self._hear(peer, bytes(self._octets[:size]), answering)

    def _hear(self, peer: Peer, data: bytes, answering: list[Peer]) -> None:
        peer.talk.hear(data)
        if peer.talk.out:
            answering.append(peer)
        if peer.talk.held and not peer.late:
            peer.late = True
            heapq.heappush(self._late, (peer.talk.held, peer.talk.number, peer))

    def _write(self, peer: Peer) -> None:
        if not peer.talk.out or peer.sock.fileno() < 0:
            return
        try:
            sent = peer.sock.send(peer.talk.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(peer)
            return
        leaving = peer.talk.out.endswith(b"221 bye\r\n")
        peer.talk.out = peer.talk.out[sent:]
        if leaving and not peer.talk.out:
            self._drop(peer)
        elif bool(peer.talk.out) != peer.writing:
            peer.writing = bool(peer.talk.out)
            self._epoll.modify(peer.sock, select.EPOLLOUT if peer.talk.out else select.EPOLLIN)

    def _drop(self, peer: Peer) -> None:
        if self._peers.pop(peer.sock.fileno(), None) is not None:
            self._epoll.unregister(peer.sock)
            peer.sock.close()


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
                f"\t{m.message_id}\t{m.size}\t{m.began:.6f}\t{m.digest}\n"
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
