"""(pure) What the client is given to send, and what it says became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sent", "deferred", "failed"]
Stage = Literal["connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "dot", "lost"]


@dataclass(slots=True)
class Envelope:
    """One message to one address.

    `data` is the whole message in 7 bits with CRLF line ends; where one of the addresses is
    international (has a local part beyond ASCII), its headers may be UTF-8. `stuffed` says so, and
    that no line begins with a dot; otherwise the client looks, repairs line ends and doubles the
    dots. `envid` is the
    DSN envelope id, sent where the server announces DSN and the terms ask for it. Not frozen,
    because freezing costs more than the rest of its life.
    """

    key: object
    mail_from: str
    rcpt: str
    data: bytes
    stuffed: bool = True
    envid: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of an envelope (or of a connection that never got so far).

    `code` is 0 where no reply was read. `enhanced` is the RFC 3463 code without contradicting
    `code`. `text` is printable, without codes. `stage` names what was being waited for; `lost`
    means that the final dot was sent and its reply never read. Nobody changes one; like envelopes,
    they are too many to be frozen.
    """

    kind: Kind
    code: int
    enhanced: str
    text: str
    stage: Stage

    @property
    def uncertain(self) -> bool:
        """Whether the receiver may have taken the message although nobody said so."""
        return self.stage == "lost"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may begin in this lane before `until` (seconds of `time.monotonic`)."""

    until: float
