"""(pure) One client connection as a state machine: octets of the server in, octets to write out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from esp.delivery.smtp import commands
from esp.delivery.smtp.envelope import Envelope, Outcome, Stage
from esp.delivery.smtp.introduction import Awaited, Introduction, Terms
from esp.delivery.smtp.replies import Reply, ReplyReader, classify
from esp.errors import N_

_STAGES: dict[Awaited, Stage] = {
    "greeting": "greeting", "ehlo": "ehlo", "helo": "ehlo", "starttls": "tls", "auth": "auth",
    "mail": "mail", "rcpt": "rcpt", "data": "data", "dot": "dot", "lone dot": "mail",
    "rset": "mail", "quit": "mail",
}  # fmt: skip

_GROUP: Final[tuple[Awaited, ...]] = ("mail", "rcpt", "data")
# So many envelopes in a row may be refused without asking the server before the loop goes on.
_LOCAL_REFUSALS = 64
CLOSED = N_("The connection was closed.")
_UNEXPECTED = N_("The server sent a reply that does not fit.")


class Session(Introduction):
    """Speaks SMTP without a socket.

    `take` gives the next envelope right before it begins, or None. `settle` is called as soon as
    an envelope's fate is read, before the final dot of the next one is in `out`. Each envelope
    taken is settled exactly once. The owner writes `out` (and clears it) after every call.

    With PIPELINING the commands of the next message follow the final dot of this one, so at most
    one message waits for its final reply.
    """

    __slots__ = (
        "_mail_refused", "_next", "_rcpt", "_reader", "_reset", "_sending", "_settle", "_take",
        "_unsent", "after_dot", "begun", "productive", "ready",
    )  # fmt: skip

    def __init__(
        self,
        terms: Terms,
        take: Callable[[], Envelope | None],
        settle: Callable[[Envelope, Outcome], None],
        secure: bool = False,
    ) -> None:
        super().__init__(terms, secure)
        self.ready = False
        self.productive = False  # whether the server has said something about a single envelope
        self.begun = 0
        self.after_dot = 0  # octets put into `out` after the last final dot
        self._take = take
        self._settle = settle
        self._reader = ReplyReader()
        self._sending: Envelope | None = None  # its dot is written, its reply unread
        self._next: Envelope | None = None  # begun, its dot not written
        self._rcpt = b""
        self._reset = False
        self._mail_refused = False
        self._unsent = 0

    @property
    def awaited(self) -> Awaited | None:
        """The reply that is due next."""
        return self._due[0] if self._due else None

    @property
    def idle(self) -> bool:
        """Whether an envelope could begin now."""
        return self.ready and not self._due and not self.closed

    @property
    def open(self) -> int:
        """How many envelopes are taken and not settled."""
        return (self._sending is not None) + (self._next is not None)

    def receive(self, data: bytes, unsent: int = 0) -> int:
        """Go on with what the server sent; `unsent` octets written earlier have not left yet.

        Returns how many replies were completed.
        """
        self._unsent = unsent
        due = self._due
        replies = self._reader.feed(data)
        # Whatever exceeds this answers a command that has not even been written.
        allowed = len(due)
        for reply in replies:
            if self.closed:
                break
            if not allowed or self.wants_tls:
                text = classify(reply, "mail").text if reply.code == 421 else _UNEXPECTED
                self._end(reply.code, text)
                break
            allowed -= 1
            awaited = due.popleft()
            if reply.code == 421:
                self._hang_up(awaited, reply)
            else:
                _HANDLERS[awaited](self, reply)
        if self._reader.broken:
            self._end(0, self._reader.broken)
        elif self.wants_tls and self._reader.pending:
            # Whoever writes into the clear part must not be read as part of the secure one.
            self._end(0, _UNEXPECTED)
        return len(replies)

    def lost(self, text: str = CLOSED, unsent: int = 0) -> None:
        """The connection is gone, or the owner gives it up."""
        self._unsent = unsent
        self._end(0, text)

    def begin(self) -> bool:
        """Take an envelope and begin it; False if there is none or this connection is used up."""
        for _ in range(_LOCAL_REFUSALS):
            if self.begun >= self.terms.max_messages:
                return False
            envelope = self._take()
            if envelope is None:
                return False
            refusal = commands.refuse_locally(envelope, self.can)
            if refusal is None:
                break
            self._settle(envelope, refusal)
        else:
            return False
        self.begun += 1
        self._next = envelope
        self._mail_refused = False
        mail, self._rcpt = commands.mail_and_rcpt(envelope, self.can, self.terms.dsn)
        if not self.can.pipelining:
            self._write(mail, "mail")
            return True
        if self._reset:
            self._reset = False
            self._write(b"RSET\r\n", "rset")
        self.out.append(mail + self._rcpt + b"DATA\r\n")
        self._due.extend(_GROUP)
        return True

    def quit(self) -> None:
        """Say good-bye; only where nothing is due."""
        self._write(b"QUIT\r\n", "quit")

    def _begin_work(self) -> None:
        self.ready = True
        self._auth = []
        self._rest()

    # -- envelopes ----------------------------------------------------------------------------

    def _rest(self) -> None:
        """Nothing is due: clean up, go on with the next envelope, or leave."""
        if self._reset and not self.can.pipelining:
            self._reset = False
            self._write(b"RSET\r\n", "rset")
        elif not self.begin() and self.begun >= self.terms.max_messages:
            self.quit()

    def _tell(self, envelope: Envelope, outcome: Outcome) -> None:
        self.productive = self.productive or outcome.code not in (0, 421)
        self._settle(envelope, outcome)

    def _refuse(self, reply: Reply, stage: Stage) -> None:
        envelope, self._next = self._next, None
        if envelope is not None:
            self._tell(envelope, classify(reply, stage))

    def _on_mail(self, reply: Reply) -> None:
        first = reply.code // 100
        if first == 2:
            if not self.can.pipelining:
                self._write(self._rcpt, "rcpt")
        elif first == 3:
            self._end(reply.code, _UNEXPECTED)
        else:
            self._mail_refused = True
            self._refuse(reply, "mail")
            if not self._due:
                self._rest()

    def _on_rcpt(self, reply: Reply) -> None:
        first = reply.code // 100
        if first == 2:
            if not self.can.pipelining:
                self._write(b"DATA\r\n", "data")
        elif first == 3:
            self._end(reply.code, _UNEXPECTED)
        else:
            self._reset = True
            self._refuse(reply, "rcpt")
            if not self._due:
                self._rest()

    def _on_data(self, reply: Reply) -> None:
        first = reply.code // 100
        if first == 2 or (first == 3 and self._mail_refused):
            # In the second case a recipient may stand without a sender: send no dot at all.
            self._end(reply.code, _UNEXPECTED)
        elif first == 3:
            self._send_body()
        else:
            self._reset = True
            self._refuse(reply, "data")
            self._rest()

    def _send_body(self) -> None:
        envelope, self._next = self._next, None
        self._reset = False
        if envelope is None:
            # RFC 2920 §3.1: DATA was accepted although the recipient was not: an empty message.
            self._write(b".\r\n", "lone dot")
        else:
            self._sending = envelope
            self.out.append(commands.body(envelope))
            self._write(b".\r\n", "dot")
        if self.can.pipelining:
            written = len(self.out)
            self.begin()
            self.after_dot = sum([len(octets) for octets in self.out[written:]])
        else:
            self.after_dot = 0

    def _on_dot(self, reply: Reply) -> None:
        envelope = self._sending
        assert envelope is not None, "a dot is due only while its envelope is open"  # noqa: S101 - a broken invariant must not pass as an answer
        first = reply.code // 100
        early = self._unsent > self.after_dot
        if first == 3 or (first == 2 and early):
            self._end(reply.code, _UNEXPECTED)
            return
        self._sending = None
        self._tell(envelope, classify(reply, "dot"))
        if early:
            self._end(reply.code, _UNEXPECTED)
        elif not self._due:
            self._rest()

    def _on_lone_dot(self, _reply: Reply) -> None:
        if not self._due:
            self._rest()

    def _on_rset(self, reply: Reply) -> None:
        if reply.code // 100 == 2:
            self._on_lone_dot(reply)
        else:
            self._end(reply.code, _UNEXPECTED)

    def _on_quit(self, _reply: Reply) -> None:
        self.closed = True

    # -- the end ------------------------------------------------------------------------------

    def _hang_up(self, awaited: Awaited, reply: Reply) -> None:
        """421 (THR-06): the reply counts for what it answers, all the rest was never sent."""
        outcome = classify(reply, _STAGES[awaited])
        if awaited == "dot" and self._sending is not None:
            envelope, self._sending = self._sending, None
            self._tell(envelope, outcome)
        self._due.appendleft(awaited)
        self._end(421, outcome.text, outcome.enhanced)

    def _end(self, code: int, text: str, enhanced: str = "4.4.2") -> None:
        """Settle what is open and close."""
        if self.closed:
            return
        self.closed = True
        code = code if code // 100 == 4 else 0
        stage = _STAGES[self._due[0]] if self._due else "mail"
        unsent = self._unsent + sum(map(len, self.out))
        self.out.clear()
        if self._sending is not None:
            envelope, self._sending = self._sending, None
            where: Stage = "data" if unsent > self.after_dot else "lost"
            self._tell(envelope, Outcome("deferred", 0, enhanced, text, where))
        if self._next is not None:
            envelope, self._next = self._next, None
            if stage not in _GROUP:
                stage = "mail"
            self._tell(envelope, Outcome("deferred", code, enhanced, text, stage))
        if not self.ready:
            self.failure = Outcome("deferred", code, enhanced, text, stage)


_HANDLERS: Final[dict[Awaited, Callable[[Session, Reply], None]]] = {
    "greeting": Session._on_greeting,
    "ehlo": Session._on_ehlo,
    "helo": Session._on_helo,
    "starttls": Session._on_starttls,
    "auth": Session._on_auth,
    "mail": Session._on_mail,
    "rcpt": Session._on_rcpt,
    "data": Session._on_data,
    "dot": Session._on_dot,
    "lone dot": Session._on_lone_dot,
    "rset": Session._on_rset,
    "quit": Session._on_quit,
}
