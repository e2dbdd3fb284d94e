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
from pathlib import Path

VARIABLE = "ESP_LIFELINE"
GRACE_SECONDS = 4.0

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


def watch(path: str | Path) -> None:
    """Have a thread end this process when the line at `path` breaks; again after each fork."""
    global _watched_by
    if _watched_by == os.getpid():
        return
    _watched_by = os.getpid()
    try:
        reader = grasp(path)
    except FileNotFoundError:
        _end()
        return
    threading.Thread(target=_wait, args=(reader,), name="lifeline", daemon=True).start()


def watch_inherited() -> None:
    """`watch` the line that `ESP_LIFELINE` names, where there is one."""
    path = os.environ.get(VARIABLE)
    if path:
        watch(path)


def _wait(reader: int) -> None:
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    while not broken(reader):
        poll.poll(1000)
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
