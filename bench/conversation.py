"""What the sink says to one client: octets in, octets and messages out."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

_END = b"\r\n.\r\n"
_EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 104857600\r\n"
_EHLO_TLS = _EHLO.replace(b"250 SIZE", b"250-STARTTLS\r\n250 SIZE")
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r\n[ \t]+)?([^\r\n]+)", re.I | re.M)


class Received(NamedTuple):
    """One message taken; `data` is as sent, without its final dot, or empty if not kept.

    `digest` begins the SHA-256 of those octets: whether two copies are the same can be told.
    `began` is when its MAIL was heard, `at` when its last octet was.
    """

    began: float
    at: float
    connection: int
    mail_from: str
    rcpt: tuple[str, ...]
    message_id: str
    size: int
    digest: str
    data: bytes


@dataclass
class Behaviour:
    """What the sink does besides taking: every Nth RCPT 451, RCPTs matching `fail` 550, and
    `delay` seconds before each final reply."""

    defer_every: int = 0
    fail: str = ""
    delay: float = 0.0


@dataclass
class Common:
    """What all conversations of a sink share; `taken` is emptied by the sink."""

    behaviour: Behaviour
    keep: bool = False
    offers_tls: bool = False
    taken: list[Received] = field(default_factory=list)
    rcpts: int = 0
    fail: re.Pattern[str] | None = None

    def __post_init__(self) -> None:
        if self.behaviour.fail:
            self.fail = re.compile(self.behaviour.fail)


class Conversation:
    """One client: what it has sent so far and what it is owed."""

    __slots__ = (
        "began", "body", "common", "held", "mail_from", "number", "out", "rcpt", "rest",
        "secure", "wants_tls",
    )  # fmt: skip

    def __init__(self, number: int, common: Common) -> None:
        self.number = number
        self.common = common
        self.began = 0.0
        self.mail_from = ""
        self.rcpt: list[str] = []
        self.rest = b""
        self.body: list[bytes] | None = None  # the pieces of a message being received
        self.secure = not common.offers_tls  # whether STARTTLS has nothing to add
        self.wants_tls = False  # the client waits for the first octets of TLS
        self.held = 0.0  # nothing is read or answered before this time
        self.out = b"220 sink\r\n"

    def hear(self, data: bytes) -> None:
        """Go on with `data`; answers are appended to `out`, messages to `common.taken`."""
        while True:
            if self.held:
                # What arrives before a late reply is due waits with it.
                if time.monotonic() < self.held:
                    self.rest += data
                    return
                self.held = 0.0
                self.out += b"250 2.0.0 ok\r\n"
                data, self.rest = self.rest + data, b""
            if self.body is None:
                if self._commands(self.rest + data if self.rest else data):
                    return
                data, self.rest = self.rest, b""
            elif not self._body(data):
                return
            else:
                data, self.rest = self.rest, b""
            if not data and not self.held:
                return

    def _body(self, data: bytes) -> bool:
        """Take a piece of a message; True when it is complete, the surplus being in `rest`."""
        assert self.body is not None
        pieces = self.body
        # A client waits for 354 before the next body, so the last terminator is the only one;
        # from the back it is found without looking through the whole message.
        place = data.rfind(_END)
        if place >= 0:
            pieces.append(data[: place + 2])
            self.rest = data[place + 5 :]
        else:
            # The terminator may be torn, or the message empty.
            whole = b"\r\n" + b"".join(pieces) + data
            place = whole.rfind(_END, max(0, len(whole) - len(data) - 6))
            if place < 0:
                pieces.append(data)
                return False
            pieces[:] = [whole[2 : place + 2]]
            self.rest = whole[place + 5 :]
        self._take(pieces)
        return True

    def _take(self, pieces: list[bytes]) -> None:
        data = b"".join(pieces) if len(pieces) > 1 else pieces[0]
        found = _MESSAGE_ID.search(data, 0, 16384)
        self.common.taken.append(
            Received(
                self.began,
                time.time(),
                self.number,
                self.mail_from,
                tuple(self.rcpt),
                found[1].decode("ascii", "replace").strip() if found else "",
                len(data),
                sha256(data).hexdigest()[:16],
                data if self.common.keep else b"",
            )
        )
        self.body = None
        self.mail_from, self.rcpt = "", []
        if self.common.behaviour.delay:
            self.held = time.monotonic() + self.common.behaviour.delay
        else:
            self.out += b"250 2.0.0 ok\r\n"

    def _commands(self, data: bytes) -> bool:
        """Answer whole lines; True when more octets are needed, False when a message follows."""
        start = 0
        while (end := data.find(b"\r\n", start)) >= 0:
            line = data[start:end]
            start = end + 2
            verb = line[:4].upper()
            if verb == b"MAIL":
                self.began, self.mail_from = time.time(), _path(line)
                self.out += b"250 2.1.0 ok\r\n"
            elif verb == b"RCPT":
                self.out += self._recipient(_path(line))
            elif verb == b"DATA":
                if self.rcpt:
                    self.out += b"354 go on\r\n"
                    self.body = []
                    self.rest = data[start:]
                    return False
                self.out += b"554 5.5.1 no valid recipients\r\n"
            else:
                self.out += self._other(verb)
        self.rest = data[start:]
        return True

    def _other(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return _EHLO if self.secure else _EHLO_TLS
        if verb == b"STAR" and not self.secure:
            self.secure = self.wants_tls = True
            return b"220 go ahead\r\n"
        if verb == b"QUIT":
            return b"221 bye\r\n"
        if verb in (b"HELO", b"RSET", b"NOOP"):
            self.mail_from, self.rcpt = "", []
            return b"250 ok\r\n"
        return b"502 5.5.1 unknown\r\n"

    def _recipient(self, address: str) -> bytes:
        self.common.rcpts += 1
        every = self.common.behaviour.defer_every
        if every and self.common.rcpts % every == 0:
            return b"451 4.7.1 try again later\r\n"
        if self.common.fail is not None and self.common.fail.search(address):
            return b"550 5.1.1 no such user\r\n"
        self.rcpt.append(address)
        return b"250 2.1.5 ok\r\n"


def _path(line: bytes) -> str:
    start, end = line.find(b"<"), line.rfind(b">")
    return line[start + 1 : end].decode("utf-8", "replace")
