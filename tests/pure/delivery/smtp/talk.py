"""A session with numbered envelopes, spoken to by hand."""

from esp.delivery.smtp.envelope import Envelope, Outcome
from esp.delivery.smtp.introduction import Terms
from esp.delivery.smtp.protocol import Session

PIPELINING = b"250-hi\r\n250 PIPELINING\r\n"
GROUP = b"MAIL FROM:<a@x.org>\r\nRCPT TO:<%d@y.org>\r\nDATA\r\n"
BODY = b"message %d\r\n"
OK3 = b"250 ok\r\n250 ok\r\n354 go\r\n"


class Talk:
    """A session with numbered envelopes; each line of a script is (server says, client answers)."""

    def __init__(
        self,
        count: int = 1,
        terms: Terms | None = None,
        secure: bool = False,
    ) -> None:
        self.waiting = [Envelope(n, "a@x.org", f"{n}@y.org", BODY % n) for n in range(1, count + 1)]
        self.taken: list[object] = []
        self.settled: dict[object, Outcome] = {}
        self.session = Session(
            terms or Terms("me.example"), self._take, self._settle, secure=secure
        )

    def _take(self) -> Envelope | None:
        if not self.waiting:
            return None
        envelope = self.waiting.pop(0)
        self.taken.append(envelope.key)
        return envelope

    def _settle(self, envelope: Envelope, outcome: Outcome) -> None:
        assert envelope.key not in self.settled, "settled twice"
        self.settled[envelope.key] = outcome

    def hear(self, octets: bytes, unsent: int = 0) -> bytes:
        self.session.receive(octets, unsent)
        return self.said()

    def said(self) -> bytes:
        said = b"".join(self.session.out)
        self.session.out.clear()
        return said

    def play(self, *script: tuple[bytes, bytes]) -> "Talk":
        for heard, answer in script:
            assert self.hear(heard) == answer
        return self

    def ready(self, ehlo: bytes = PIPELINING) -> bytes:
        self.play((b"220 hi\r\n", b"EHLO me.example\r\n"))
        return self.hear(ehlo)

    def fates(self) -> dict[object, tuple[str, int, str]]:
        return {key: (one.kind, one.code, one.stage) for key, one in self.settled.items()}
