"""A machine with the whole product under its own supervisor, and how its parts are killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from esp.config import variable
from esp.entrypoints.run import berth, ports

ROOT = Path(__file__).parents[2]
_START_SECONDS = 120.0
_MEGABYTE = 1 << 20


class Host:
    """`esp run` with a data folder of its own, on servers and a receiver that others share.

    `prefix` are words before the command, such as those that enter a network of its own.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, object], prefix: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.bind = ports.any_free()
        self._prefix = prefix
        self._given = {
            "data_dir": folder,
            "bind": self.bind,
            "inbound_bind": ports.any_free(),
            "mailbox_bind": ports.any_free(),
            "web_workers": 1,
            "demo": False,
            **settings,
        }
        folder.mkdir()
        # A file system of its own can be full without anybody else noticing.
        self.mounted = os.geteuid() == 0 and _mounts(folder)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Switch it on, and wait until its parts are there."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ESP_")}
        ours = {variable(name): str(value) for name, value in self._given.items()}
        said = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        with said:
            self.process = subprocess.Popen(
                [
                    *self._prefix,
                    sys.executable,
                    "-m",
                    "esp.entrypoints.cli",
                    "run",
                    "--with-parent",
                ],
                env=kept | ours | {"PYTHONPATH": str(ROOT)},
                stdout=said,
                stderr=said,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not (self._works("sending") and self._works("worker")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"a host did not start:\n{self.told()[-3000:]}")
            time.sleep(0.05)

    def _works(self, name: str) -> bool:
        log = self.folder / "log" / f"{name}.log"
        return log.exists() and "ready for action" in log.read_text(errors="replace")

    def told(self) -> str:
        """What its supervisor has said."""
        return (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")

    @property
    def journals(self) -> Path:
        return self.folder / "journals"

    # -- its processes ------------------------------------------------------------------------

    def part(self, name: str) -> list[psutil.Process]:
        """The processes of a part, the first first; empty when it does not run."""
        words = ["worker", "--sending"] if name == "sending" else [name]
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            try:
                if child.cmdline()[-len(words) - 1 :] == ["esp.entrypoints.cli", *words]:
                    return [child, *child.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return []

    def kill(self, *names: str) -> None:
        """Kill whole parts with SIGKILL; the supervisor starts them again."""
        for one in [one for name in names for one in self.part(name)]:
            _signal(one, signal.SIGKILL)

    def kill_sending(self, chance: random.Random, port: int) -> int:
        """Kill one or all sending processes; how many connections to `port` they had open."""
        tree = self.freeze()
        connected = {one: connections(one, port) for one in tree}
        senders = [one for one, number in connected.items() if number]
        victims = tree
        if len(senders) > 1 and chance.random() < 0.5:
            victims = [chance.choice(senders)]
        for one in victims:
            _signal(one, signal.SIGKILL)
        self.thaw(tree)
        return sum(connected[one] for one in victims)

    def freeze(self) -> list[psutil.Process]:
        """Stop the sending processes where they are."""
        tree = self.part("sending")
        for one in tree:
            _signal(one, signal.SIGSTOP)
        return tree

    def thaw(self, tree: Sequence[psutil.Process]) -> None:
        for one in tree:
            _signal(one, signal.SIGCONT)

    # -- its disk -----------------------------------------------------------------------------

    def fill_disk(self, spare: int) -> None:
        """Leave about `spare` octets for its journals."""
        if self.mounted:
            used = shutil.disk_usage(self.folder).used
            _remount(self.folder, used + spare)
        else:
            self._limit(spare)

    def empty_disk(self) -> None:
        """There is room again."""
        if self.mounted:
            _remount(self.folder, 256 * _MEGABYTE)
        else:
            self._limit(None)

    def _limit(self, spare: int | None) -> None:
        import resource

        largest = max((path.stat().st_size for path in self.journals.glob("send-*")), default=0)
        limit = resource.RLIM_INFINITY if spare is None else largest + spare
        for one in self.part("sending"):
            resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    # -- its end ------------------------------------------------------------------------------

    def lose(self) -> None:
        """Kill everything that runs on it at once."""
        assert self.process is not None
        root = psutil.Process(self.process.pid)
        tree = [root, *root.children(recursive=True)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for one in tree:
                _signal(one, number)
        self.process.wait()
        psutil.wait_procs(tree, 10)

    def close(self) -> None:
        """Switch it off in order and forget its disk."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.lose()
        berth.remove_sockets(self.folder)
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def connections(process: psutil.Process, port: int) -> int:
    """How many connections to `port` a process has, in whatever network it lives."""
    place = Path(f"/proc/{process.pid}")
    try:
        ends = {_target(one) for one in (place / "fd").iterdir()}
        lines = (place / "net" / "tcp").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    rows = [line.split() for line in lines]
    return sum(row[2].endswith(f":{port:04X}") and f"socket:[{row[9]}]" in ends for row in rows)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """TimeoutError with `what` if it does not become true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _mounts(folder: Path) -> bool:
    """Whether we may mount file systems; then the folder is one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _remount(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)
