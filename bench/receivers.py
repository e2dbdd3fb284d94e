"""The receivers of the sending bench, and smtp-source, the measure of what they take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import tools
from bench.tls_sink import make_certificate

START_SECONDS = 20.0


@dataclass(frozen=True)
class Receiver:
    """Where mail goes; `record` is the file of what it took, None when it keeps none."""

    port: int
    process: subprocess.Popen[bytes]
    record: Path | None

    def cpu(self) -> float:
        """Seconds it has worked."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def mark(self) -> int:
        """Where the record ends now."""
        return self.record.stat().st_size if self.record else 0

    def taken_since(self, mark: int) -> list[Taken]:
        """The messages behind a mark, in order."""
        if self.record is None:
            return []
        with self.record.open("rb") as file:
            file.seek(mark)
            return [_read(line) for line in file]


@dataclass(frozen=True, slots=True)
class Taken:
    """One message in the record; `size` in octets, `at` and `began` in seconds of time.time.

    `began` is when its MAIL was heard, `at` when its last octet was.
    """

    at: float
    rcpt: str
    message_id: str
    size: int
    began: float


def _read(line: bytes) -> Taken:
    at, _connection, _sender, rcpt, message_id, size, began, _digest = line.decode().split("\t")
    return Taken(float(at), rcpt, message_id, int(size), float(began))


@contextmanager
def our_sink(host: str = "127.0.0.1", delay: float = 0.0) -> Iterator[Receiver]:
    """bench/sink.py in a process of its own; each final reply comes `delay` seconds late."""
    with tempfile.TemporaryDirectory(prefix="esp-sink-") as folder:
        record = Path(folder) / "record"
        record.touch()
        command = [sys.executable, "-m", "bench.sink", "--host", host, "--record", str(record)]
        command += ["--delay", str(delay)]
        with _running(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield Receiver(int(process.stdout.readline()), process, record)


@contextmanager
def tls_sink() -> Iterator[tuple[Receiver, Path]]:
    """bench/tls_sink.py, and the certificate of the authority that its own is from."""
    with tempfile.TemporaryDirectory(prefix="esp-sink-") as folder:
        record = Path(folder) / "record"
        record.touch()
        certificate, key = make_certificate(Path(folder))
        command = [sys.executable, "-m", "bench.tls_sink", "--record", str(record)]
        command += ["--certificate", str(certificate), "--key", str(key)]
        with _running(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield Receiver(int(process.stdout.readline()), process, record), certificate


@contextmanager
def smtp_sink() -> Iterator[Receiver]:
    """Postfix's; ToolMissingError when it is not installed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    # It refuses to run as root.
    user = [] if os.geteuid() else ["-u", "nobody"]
    command = [tools.find("smtp-sink"), *user, f"127.0.0.1:{port}", "1024"]
    with _running(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("smtp-sink does not listen")
            time.sleep(0.05)
        yield Receiver(port, process, None)


@contextmanager
def _running(command: Sequence[str], stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=stdout, cwd=Path(__file__).parents[1])
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Pushed:
    """What smtp-source did: messages a second, and its CPU seconds per message."""

    rate: float
    cpu: float


def smtp_source(port: int, messages: int, sessions: int, size: int) -> Pushed:
    """Send `messages` of `size` octets of payload over kept connections."""
    command = [tools.find("smtp-source"), "-d", "-s", str(sessions), "-m", str(messages)]
    command += ["-l", str(size), "-f", "news@example.com", "-t", "person@example.net"]
    begun = time.perf_counter()
    process = subprocess.Popen([*command, f"127.0.0.1:{port}"])
    _pid, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError("smtp-source failed")
    return Pushed(messages / taken, (used.ru_utime + used.ru_stime) / messages)
