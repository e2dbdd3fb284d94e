"""Per-process append-only files for facts that must survive until the database has them.

A journal is a lock file, held as long as its writer lives, and segments named by the offset they
begin at. An offset counts bytes from the journal's first record; a record is a length, a CRC-32
and the fact. What is torn at the end was never acknowledged and is not read.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import struct
import time
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_HEADER = struct.Struct("<II")
_MAX_FACT = 1 << 20
_SEGMENT_BYTES = 16 << 20
_SYNC_SECONDS = 1.0


class JournalError(OSError):
    """The disk is full or broken and kept nothing of the record: commit in PostgreSQL instead."""


class Record(NamedTuple):
    """A fact and the offset behind it."""

    end: int
    fact: bytes


def framed(fact: bytes) -> bytes:
    """The record of a fact."""
    return _HEADER.pack(len(fact), zlib.crc32(fact)) + fact


def records(data: bytes, start: int = 0) -> Iterator[Record]:
    """The whole records of `data`, which begins at offset `start`; stops where one is torn."""
    at, size = 0, len(data)
    while at + _HEADER.size <= size:
        length, checksum = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + length
        if length > _MAX_FACT or end > size:
            return
        fact = data[at + _HEADER.size : end]
        if zlib.crc32(fact) != checksum:
            return
        yield Record(start + end, fact)
        at = end


class Journal:
    """The writer's side: one for each process and kind, never shared over a fork."""

    def __init__(self, folder: Path, kind: str, segment_bytes: int = _SEGMENT_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = f"{kind}-{host(folder)}-{os.getpid()}-{secrets.token_hex(6)}"
        self.end = 0
        self._segment_bytes = segment_bytes
        self._start = 0
        # Segments that take no more, each with the offset behind it.
        self._full: deque[tuple[int, Path]] = deque()
        self._unsynced = False
        self._synced_at = time.monotonic()
        # The first segment stands before the lock file, and that is locked before it has its
        # name: nobody ever sees this journal without a living writer.
        self._file = self._open(0)
        newborn = folder / f"{self.name}.new"
        self._lock = os.open(newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        newborn.rename(_lock_path(folder, self.name))

    def append(self, fact: bytes) -> int:
        """Write one fact with one write(2); the offset behind it, or JournalError."""
        record = framed(fact)
        if self.end - self._start >= self._segment_bytes:
            self._rotate()
        try:
            written = os.write(self._file, record)
        except OSError as error:
            raise JournalError from error
        if written != len(record):
            os.ftruncate(self._file, self.end - self._start)
            raise JournalError
        self.end += written
        self._unsynced = True
        return self.end

    def sync_due(self, now: float) -> None:
        """Have the disk keep what was written, at most once a second (`now` of time.monotonic)."""
        if self._unsynced and now - self._synced_at >= _SYNC_SECONDS:
            os.fdatasync(self._file)
            self._unsynced = False
            self._synced_at = now

    def shipped(self, offset: int) -> None:
        """The database has everything before `offset`: whole segments before it may go."""
        while self._full and self._full[0][0] <= offset:
            self._full.popleft()[1].unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the journal; it goes from the disk only with `remove`."""
        os.close(self._file)
        os.close(self._lock)

    def remove(self) -> None:
        """Everything is shipped: delete the files and let go."""
        _delete(self.folder, self.name)
        self.close()

    def _open(self, start: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._path(start), flags, 0o600)

    def _path(self, start: int) -> Path:
        return self.folder / f"{self.name}.{start:020d}"

    def _rotate(self) -> None:
        os.fdatasync(self._file)
        try:
            fresh = self._open(self.end)
        except OSError as error:
            raise JournalError from error
        os.close(self._file)
        self._full.append((self.end, self._path(self._start)))
        self._file, self._start = fresh, self.end
        self._unsynced = False


class Orphan:
    """A journal whose writer is dead, held so that no second process of this host takes it."""

    def __init__(self, folder: Path, name: str, lock: int) -> None:
        self.folder = folder
        self.name = name
        self._lock = lock

    def remove(self) -> None:
        """Everything is shipped: delete the files and let go."""
        _delete(self.folder, self.name)
        self.close()

    def close(self) -> None:
        """Let go; somebody else may take it."""
        os.close(self._lock)


def host(folder: Path) -> str:
    """What tells the machine of this folder from all others, as it may stand in a file's name.

    A name alone does not: whoever bears ours too would lose their leases as those of our dead.
    """
    place = folder / "host"
    if not place.exists():
        newborn = folder / f"host.{secrets.token_hex(6)}.new"
        newborn.write_text(secrets.token_hex(6))
        # Of several that come at once one is first; all read what it wrote.
        with suppress(FileExistsError):
            place.hardlink_to(newborn)
        newborn.unlink()
    name = socket.gethostname().lower()
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)[:40]
    return f"{plain}_{place.read_text()}"


def names(folder: Path, kind: str) -> list[str]:
    """The journals of one kind in the folder, whether or not their writers live."""
    return sorted(path.name.removesuffix(".lock") for path in folder.glob(f"{kind}-*.lock"))


def orphans(folder: Path, kind: str) -> Iterator[Orphan]:
    """Journals whose writer is dead; each is held until `remove` or `close`."""
    for name in names(folder, kind):
        lock = _try_lock(folder, name)
        if lock is not None:
            yield Orphan(folder, name, lock)


def is_alive(folder: Path, name: str) -> bool:
    """Whether the writer of a journal in this folder lives (or somebody ships its remains)."""
    if not _lock_path(folder, name).exists():
        return False
    lock = _try_lock(folder, name)
    if lock is None:
        return True
    os.close(lock)
    return False


def read(folder: Path, name: str, offset: int, limit: int) -> list[Record]:
    """Up to `limit` facts behind `offset`, as far as they are written."""
    found: list[Record] = []
    for start, path in segments(folder, name):
        try:
            if start + _size(path) <= offset:
                continue
            with path.open("rb") as file:
                file.seek(max(0, offset - start))
                data = file.read(_MAX_FACT + limit * 512)
        except FileNotFoundError:
            continue
        for record in records(data, max(start, offset)):
            found.append(record)
            if len(found) == limit:
                return found
        if found:
            return found
    return found


def drop_shipped(folder: Path, name: str, offset: int) -> None:
    """Delete the segments of a living writer's journal that lie before `offset`, but its last."""
    for start, path in segments(folder, name)[:-1]:
        if start + _size(path) <= offset:
            path.unlink(missing_ok=True)


def segments(folder: Path, name: str) -> list[tuple[int, Path]]:
    """The offsets and files of a journal's segments, in order."""
    found = []
    for path in folder.glob(f"{name}.*"):
        digits = path.name.rpartition(".")[2]
        if digits.isdecimal():
            found.append((int(digits), path))
    return sorted(found)


def _lock_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.lock"


def _try_lock(folder: Path, name: str) -> int | None:
    path = _lock_path(folder, name)
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It may have been shipped and deleted between opening and locking.
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _delete(folder: Path, name: str) -> None:
    for _, path in segments(folder, name):
        path.unlink(missing_ok=True)
    _lock_path(folder, name).unlink(missing_ok=True)
