"""The servers of a test session: started by the first test that asks, shared, gone with pytest.

The pytest process that started first holds a lifeline and the folder; workers of xdist start the
servers there under a lock. So they end with pytest even when it is killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from esp import lifeline
from esp.entrypoints.run import berth, embedded
from esp.entrypoints.run.migrate import upgrade

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
TEMPLATE = "esp_template"

FOLDER = pytest.StashKey[Path]()
LINE = pytest.StashKey[int]()

_started: list[embedded.Running] = []


class DatabaseUrls(NamedTuple):
    app: str
    owner: str


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", {}).get("servers")
    if given:
        config.stash[FOLDER] = Path(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="esp-tests-"))
    folder.chmod(0o711)  # PostgreSQL runs as nobody when the tests run as root
    config.stash[FOLDER] = folder
    config.stash[LINE] = lifeline.hold(folder / "run" / "lifeline")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    node.workerinput["servers"] = str(node.config.stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    if LINE not in config.stash:
        for running in _started:
            # It goes on without this worker, and ends with the first process.
            running.process.returncode = 0
        return
    os.close(config.stash[LINE])
    for running in _started:
        running.process.wait()
    folder = config.stash[FOLDER]
    for name in ("postgres", "valkey"):
        # Taking the lock waits for the last process of a server that a worker started.
        os.close(berth.take_lock(folder, name))
    berth.remove_sockets(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Path:
    """Data folder of a running PostgreSQL with a migrated template database."""
    folder = request.config.stash[FOLDER]
    with _once(folder, "postgres") as first:
        if first:
            _started.append(embedded.start_postgres(folder, folder / "run" / "lifeline", FAST))
            _run(folder, f"CREATE DATABASE {TEMPLATE} OWNER esp_owner")
            upgrade(*embedded.database_urls(folder, TEMPLATE))
    return folder


@pytest.fixture(scope="session")
def fresh_database(postgres: Path) -> Iterator[DatabaseUrls]:
    """An empty database, without any table."""
    with _database(postgres, f"esp_empty_{os.getpid()}", "template0") as urls:
        yield urls


@pytest.fixture(scope="session")
def database_urls(postgres: Path, worker_id: str) -> Iterator[DatabaseUrls]:
    """A migrated database of this worker's own."""
    with _database(postgres, f"esp_{worker_id}", TEMPLATE) as urls:
        yield urls


@pytest.fixture(scope="session")
def valkey_url(request: pytest.FixtureRequest, worker_id: str) -> str:
    """A database of this worker's own in a running Valkey."""
    folder = request.config.stash[FOLDER]
    with _once(folder, "valkey") as first:
        if first:
            line = folder / "run" / "lifeline"
            _started.append(embedded.start_valkey(folder, line, "--appendfsync", "no"))
    number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    return embedded.redis_url(folder, number)


@contextmanager
def _database(folder: Path, name: str, template: str) -> Iterator[DatabaseUrls]:
    _run(folder, f"CREATE DATABASE {name} OWNER esp_owner TEMPLATE {template}")
    yield DatabaseUrls(*embedded.database_urls(folder, name))
    _run(folder, f"DROP DATABASE {name} WITH (FORCE)")


def _run(folder: Path, statement: str) -> None:
    with psycopg.connect(embedded.superuser(folder), autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def _once(folder: Path, name: str) -> Iterator[bool]:
    """Whether this is the first process to come here; the others wait until it is through."""
    done = folder / f"{name}.done"
    with (folder / f"{name}.once").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()
