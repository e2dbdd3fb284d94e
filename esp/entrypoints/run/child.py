"""One part of the product under the supervisor: started, logged, started again, stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
# A child that ran this long has recovered: its next delay is short again.
RECOVERED_SECONDS = 30.0
LOG_BYTES = 10_000_000
WARNING = re.compile(rb"\b(warning|error|critical|traceback)\b", re.IGNORECASE)


@dataclass
class Child:
    """A process that is started again whenever it ends, until it is told to stop."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    # The supervisor's lock: free when the last process of this installation is gone.
    lock: int
    tell: Callable[[str], None]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started: float = 0.0
    next_start: float = field(default=0.0)

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C in the terminal reaches the supervisor alone."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(self.lock,),
        )
        pump = threading.Thread(target=self._pump, args=(self.process.stdout,), daemon=True)
        pump.start()

    def keep(self, now: float) -> None:
        """Start it again if it has ended and its delay is over."""
        if self.process is not None and self.process.poll() is not None:
            status = self.process.returncode
            self._signal_group(signal.SIGTERM)
            self.process = None
            self.failures = 0 if now - self.started > RECOVERED_SECONDS else self.failures
            delay = min(FIRST_DELAY * 2**self.failures, LONGEST_DELAY)
            self.failures += 1
            self.next_start = now + delay
            self.tell(f"{self.name} ended ({_named(status)}); starting it again in {delay:g} s")
        if self.process is None and now >= self.next_start:
            self.start()

    def ask_to_stop(self) -> None:
        """Tell it to stop, and do not wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait_stopped(self, seconds: float) -> None:
        """Wait for its end, and end it with all it started when it takes longer."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(seconds, 0.0))
        self._signal_group(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def _signal_group(self, number: signal.Signals) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def _pump(self, output: IO[bytes]) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        prefix = self.name.encode() + b" | "
        traced = False
        with output, self.log.open("ab", buffering=0) as file:
            for line in output:
                # A full disk must not end this: the child would block on its own words.
                with suppress(OSError):
                    file.write(prefix + line)
                # A traceback ends with what went wrong, in the first line that is not indented.
                ends_trace = traced and not line[:1].isspace()
                if ends_trace or WARNING.search(line[:120]):
                    self.tell((prefix + line).decode(errors="replace").rstrip())
                traced = line.startswith(b"Traceback") or (traced and not ends_trace)


def _named(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"
