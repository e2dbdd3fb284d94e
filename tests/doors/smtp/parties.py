"""The two sides of a conversation over real sockets: a feed from a list, and servers by script."""

from __future__ import annotations

import datetime
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from esp.delivery.smtp.envelope import Envelope, Outcome, Wait
from esp.delivery.smtp.lane import Lane, Timing
from esp.delivery.smtp.loop import Loop

# Short enough for a test, in the proportions of the real ones.
QUICK = Timing(
    connect=2, greeting=0.5, ehlo=0.5, tls=1, auth=0.5, mail=0.5, rcpt=0.5, data=0.5, block=0.5,
    dot=0.5, quit=0.5, idle=0.3, poll=0.02, retry_first=0.05, retry_last=0.2, sweep=0.02,
)  # fmt: skip
# For receivers that answer, however busy the machine is.
PATIENT = replace(
    QUICK, connect=30, greeting=30, ehlo=30, tls=30, auth=30, mail=30, rcpt=30, data=30, block=30,
    dot=30, quit=30,
)  # fmt: skip


def message(number: int) -> Envelope:
    text = f"Message-ID: <{number}@x.org>\r\nSubject: {number}\r\n\r\nHello {number}\r\n"
    return Envelope(number, "a@x.org", f"{number}@y.org", text.encode())


class ListFeed:
    """Gives each lane its envelopes in order and keeps what became of them."""

    def __init__(self, **lanes: list[Envelope]) -> None:
        self.lanes: dict[Hashable, list[Envelope]] = dict(lanes)
        self.total = sum(map(len, lanes.values()))
        self.outcomes: dict[object, Outcome] = {}
        self.at: dict[object, float] = {}
        self.failures: list[tuple[Hashable, Outcome]] = []
        self.not_before: dict[Hashable, float] = {}

    def next_envelope(self, lane: Hashable, now: float) -> Envelope | Wait | None:
        if now < self.not_before.get(lane, 0.0):
            return Wait(self.not_before[lane])
        waiting = self.lanes[lane]
        return waiting.pop(0) if waiting else None

    def outcome(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
        assert envelope.key not in self.outcomes, "settled twice"
        self.outcomes[envelope.key] = outcome
        self.at[envelope.key] = now

    def lane_failed(self, lane: Hashable, outcome: Outcome) -> bool:
        self.failures.append((lane, outcome))
        return True

    def done(self) -> bool:
        return len(self.outcomes) == self.total

    def fates(self) -> dict[object, tuple[str, int, str]]:
        return {key: (one.kind, one.code, one.stage) for key, one in self.outcomes.items()}


def run(
    feed: ListFeed,
    *lanes: Lane,
    until: Callable[[], bool] | None = None,
    timing: Timing = PATIENT,
    seconds: float = 30,
) -> None:
    """Send until every envelope is settled (or `until()`), then take leave."""
    stop = until or feed.done
    with Loop(feed, lanes, timing) as loop:
        loop.run(time.monotonic() + seconds, stop)
        assert stop(), (feed.fates(), feed.failures)
        loop.finish(2)
        assert loop.connections == 0
        assert loop.open_envelopes == 0


class Client:
    """The server's end of one connection, for scripts written straight down."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.slowly = False
        self._rest = b""

    def say(self, *lines: bytes) -> None:
        octets = b"".join(line + b"\r\n" for line in lines)
        if not self.slowly:
            self.sock.sendall(octets)
            return
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in octets:
            self.sock.sendall(bytes([octet]))

    def line(self) -> bytes:
        while b"\r\n" not in self._rest:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError
            self._rest += data
        line, self._rest = self._rest.split(b"\r\n", 1)
        return line

    def greet(self, *keywords: bytes) -> None:
        self.say(b"220 hi")
        self.line()
        lines = [b"hi", *keywords]
        self.say(*(b"250-" + line for line in lines[:-1]), b"250 " + lines[-1])

    def group(self) -> bytes:
        """Take MAIL, RCPT and DATA (one by one or as a group) with a yes; gives the recipient."""
        self.line()
        self.say(b"250 ok")
        return self.group_without_mail()

    def group_without_mail(self) -> bytes:
        """The same after MAIL."""
        rcpt = self.line()
        self.say(b"250 ok")
        self.line()
        self.say(b"354 go")
        return rcpt

    def refuse_recipient(self, reply: bytes) -> None:
        """Take a pipelined group with a no for the recipient."""
        self.line()
        self.say(b"250 ok")
        self.line()
        self.say(reply)
        self.line()
        self.say(b"503 5.5.1 no recipients")

    def gone(self) -> bool:
        """Whether the other side has closed, nothing being read of what it said."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        return bool(poll.poll(0))

    def body(self) -> list[bytes]:
        lines = []
        while (line := self.line()) != b".":
            lines.append(line)
        return lines

    def take_all(self) -> None:
        """From here on behave."""
        while True:
            verb = self.line()[:4]
            if verb == b"DATA":
                self.say(b"354 go")
                self.body()
            if verb == b"QUIT":
                self.say(b"221 bye")
                return
            self.say(b"250 ok")

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Scripted:
    """Plays `scripts` to the first connections, one each, and the last one to all later ones."""

    def __init__(
        self, *scripts: Callable[[Client], None], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._scripts = scripts
        self._listener = socket.create_server((host, port))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._socks: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for sock in self._socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            self._socks.append(sock)
            thread = threading.Thread(target=self._play, args=(script, sock))
            self._threads.append(thread)
            thread.start()

    def _play(self, script: Callable[[Client], None], sock: socket.socket) -> None:
        client = Client(sock)
        try:
            script(client)
        except OSError:
            pass
        finally:
            client.sock.close()
            sock.close()


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for `name`: paths of the certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_path, key_path


def server_context(paths: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    return context
