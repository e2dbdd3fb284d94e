"""What the owner of the loop says about a lane, and what the loop asks of its owner."""

from __future__ import annotations

import re
import ssl
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import idna

from esp.delivery.smtp.commands import Auth
from esp.delivery.smtp.envelope import Envelope, Outcome, Wait
from esp.delivery.smtp.introduction import Awaited, TlsMode


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. The waits for replies begin anew with each reply, never with a mere octet."""

    # RFC 5321 §4.5.3.2 (SMTP-08)
    greeting: float = 300
    ehlo: float = 300
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    # Our own.
    connect: float = 30
    tls: float = 120
    auth: float = 120
    quit: float = 5
    idle: float = 5
    # An empty lane is asked again so often while one of its connections is open.
    poll: float = 0.5
    # A lane in which nothing has begun for so long tries another connection beside those it has.
    patience: float = 10
    # A lane that fails rests, twice as long each time.
    retry_first: float = 1
    retry_last: float = 300
    # How long the addresses of a name, a dead address and a failing STARTTLS are remembered.
    names: float = 300
    dead: float = 300
    no_tls: float = 3600
    # How often deadlines are looked at.
    sweep: float = 0.1

    def limit(self, awaited: Awaited) -> float:
        """How long a reply may take."""
        return float(getattr(self, _LIMITS[awaited]))


_HELO_NAME = re.compile(r"[!-~]{1,255}")

_LIMITS: dict[Awaited, str] = {
    "greeting": "greeting", "ehlo": "ehlo", "helo": "ehlo", "starttls": "ehlo", "auth": "auth",
    "mail": "mail", "rcpt": "rcpt", "data": "data", "dot": "dot", "lone dot": "dot",
    "rset": "mail", "quit": "quit",
}  # fmt: skip


class Source(NamedTuple):
    """A numeric address of ours to leave from, and the name to say there."""

    address: str
    helo_name: str


@dataclass(frozen=True, slots=True)
class Lane:
    """Where and how the envelopes of one lane go; the hosts are tried in their order.

    Either `hosts` or `mx_domain` is given: a domain whose hosts the loop asks for by itself. All
    lanes of a `group` (default: the lane alone) share what the feed allows it of connections.

    `tls`: "starttls" encrypts where the server offers it, without looking at its certificate, and
    falls back to clear; "starttls-required" and "tls" verify it with `context` (default: the
    system's authorities) against the name in `hosts`. A `context` given is used in every mode.
    `sources` take turns, a connection each; without any the system chooses and `helo_name` is said.
    """

    key: Hashable
    hosts: Sequence[tuple[str, int]] = ()
    tls: TlsMode = "starttls"
    auth: Auth | None = None
    sources: Sequence[Source] = ()
    max_connections: int = 10
    max_messages_per_connection: int = 100
    helo_name: str = "localhost"
    dsn: bool = False
    context: ssl.SSLContext | None = field(default=None, compare=False)
    mx_domain: str | None = None
    group: Hashable = None

    def __post_init__(self) -> None:
        if self.group is None:
            object.__setattr__(self, "group", self.key)
        if bool(self.hosts) == bool(self.mx_domain):
            raise ValueError("a lane has either hosts or a domain")
        if not self.helo_name.isascii():
            # EAI-02; what is no domain is refused below.
            name = idna.encode(self.helo_name, uts46=True).decode()
            object.__setattr__(self, "helo_name", name)
        if not all(
            map(_HELO_NAME.fullmatch, (self.helo_name, *(s.helo_name for s in self.sources)))
        ):
            raise ValueError("helo_name is a domain name or an address literal")


class Feed(Protocol):
    """The owner's side; all times are seconds of `time.monotonic`. What it raises ends `run`."""

    def next_envelope(self, lane: Hashable, now: float) -> Envelope | Wait | None:
        """Called right before an envelope begins; None: nothing at present."""

    def outcome(self, envelope: Envelope, outcome: Outcome, now: float) -> None:
        """Called once for each envelope, before the next final dot on its connection is written."""

    def lane_failed(self, lane: Hashable, outcome: Outcome) -> bool:
        """No host of the lane could be made ready; nothing had begun. The lane rests a while.

        Whether anything waits for it still; if not, it connects no more before `Loop.wake`.
        """


@runtime_checkable
class Limits(Protocol):
    """What a feed may say besides."""

    def connections_allowed(self, group: Hashable) -> int:
        """How many connections the lanes of a group may have together now; asked often.

        Where it shrinks, idle connections leave first, others after the message they are at.
        """
