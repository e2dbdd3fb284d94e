"""Ends this process when the supervisor that started it is gone, however it went.

The supervisor holds the writing end of a FIFO and never writes. Every process it started, and
every process these start, opens the reading end by its path and stops at the end of the file.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

VARIABLE = "ESP_LIFELINE"
PARENT_VARIABLE = "ESP_PARENT"
GRACE_SECONDS = 4.0
GATE_SECONDS = 120.0
GATE_TELL_SECONDS = 3.0

_watched_by = 0


def hold(path: Path) -> int:
    """Make the FIFO at `path` anew and return its writing end: the line breaks when it closes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    os.close(reader)
    return writer


def grasp(path: str | Path) -> int:
    """The reading end of the FIFO at `path`."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def broken(reader: int) -> bool:
    """Whether nobody holds the writing end any more."""
    try:
        return os.read(reader, 1) == b""
    except BlockingIOError:
        return False


def holds(path: Path) -> bool:
    """Whether somebody holds the line at `path`."""
    try:
        reader = grasp(path)
    except FileNotFoundError:
        return False
    try:
        return not broken(reader)
    finally:
        os.close(reader)


def watch(path: str | Path | None, parent: int | None = None) -> None:
    """Have a thread end this process when the line at `path` breaks or `parent` is gone.

    A fork ends the thread: the child calls this again.
    """
    global _watched_by
    if _watched_by == os.getpid() or not (path or parent):
        return
    _watched_by = os.getpid()
    thread = threading.Thread(target=_wait, args=(path, parent), name="lifeline", daemon=True)
    thread.start()


def lead() -> None:
    """Have the processes that this one makes end with it, once they call `watch_inherited`."""
    os.environ[PARENT_VARIABLE] = str(os.getpid())


def watch_inherited() -> None:
    """`watch` what `ESP_LIFELINE` names, and the process that called `lead`, where there is one."""
    parent = int(os.environ.get(PARENT_VARIABLE, "0"))
    watch(os.environ.get(VARIABLE), None if parent in (0, os.getpid()) else parent)


def gate(line: Path) -> Path:
    """The file beside the line that is there once the servers and their tables are ready."""
    return line.with_name("ready")


def wait_for_gate(
    tell: Callable[[str], None],
    *,
    tell_after: float = GATE_TELL_SECONDS,
    at_most: float = GATE_SECONDS,
) -> None:
    """Under a supervisor: wait for its servers. Imports take longer, so the web starts before.

    `tell` hears what is waited for when it takes long, and when the wait was in vain.
    """
    line = os.environ.get(VARIABLE)
    if not line:
        return
    began, told = time.monotonic(), False
    while not gate(Path(line)).exists():
        waited = time.monotonic() - began
        if waited > at_most:
            tell(f"Not waiting for the database's tables any longer: {at_most:.0f} s are over.")
            return
        if waited > tell_after and not told:
            tell("Waiting for `esp run` to start the database and to bring its tables up to date.")
            told = True
        time.sleep(0.02)


def _wait(path: str | Path | None, parent: int | None) -> None:
    poll = select.poll()
    reader = None
    try:
        if path:
            reader = grasp(path)
            poll.register(reader, select.POLLIN)
        while not (reader is not None and broken(reader)) and parent in (None, os.getppid()):
            poll.poll(500)
    except FileNotFoundError:
        pass
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
