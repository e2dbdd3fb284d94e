"""Who works on an import: claimed for a while, given up, ended; two at once do no harm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.contacts.models import Import
from esp.contacts.reading.shape import Checkpoint, Dialect

# A worker that says nothing for so long has died. Two at once do no harm: see `still_ours`.
LEASE = timedelta(seconds=20)


class Lost(Exception):
    """This worker has nothing to do with the import any more."""


@dataclass(frozen=True)
class Job:
    """A claimed import, with what reading it needs."""

    import_id: int
    file_id: int
    list_id: int | None
    dialect: Dialect
    mapping: dict[str, Any]
    checkpoint: Checkpoint | None
    update: bool
    source: str
    actor: str

    @classmethod
    def of(cls, row: Import) -> Self:
        """From the table's row."""
        checkpoint = row.checkpoint
        return cls(
            import_id=row.id,
            file_id=row.file_id,
            list_id=row.list_id,
            dialect=Dialect.from_json(row.dialect),
            mapping=row.mapping,
            checkpoint=Checkpoint(checkpoint["offset"], checkpoint["number"])
            if checkpoint
            else None,
            update=row.update_existing,
            source=row.source or row.name,
            actor=row.created_by,
        )


def claim(session: Session, account_id: int, now: datetime) -> Job | None:
    """Take the oldest import that waits or that a dead worker left."""
    import_id = session.scalar(
        text(
            "UPDATE imports SET state = 'running', lease_until = :until,"
            " started_at = coalesce(started_at, :now)"
            " WHERE account_id = :account_id AND id = (SELECT id FROM imports"
            " WHERE account_id = :account_id AND state IN ('waiting', 'running')"
            " AND (lease_until IS NULL OR lease_until < :now)"
            " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
        ),
        {"account_id": account_id, "now": now, "until": now + LEASE},
    )
    if import_id is None:
        return None
    row = session.get(Import, (account_id, import_id), populate_existing=True)
    return Job.of(row) if row else None


def finish(
    session: Session, account_id: int, job: Job, before: Checkpoint | None, now: datetime
) -> None:
    """Close it after its last chunk."""
    still_ours(session, account_id, job, before)
    _end(session, account_id, job, "finished", "", now)


def fail(
    session: Session,
    account_id: int,
    job: Job,
    before: Checkpoint | None,
    error: str,
    now: datetime,
) -> None:
    """End it with what went wrong; what is in stays in."""
    still_ours(session, account_id, job, before)
    _end(session, account_id, job, "failed", error, now)


def let_go(session: Session, account_id: int, import_id: int) -> None:
    """Leave it to the next worker at once."""
    session.execute(
        text(
            "UPDATE imports SET lease_until = NULL"
            " WHERE account_id = :account_id AND id = :id AND state = 'running'"
        ),
        {"account_id": account_id, "id": import_id},
    )


def still_ours(session: Session, account_id: int, job: Job, before: Checkpoint | None) -> None:
    """Wait for whoever else has it, and go on only from the place where it stands."""
    row = session.execute(
        text(
            "SELECT state, checkpoint FROM imports"
            " WHERE account_id = :account_id AND id = :id FOR UPDATE"
        ),
        {"account_id": account_id, "id": job.import_id},
    ).one_or_none()
    expected = before._asdict() if before else None
    if row is None or row.state != "running" or row.checkpoint != expected:
        raise Lost


def _end(
    session: Session, account_id: int, job: Job, state: str, error: str, now: datetime
) -> None:
    session.execute(
        text(
            "UPDATE imports SET state = :state, error = :error, finished_at = :now,"
            " lease_until = NULL, bytes_read = CASE :state WHEN 'finished' THEN"
            " (SELECT size FROM files f WHERE f.account_id = :account_id AND f.id = file_id)"
            " ELSE bytes_read END WHERE account_id = :account_id AND id = :id"
        ),
        {"account_id": account_id, "id": job.import_id, "state": state, "error": error, "now": now},
    )
