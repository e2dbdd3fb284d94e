"""Each part of the product as a process, by its real entry point, without a supervisor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from esp import lifeline
from esp.config import Settings, variable
from esp.entrypoints.run import ports
from esp.entrypoints.run.child import WARNING
from tests.flows.processes import wait_until

WORDS = {
    "web": ("web",),
    "worker": ("worker",),
    "sending": ("worker", "--sending"),
    "ticker": ("ticker",),
    "inbound": ("inbound",),
}


class Parts:
    """One process of each part; what they say goes to files in `folder`."""

    def __init__(self, settings: Settings, folder: Path, line: Path) -> None:
        self.settings = settings
        self._folder = folder
        self._line = line
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "esp.entrypoints.cli", *WORDS[name]],
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str, port: int) -> int:
        """Kill the part with all it started; connections to `port` that were open."""
        root = psutil.Process(self._running[name].pid)
        tree = [root, *root.children(recursive=True)]
        for one in tree:
            one.send_signal(signal.SIGSTOP)
        connections = [each for one in tree for each in one.net_connections("tcp")]
        for one in tree:
            one.kill()
        self._running.pop(name).wait()
        psutil.wait_procs(tree, 10)
        return sum(bool(each.raddr) and each.raddr.port == port for each in connections)

    def run(self, *words: str) -> str:
        """What a command of the product prints."""
        command = [sys.executable, "-m", "esp.entrypoints.cli", *words]
        return subprocess.run(
            command, env=self._environment(), stdout=subprocess.PIPE, check=True, text=True
        ).stdout

    def complaints(self) -> list[str]:
        """Lines of the logs that a person would have to look at."""
        return [
            f"{log.stem} | {line.decode(errors='replace')}"
            for log in sorted(self._folder.glob("*.log"))
            for line in log.read_bytes().splitlines()
            if WARNING.search(line)
        ]

    def wait_until_ready(self) -> None:
        binds = (self.settings.bind, self.settings.inbound_bind)
        wait_until(lambda: all(_listens(bind) for bind in binds), self.complaints, 180)

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(20)

    def _environment(self) -> Mapping[str, str]:
        given = {
            variable(name): str(getattr(self.settings, name))
            for name in self.settings.model_fields_set - {"database_owner_url"}
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ESP_")}
        return kept | given | {lifeline.VARIABLE: str(self._line)}


@contextmanager
def parts(settings: Settings, folder: Path, line: Path, **more: str) -> Iterator[Parts]:
    """All parts on free addresses; `line` is the lifeline that they end with."""
    bind = ports.any_free()
    addresses = {"bind": bind, "base_url": f"http://{bind}", "inbound_bind": ports.any_free()}
    folder.mkdir()
    lifeline.gate(line).touch()  # the servers are up
    started = Parts(settings.model_copy(update=addresses | more), folder, line)
    try:
        for name in WORDS:
            started.start(name)
        started.wait_until_ready()
        yield started
    finally:
        started.stop()


def _listens(bind: str) -> bool:
    try:
        socket.create_connection(ports.split(bind), 1).close()
    except OSError:
        return False
    return True
