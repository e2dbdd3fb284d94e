"""(pure) The part of a session before envelopes can begin: greeting, EHLO, STARTTLS, AUTH."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import Literal

from esp.delivery.smtp import commands
from esp.delivery.smtp.commands import Auth, Capabilities
from esp.delivery.smtp.envelope import Outcome
from esp.delivery.smtp.replies import Reply, classify
from esp.errors import N_

TlsMode = Literal["none", "starttls", "starttls-required", "tls"]
# What is awaited from the server; several of them share a Stage.
Awaited = Literal[
    "greeting", "ehlo", "helo", "starttls", "auth",
    "mail", "rcpt", "data", "dot", "lone dot", "rset", "quit",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """How to speak on a connection; `tls` "tls" and "none" both mean no STARTTLS.

    A session of mode "starttls" goes on in clear where STARTTLS is not offered or refused.
    """

    helo_name: str
    tls: TlsMode = "none"
    auth: Auth | None = None
    dsn: bool = False
    max_messages: int = 100


class Introduction(ABC):
    """Gets a connection ready, or sets `failure`."""

    __slots__ = ("_auth", "_due", "can", "closed", "failure", "out", "secure", "terms", "wants_tls")

    def __init__(self, terms: Terms, secure: bool) -> None:
        self.terms = terms
        self.secure = secure
        self.can = Capabilities()
        self.out: list[bytes] = []
        self.wants_tls = False
        self.closed = False
        # Set where the session ended before it could take envelopes.
        self.failure: Outcome | None = None
        self._due: deque[Awaited] = deque(("greeting",))
        self._auth: list[bytes] = []

    def tls_established(self) -> None:
        """After `wants_tls`: forget everything learnt in clear and introduce ourselves again."""
        self.wants_tls = False
        self.secure = True
        self.can = Capabilities()
        self._hello()

    @abstractmethod
    def _begin_work(self) -> None: ...

    def _write(self, octets: bytes, awaited: Awaited) -> None:
        self.out.append(octets)
        self._due.append(awaited)

    def _hello(self) -> None:
        self._write(b"EHLO %b\r\n" % self.terms.helo_name.encode("ascii"), "ehlo")

    def _on_greeting(self, reply: Reply) -> None:
        if reply.code // 100 == 2:
            self._hello()
        else:
            self._fail(classify(reply, "greeting"))

    def _on_ehlo(self, reply: Reply) -> None:
        if reply.code // 100 == 5:
            self._write(b"HELO %b\r\n" % self.terms.helo_name.encode("ascii"), "helo")
        elif reply.code // 100 == 2:
            self.can = commands.read_capabilities(reply)
            self._secure_or_go_on()
        else:
            self._fail(classify(reply, "ehlo"))

    def _on_helo(self, reply: Reply) -> None:
        if reply.code // 100 == 2:
            self._secure_or_go_on()
        else:
            self._fail(classify(reply, "ehlo"))

    def _secure_or_go_on(self) -> None:
        if self.secure or self.terms.tls in ("none", "tls"):
            self._authenticate()
        elif self.can.starttls:
            self._write(b"STARTTLS\r\n", "starttls")
        elif self.terms.tls == "starttls-required":
            text = N_("The server does not offer STARTTLS.")
            self._fail(Outcome("deferred", 0, "4.7.4", text, "tls"))
        else:
            self._authenticate()

    def _on_starttls(self, reply: Reply) -> None:
        if reply.code == 220:
            self.wants_tls = True
        elif self.terms.tls == "starttls-required":
            self._fail(classify(reply, "tls"))
        else:
            self._authenticate()

    def _authenticate(self) -> None:
        auth = self.terms.auth
        if auth is None:
            self._begin_work()
            return
        if not self.secure and not auth.allow_clear:
            text = N_("Credentials are not sent over a connection without TLS.")
            self._fail(Outcome("deferred", 0, "4.7.0", text, "auth"))
            return
        self._auth = commands.auth_steps(auth, self.can.auth)
        if not self._auth:
            text = N_("The server offers no way to sign in that we know.")
            self._fail(Outcome("deferred", 0, "4.7.0", text, "auth"))
            return
        self._write(self._auth.pop(0), "auth")

    def _on_auth(self, reply: Reply) -> None:
        first = reply.code // 100
        if first == 2:
            self._begin_work()
        elif first == 3 and self._auth:
            self._write(self._auth.pop(0), "auth")
        else:
            self._fail(classify(reply, "auth"))

    def _fail(self, outcome: Outcome) -> None:
        self.failure = outcome
        self.closed = True
