"""One `esp run` of a test: a folder and addresses of its own, and nothing left of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError

import psutil

from esp.entrypoints.run import berth, ports
from tests.flows.processes import wait_until, wait_until_gone

PARTS = {
    ("web",),
    ("worker",),
    ("worker", "--sending"),
    ("ticker",),
    ("inbound",),
    ("mailbox",),
}


class Run:
    """One `esp run` with a data folder and addresses of its own."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.bind = ports.any_free()
        given = {
            "ESP_DATA_DIR": str(data_dir),
            "ESP_BIND": self.bind,
            "ESP_INBOUND_BIND": ports.any_free(),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **settings,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ESP_")}
        self.output = data_dir.with_suffix(".output")
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                # A test that fails before it stops this must leave nothing behind either.
                [sys.executable, "-m", "esp.entrypoints.cli", "run", "--with-parent"],
                env=kept | given,
                stdout=output,
                stderr=output,
            )

    def told(self) -> str:
        return self.output.read_text()

    def wait_until_ready(self) -> None:
        wait_until(self._announced_or_ended, self.told)
        assert self.process.poll() is None, self.told()
        wait_until(lambda: set(self.parts()) >= PARTS, self.told)

    def _announced_or_ended(self) -> bool:
        return "Ctrl-C" in self.told() or self.process.poll() is not None

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def parts(self) -> dict[tuple[str, ...], psutil.Process]:
        """The direct children that are parts of the product, by the words of their command."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                words = child.cmdline()
            except psutil.NoSuchProcess:
                continue
            if "esp.entrypoints.cli" in words:
                found[tuple(words[words.index("esp.entrypoints.cli") + 1 :])] = child
        return found

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.bind}/", timeout=5):
                return True
        except HTTPError as error:
            with error:
                return error.code < 500
        except (URLError, OSError):
            return False


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Run]:
    run = Run(data_dir, **settings)
    try:
        run.wait_until_ready()
        yield run
    finally:
        run.process.kill()
        run.process.wait()
        wait_until_gone(data_dir)


@contextmanager
def folder() -> Iterator[Path]:
    data_dir = Path(tempfile.mkdtemp(prefix="esp-run-"))
    data_dir.chmod(0o711)
    try:
        yield data_dir
    finally:
        berth.remove_sockets(data_dir)
        shutil.rmtree(data_dir)
        data_dir.with_suffix(".output").unlink()
