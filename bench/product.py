"""Our own processes, started by their real entry points, and the CPU that they and theirs use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.servers import Servers

PARTS = {
    "sending": ("worker", "--sending"),
    "worker": ("worker",),
    "ticker": ("ticker",),
}


@dataclass(frozen=True)
class Product:
    """The roots of the process trees by name, the servers' included."""

    pids: dict[str, int]

    def cpu(self) -> dict[str, float]:
        """Seconds that each tree has worked so far, children that have ended included."""
        return {name: _tree_cpu(pid) for name, pid in self.pids.items()}

    def sending_memory(self) -> int:
        """Octets that the largest process of the sending worker has in memory."""
        return max(int(one.memory_info().rss) for one in _tree(self.pids["sending"]))


@contextmanager
def product(
    servers: Servers, variables: Mapping[str, str] | None = None, **settings: object
) -> Iterator[Product]:
    """The workers and the ticker on `servers`, with further settings by their field's name.

    `variables` are those of others in the environment.
    """
    environment = servers.environment(**settings) | dict(variables or {})
    log = servers.settings.data_dir / "product.log"
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with log.open("ab") as output:
            for name, words in PARTS.items():
                command = [sys.executable, "-m", "esp.entrypoints.cli", *words]
                started[name] = subprocess.Popen(
                    command, env=environment, stdout=output, stderr=subprocess.STDOUT
                )
        yield Product({name: one.pid for name, one in started.items()} | servers.pids)
    except BaseException:
        print(log.read_text(errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        for one in started.values():
            one.terminate()
        for one in started.values():
            _wait(one)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        for one in _tree(process.pid):
            one.kill()
        process.wait()


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _tree_cpu(pid: int) -> float:
    return sum(_cpu(_tree(pid)))


def _cpu(processes: Iterable[psutil.Process]) -> Iterator[float]:
    for one in processes:
        try:
            yield float(sum(one.cpu_times()[:4]))
        except psutil.NoSuchProcess:
            continue  # its parent has its time by now
