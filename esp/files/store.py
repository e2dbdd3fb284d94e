"""Keeps files in the database, a megabyte a row, written and read in bounded memory."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import BinaryIO

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from esp.errors import N_, Invalid, NotFound
from esp.files.models import File, FileChunk

CHUNK = 1024 * 1024


def keep(
    session: Session,
    account_id: int,
    kind: str,
    name: str,
    content_type: str,
    stream: BinaryIO,
    *,
    limit: int,
    size: tuple[int, int] | None = None,
) -> File:
    """Store `stream`; a picture gets a public key. Invalid when empty or over `limit` bytes."""
    file = File(
        account_id=account_id,
        kind=kind,
        name=name[:200],
        content_type=content_type,
        public_key=secrets.token_urlsafe(16) if kind == "picture" else None,
        width=size[0] if size else None,
        height=size[1] if size else None,
    )
    session.add(file)
    session.flush()
    total = 0
    for number, data in enumerate(iter(lambda: stream.read(CHUNK), b"")):
        total += len(data)
        if total > limit:
            raise Invalid(
                N_("The file is larger than %(megabytes)s MB."), "file", megabytes=limit // CHUNK
            )
        session.execute(
            insert(FileChunk).values(
                account_id=account_id, file_id=file.id, number=number, data=data
            )
        )
    if not total:
        raise Invalid(N_("The file is empty."), "file")
    session.execute(
        update(File).where(File.account_id == account_id, File.id == file.id).values(size=total)
    )
    session.refresh(file)
    return file


def chunks(session: Session, account_id: int, file_id: int, start: int = 0) -> Iterator[bytes]:
    """The bytes from `start` on, a row at a time."""
    number, skip = divmod(start, CHUNK)
    while True:
        data = session.scalar(
            select(FileChunk.data).where(
                FileChunk.account_id == account_id,
                FileChunk.file_id == file_id,
                FileChunk.number == number,
            )
        )
        if data is None:
            return
        yield data[skip:]
        number, skip = number + 1, 0


def copy_to(session: Session, account_id: int, file_id: int, target: BinaryIO) -> int:
    """Write the whole file into `target`; the number of bytes."""
    return sum(target.write(data) for data in chunks(session, account_id, file_id))


def picture(session: Session, account_id: int, public_key: str) -> File:
    """The picture under an address in mails; NotFound when there is none."""
    file = session.scalar(
        select(File).where(
            File.account_id == account_id, File.kind == "picture", File.public_key == public_key
        )
    )
    if file is None:
        raise NotFound
    return file


def pictures(session: Session, account_id: int, limit: int = 60, before: int = 0) -> list[File]:
    """The newest pictures, those under `before` when it is given."""
    query = select(File).where(File.account_id == account_id, File.kind == "picture")
    if before:
        query = query.where(File.id < before)
    return list(session.scalars(query.order_by(File.id.desc()).limit(limit)))


def remove(session: Session, account_id: int, file_id: int) -> None:
    """Delete a file and its bytes; NotFound when there is none."""
    found = session.scalar(
        delete(File).where(File.account_id == account_id, File.id == file_id).returning(File.id)
    )
    if found is None:
        raise NotFound


def picture_by_id(session: Session, account_id: int, file_id: int) -> File:
    """NotFound for another kind of file too."""
    file = session.scalar(
        select(File).where(
            File.account_id == account_id, File.kind == "picture", File.id == file_id
        )
    )
    if file is None:
        raise NotFound
    return file


def stored_bytes(session: Session, account_id: int) -> int:
    """What all files of the account take."""
    return int(
        session.scalar(
            select(func.coalesce(func.sum(File.size), 0)).where(File.account_id == account_id)
        )
        or 0
    )
