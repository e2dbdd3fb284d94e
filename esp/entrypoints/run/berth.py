"""Where one embedded server may run: folders, the lock, the unprivileged user, the tether."""

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from esp.errors import SettingError

LOCK_SECONDS = 15.0


@dataclass(frozen=True)
class Berth:
    """Where one server may run: the lock is ours and goes over to the server."""

    data_dir: Path
    lifeline: Path
    log: BinaryIO
    lock: int


@contextmanager
def berthed(data_dir: Path, name: str, lifeline: Path) -> Iterator[Berth]:
    lock = take_lock(data_dir, name)
    try:
        (data_dir / "log").mkdir(exist_ok=True)
        with (data_dir / "log" / f"{name}.log").open("ab", buffering=0) as log:
            yield Berth(data_dir, lifeline, log, lock)
    finally:
        os.close(lock)


def socket_folder(data_dir: Path) -> Path:
    """Folder of the sockets: short, because the path of a socket may have 107 bytes."""
    digest = hashlib.blake2b(os.fsencode(data_dir.resolve()), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"esp-{os.getuid()}-{digest}"


def remove_sockets(data_dir: Path) -> None:
    """Remove the folder of the sockets, where no server runs any more."""
    shutil.rmtree(socket_folder(data_dir), ignore_errors=True)


def tethered(command: Sequence[str], stop: str, berth: Berth) -> subprocess.Popen[bytes]:
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


def take_lock(data_dir: Path, name: str, seconds: float = LOCK_SECONDS) -> int:
    """A lock that a server and all its children inherit: free when the last of them is gone."""
    (data_dir / "run").mkdir(parents=True, exist_ok=True)
    lock = os.open(data_dir / "run" / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise SettingError(
                    "ESP_DATA_DIR (%(folder)s) is in use: another `%(name)s` runs there.",
                    folder=data_dir,
                    name=name,
                ) from None
            time.sleep(0.05)


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


def make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    user = _unprivileged()
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o700)


def make_socket_folder(data_dir: Path) -> Path:
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
    make_folder(folder)
    return folder
