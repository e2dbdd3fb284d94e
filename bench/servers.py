"""A fresh PostgreSQL and a fresh Valkey in a temporary folder, with the settings of production."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from esp import lifeline
from esp.config import Settings, variable
from esp.entrypoints.run import berth, embedded
from esp.entrypoints.run.migrate import upgrade
from esp.runtime import Runtime

VALKEY_PORT = 6379


@dataclass(frozen=True)
class Servers:
    """Running servers, migrated; both may be stopped and started again.

    `listen` is a numeric address of ours where other hosts reach them too, or empty.
    """

    settings: Settings
    runtime: Runtime
    running: dict[str, embedded.Running]
    listen: str

    @property
    def pids(self) -> dict[str, int]:
        """The roots of their process trees."""
        return {name: one.process.pid for name, one in self.running.items()}

    def environment(self, **changes: object) -> dict[str, str]:
        """What a part of the product needs to run here; it ends with this process."""
        values = self.settings.model_dump(
            include={"data_dir", "database_url", "database_owner_url", "redis_url", "secret_key"}
        )
        ours = {variable(name): str(value) for name, value in (values | changes).items()}
        theirs = {k: v for k, v in os.environ.items() if not k.startswith("ESP_")}
        return theirs | ours | {lifeline.VARIABLE: str(self.settings.data_dir / "run" / "lifeline")}

    def addresses(self) -> dict[str, str]:
        """The settings by which another host reaches them."""
        app, owner = (
            f"postgresql+psycopg://{role}@{self.listen}/esp" for role in ("esp_app", "esp_owner")
        )
        redis_url = f"redis://{self.listen}:{VALKEY_PORT}/0"
        return {"database_url": app, "database_owner_url": owner, "redis_url": redis_url}

    def end(self, name: str, number: signal.Signals) -> None:
        """Send the server itself a signal that ends it, and wait until it is gone."""
        tether = self.running[name].process
        for server in psutil.Process(tether.pid).children():
            server.send_signal(number)
        tether.wait(60)

    def start(self, name: str) -> None:
        """Start one that has ended."""
        folder = self.settings.data_dir
        self.running[name] = _start(name, folder, folder / "run" / "lifeline", self.listen)


@contextmanager
def servers(listen: str = "") -> Iterator[Servers]:
    """Start both, and leave nothing behind, also when this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="esp-bench-"))
    folder.chmod(0o711)  # PostgreSQL runs as nobody when the bench runs as root
    place = folder / "run" / "lifeline"
    line = lifeline.hold(place)
    running: dict[str, embedded.Running] = {}
    try:
        for name in ("postgres", "valkey"):
            running[name] = _start(name, folder, place, listen)
        if listen:
            _let_in(folder, listen)
        app, owner = embedded.database_urls(folder)
        upgrade(app, owner)
        lifeline.gate(place).touch()  # the servers are up
        settings = Settings(
            data_dir=folder,
            database_url=app,
            database_owner_url=owner,
            redis_url=embedded.redis_url(folder),
            secret_key="a key for benches that is long enough",
        )
        runtime = Runtime.from_settings(settings)
        yield Servers(settings, runtime, running, listen)
        runtime.close()
    finally:
        os.close(line)
        for one in running.values():
            one.process.wait()
        berth.remove_sockets(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _start(name: str, folder: Path, line: Path, listen: str) -> embedded.Running:
    if name == "postgres":
        return embedded.start_postgres(folder, line, {"listen_addresses": listen})
    words = ("--bind", listen, "--port", str(VALKEY_PORT), "--protected-mode", "no")
    return embedded.start_valkey(folder, line, *(words if listen else ()))


def _let_in(folder: Path, listen: str) -> None:
    """The hosts of the network of `listen`, without a password: nobody else is there."""
    with (folder / "postgres" / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {listen}/24 trust\n")
    with psycopg.connect(embedded.superuser(folder)) as connection:
        connection.execute("SELECT pg_reload_conf()")
