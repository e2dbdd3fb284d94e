"""Names to socket addresses without stopping the loop: one short-lived thread for each question."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """One place to connect to; `host` is the name its certificate must bear."""

    host: str
    family: int
    sockaddr: tuple[str, int]


Answer = list[Address] | OSError
Done = Callable[[Answer], None]


def is_numeric(host: str) -> bool:
    """Whether no question needs to be asked."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def look_up(hosts: Sequence[tuple[str, int]]) -> Answer:
    """All addresses in the order of `hosts`; an error only if none of them has any."""
    found: list[Address] = []
    error: OSError = OSError("no host is named")
    for host, port in hosts:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            error = OSError(f"{host!r} is not a name")
        except OSError as problem:
            error = problem
        else:
            found += [Address(host, row[0], (str(row[4][0]), int(row[4][1]))) for row in rows]
    return found or error


class Resolver:
    """Answers come back on the loop's thread: when `fd` is readable, call `deliver`."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._answers: deque[tuple[Done, Answer]] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, hosts: Sequence[tuple[str, int]], done: Done) -> None:
        """Call `done` with the addresses, at once where all hosts are numeric."""
        if all(is_numeric(host) for host, _ in hosts):
            done(look_up(hosts))
            return
        threading.Thread(target=self._work, args=(hosts, done), daemon=True).start()

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
            os.close(self.fd)

    def _work(self, hosts: Sequence[tuple[str, int]], done: Done) -> None:
        answer = look_up(hosts)
        with self._lock:
            if not self._closed:
                self._answers.append((done, answer))
                os.eventfd_write(self.fd, 1)
