"""Names to socket addresses without stopping the loop: a few short-lived threads ask."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from esp.delivery.smtp.envelope import Outcome
from esp.delivery.smtp.introduction import TlsMode
from esp.errors import N_

log = logging.getLogger(__name__)

# Thousands of lanes may begin at the same moment.
_THREADS = 32

# Whether a chain of certificates (DER, the server's own first) is the one that was promised.
Verify = Callable[[Sequence[bytes]], bool]


@dataclass(frozen=True, slots=True)
class Host:
    """A host to try. `addresses` are numeric; without them its name is looked up.

    `tls` None: as the lane says. `verify` (DANE) judges the certificates in place of the
    authorities, names and dates.
    """

    name: str
    port: int = 25
    addresses: Sequence[str] = ()
    tls: TlsMode | None = None
    verify: Verify | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Address:
    """One place to connect to; `host` is the name its certificate must bear."""

    host: str
    family: int
    sockaddr: tuple[str, int]
    tls: TlsMode | None = None
    verify: Verify | None = field(default=None, compare=False)


class NoHosts(Exception):
    """A domain that has no hosts: for good (`outcome.kind` "failed") or at present ("deferred")."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


Answer = list[Address] | Outcome
Done = Callable[[Answer], None]
# The hosts of a mail domain in the order to try them; raises NoHosts. Called in a thread.
ResolveMx = Callable[[str], Sequence[Host]]


def is_numeric(host: str) -> bool:
    """Whether no question needs to be asked."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def look_up(hosts: Sequence[Host]) -> Answer:
    """All addresses in the order of `hosts`; an outcome only if none of them has any."""
    found: list[Address] = []
    text = N_("No host is named.")
    for host in hosts:
        try:
            for name in host.addresses or (host.name,):
                rows = socket.getaddrinfo(name, host.port, type=socket.SOCK_STREAM)
                found += [
                    Address(
                        host.name, row[0], (str(row[4][0]), int(row[4][1])), host.tls, host.verify
                    )
                    for row in rows
                ]
        except UnicodeError:
            text = N_("The name of the host is not a name.")
        except OSError as problem:
            text = problem.strerror or str(problem)
    return found or Outcome("deferred", 0, "4.4.3", text, "connect")


class Resolver:
    """Answers come back on the loop's thread: when `fd` is readable, call `deliver`."""

    def __init__(self, resolve_mx: ResolveMx | None = None) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._resolve_mx = resolve_mx
        self._answers: deque[tuple[Done, Answer]] = deque()
        self._questions: deque[tuple[Callable[[], Answer], Done]] = deque()
        self._lock = threading.Lock()
        self._threads = 0
        self._closed = False

    def ask(self, hosts: Sequence[tuple[str, int]], done: Done) -> None:
        """Call `done` with the addresses, at once where all hosts are numeric."""
        wanted = [Host(name, port) for name, port in hosts]
        if all(is_numeric(host.name) for host in wanted):
            done(look_up(wanted))
        else:
            self._ask(lambda: look_up(wanted), done)

    def ask_mx(self, domain: str, done: Done) -> None:
        """Call `done` with the addresses that take mail for `domain`."""
        self._ask(lambda: self._look_up_mx(domain), done)

    def deliver(self) -> None:
        """Hand over what has been answered."""
        os.eventfd_read(self.fd)
        while self._answers:
            done, answer = self._answers.popleft()
            done(answer)

    def close(self) -> None:
        """Threads still waiting for an answer may go on; nobody hears them."""
        with self._lock:
            self._closed = True
            self._questions.clear()
            os.close(self.fd)

    def _look_up_mx(self, domain: str) -> Answer:
        if self._resolve_mx is None:
            raise LookupError("the loop was given no way to find the hosts of a domain")
        try:
            return look_up(self._resolve_mx(domain))
        except NoHosts as none:
            return none.outcome

    def _ask(self, question: Callable[[], Answer], done: Done) -> None:
        with self._lock:
            self._questions.append((question, done))
            if self._threads >= _THREADS:
                return
            self._threads += 1
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._closed or not self._questions:
                    self._threads -= 1
                    return
                question, done = self._questions.popleft()
            try:
                answer = question()
            except Exception:
                log.exception("A host could not be looked up")
                text = N_("The hosts of the domain could not be looked up.")
                answer = Outcome("deferred", 0, "4.4.3", text, "connect")
            with self._lock:
                if not self._closed:
                    self._answers.append((done, answer))
                    os.eventfd_write(self.fd, 1)
