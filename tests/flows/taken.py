"""The recording sink as a process of its own, and what it has taken so far."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.conversation import Received


class Taken:
    """What the sink at `port` has written down; `messages` are those read so far."""

    def __init__(self, port: int, kept: Path) -> None:
        self.port = port
        self.messages: list[Received] = []
        self._file = kept.open("rb")
        self._torn = b""

    def look(self) -> int:
        """Read what is new; how many messages there are."""
        *lines, self._torn = (self._torn + self._file.read()).split(b"\n")
        for line in lines:
            row = json.loads(line)
            row |= {"rcpt": tuple(row["rcpt"]), "data": row["data"].encode("latin-1")}
            self.messages.append(Received(**row))
        return len(self.messages)

    def close(self) -> None:
        self._file.close()


@contextmanager
def sink(folder: Path, *, delay: float = 0.0, fail: str = "") -> Iterator[Taken]:
    """Takes everything but what `fail` matches, `delay` seconds a message on each connection."""
    kept = folder / "taken.jsonl"
    kept.touch()
    command = [sys.executable, "-m", "bench.sink", "--keep", str(kept), "--delay", str(delay)]
    process = subprocess.Popen([*command, "--fail", fail], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as said:
        taken = Taken(int(said.readline()), kept)
    try:
        yield taken
    finally:
        process.terminate()
        process.wait(10)
        taken.close()
