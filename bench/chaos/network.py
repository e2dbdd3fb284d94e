"""Network namespaces as machines of their own, with a cable that can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field


@dataclass
class Network:
    """A switch that stands at `address`, and the machines plugged into it."""

    address: str
    switch: str
    stack: ExitStack
    cables: dict[str, str] = field(default_factory=dict)

    def attach(self, name: str) -> list[str]:
        """Plug in a machine; the words that run a command on it."""
        number = len(self.cables) + 2
        cable, inside = f"{self.switch}x{number}", f"{self.switch}y{number}"
        space = f"{self.switch}-{number}"
        _ip("netns", "add", space)
        self.stack.callback(_ip, "netns", "del", space)
        _ip("link", "add", cable, "type", "veth", "peer", "name", inside, "netns", space)
        # A connection that is still saying good-bye would keep the namespace, and this with it.
        self.stack.callback(_ip, "link", "del", cable)
        _ip("link", "set", cable, "master", self.switch, "up")
        own = f"{self.address.rpartition('.')[0]}.{number}/24"
        _ip("-n", space, "addr", "add", own, "dev", inside)
        for device in (inside, "lo"):
            _ip("-n", space, "link", "set", device, "up")
        self.cables[name] = cable
        return ["ip", "netns", "exec", space]

    def pull(self, name: str) -> None:
        """Whatever the machine says reaches nobody any more, and nobody is told."""
        _ip("link", "set", self.cables[name], "down")

    def plug(self, name: str) -> None:
        _ip("link", "set", self.cables[name], "up")


@contextmanager
def network() -> Iterator[Network | None]:
    """None where we may not make one."""
    pid = os.getpid()
    switch = f"esp{pid % 100_000}"
    address = f"10.{200 + pid % 50}.{pid // 50 % 250}.1"
    with ExitStack() as stack:
        try:
            _ip("link", "add", switch, "type", "bridge")
        except (OSError, subprocess.CalledProcessError):
            yield None
            return
        stack.callback(_ip, "link", "del", switch)
        _ip("addr", "add", f"{address}/24", "dev", switch)
        _ip("link", "set", switch, "up")
        yield Network(address, switch, stack)


def _ip(*words: str) -> None:
    """OSError or CalledProcessError when it may not be."""
    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise FileNotFoundError("ip")
    subprocess.run([program, *words], check=True, capture_output=True)
