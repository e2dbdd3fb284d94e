"""A fresh PostgreSQL and a fresh Valkey in a temporary folder, with the settings of production."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from esp import lifeline
from esp.config import Settings, variable
from esp.entrypoints.run import berth, embedded
from esp.entrypoints.run.migrate import upgrade
from esp.runtime import Runtime


@dataclass(frozen=True)
class Servers:
    """Running servers, migrated; `pids` are the roots of their process trees."""

    settings: Settings
    runtime: Runtime
    pids: dict[str, int]

    def environment(self, **changes: object) -> dict[str, str]:
        """What a part of the product needs to run here; it ends with this process."""
        values = self.settings.model_dump(
            include={"data_dir", "database_url", "database_owner_url", "redis_url", "secret_key"}
        )
        ours = {variable(name): str(value) for name, value in (values | changes).items()}
        theirs = {k: v for k, v in os.environ.items() if not k.startswith("ESP_")}
        return theirs | ours | {lifeline.VARIABLE: str(self.settings.data_dir / "run" / "lifeline")}


@contextmanager
def servers() -> Iterator[Servers]:
    """Start both, and leave nothing behind, also when this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="esp-bench-"))
    folder.chmod(0o711)  # PostgreSQL runs as nobody when the bench runs as root
    place = folder / "run" / "lifeline"
    line = lifeline.hold(place)
    running: list[embedded.Running] = []
    try:
        running.append(embedded.start_postgres(folder, place))
        running.append(embedded.start_valkey(folder, place))
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
        yield Servers(settings, runtime, {one.name: one.process.pid for one in running})
        runtime.close()
    finally:
        os.close(line)
        for one in running:
            one.process.wait()
        berth.remove_sockets(folder)
        shutil.rmtree(folder, ignore_errors=True)
