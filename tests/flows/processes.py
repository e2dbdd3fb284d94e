"""The processes of one data folder, as the operating system sees them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

DEADLINE_SECONDS = 90.0


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that names `folder` in its command or environment, or works in it."""
    return [process for process in psutil.process_iter() if _belongs(process, str(folder))]


def wait_until_gone(folder: Path, known: Iterable[psutil.Process] = ()) -> None:
    """Wait until no process of `folder` is left, and none of `known`."""
    wait_until(
        lambda: not processes_of(folder) and not any(_lives(process) for process in known),
        lambda: [*processes_of(folder), *(process for process in known if _lives(process))],
    )


def wait_until(
    true: Callable[[], bool],
    shown: Callable[[], object] = lambda: "",
    seconds: float = DEADLINE_SECONDS,
) -> None:
    """Wait until `true`; fail with what `shown` says."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, shown()
        time.sleep(0.1)


def _belongs(process: psutil.Process, folder: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        words = [*process.cmdline(), process.cwd(), *process.environ().values()]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return any(folder in word for word in words)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
