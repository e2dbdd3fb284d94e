"""Brings a contact file into the contacts, a chunk and its checkpoint in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import cast

import orjson
import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.contacts import import_sql
from esp.contacts.collapse import collapse
from esp.contacts.import_claims import LEASE, Job, still_ours
from esp.contacts.reading.apply import Mapped, Rejected
from esp.contacts.reading.shape import Checkpoint, Row

CHUNK_ROWS = 10_000


Convert = Callable[[Row], Mapped | Rejected]


@dataclass(frozen=True)
class Chunk:
    """Some rows on their way in; reading goes on at `checkpoint`."""

    rows: list[Row]
    people: list[Mapped]
    rejected: list[Rejected]

    @property
    def checkpoint(self) -> Checkpoint:
        return self.rows[-1].checkpoint


@dataclass
class Counts:
    """What became of a chunk's rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    subscribed: int = 0
    kept: int = 0
    rejected: int = 0


def collect(rows: Iterator[Row], convert: Convert) -> Chunk | None:
    """The next chunk; None at the end of the file."""
    taken = list(islice(rows, CHUNK_ROWS))
    if not taken:
        return None
    people: list[Mapped] = []
    rejected: list[Rejected] = []
    for row in taken:
        found = convert(row)
        if isinstance(found, Mapped):
            people.append(found)
        else:
            rejected.append(found)
    return Chunk(taken, people, rejected)


def run_chunk(
    session: Session,
    account_id: int,
    job: Job,
    before: Checkpoint | None,
    chunk: Chunk,
    now: datetime,
) -> Counts:
    """Everything a chunk does, with its checkpoint. Lost when it is not ours to do any more."""
    still_ours(session, account_id, job, before)
    collapsed = collapse(chunk.people, update=job.update)
    torn = list(collapsed.torn)
    counts = Counts(updated=collapsed.updated, unchanged=collapsed.unchanged)
    if collapsed.people:
        torn += _bring_in(session, account_id, job, collapsed.people, counts, now)
    rejected = chunk.rejected + _with_values(torn, chunk.rows)
    _reject(session, account_id, job, rejected)
    counts.rejected = len(rejected)
    session.execute(
        text(import_sql.ADVANCE),
        {
            "account_id": account_id,
            "import_id": job.import_id,
            "checkpoint": orjson.dumps(chunk.checkpoint._asdict()).decode(),
            # A workbook's place is a count of rows, and its size in bytes says nothing about them.
            "bytes_read": chunk.checkpoint.offset if job.dialect.kind == "csv" else 0,
            "rows": len(chunk.rows),
            "lease_until": now + LEASE,
            **vars(counts),
        },
    )
    return counts


def _bring_in(
    session: Session,
    account_id: int,
    job: Job,
    people: list[Mapped],
    counts: Counts,
    now: datetime,
) -> list[int]:
    columns = sorted(set().union(*(person.values for person in people)))
    _copy(session, people, columns)
    values = {"account_id": account_id, "now": now, "source": job.source}
    torn = _find(session, people, values, counts)
    for _ in range(3):
        # Somebody else may make one of them at this moment; then it is found at the next look.
        made = session.execute(text(import_sql.add_contacts(columns)), values)
        counts.created += made.rowcount  # type: ignore[attr-defined]  # a statement that writes
        if not session.scalar(text(import_sql.UNKNOWN_LEFT)):
            break
        torn += _find(session, people, values, counts)
    changed = 0
    if job.update:
        result = session.execute(text(import_sql.update_contacts(columns)), values)
        changed = result.rowcount  # type: ignore[attr-defined]  # a statement that writes
    counts.updated += changed
    counts.unchanged += (
        session.scalar(text("SELECT count(*) FROM import_rows WHERE NOT is_new")) - changed
    )
    _relate(session, account_id, job, counts, now)
    return torn


def _copy(session: Session, people: list[Mapped], columns: list[str]) -> None:
    session.execute(text(import_sql.table(columns)))
    connection = cast(psycopg.Connection, session.connection().connection.driver_connection)
    with connection.cursor() as cursor, cursor.copy(import_sql.copy(columns)) as copy:
        for one in people:
            email = one.email
            copy.write_row(
                (
                    one.number,
                    email or f"\x01{one.external_id}",
                    email,
                    email.rpartition("@")[2] if email else None,
                    one.external_id,
                    one.status,
                    one.opted_in_at,
                    one.opted_in_ip,
                    one.source,
                    orjson.dumps(one.fields).decode() if one.fields else None,
                    *map(one.values.get, columns),
                )
            )
    for statement in (*import_sql.INDEXES, import_sql.ANALYZE):
        session.execute(text(statement))


def _find(
    session: Session, people: list[Mapped], values: dict[str, object], counts: Counts
) -> list[int]:
    """Contacts that are there already; rows whose address and identifier are two people's."""
    session.execute(text(import_sql.FIND_BY_EMAIL), values)
    if not any(person.external_id for person in people):
        return []
    session.execute(text(import_sql.FIND_BY_EXTERNAL_ID), values)
    torn = session.scalars(text(import_sql.TAKE_OUT_TORN), values).all()
    counts.unchanged += len(session.scalars(text(import_sql.TAKE_OUT_DOUBLE)).all())
    return list(torn)


def _relate(session: Session, account_id: int, job: Job, counts: Counts, now: datetime) -> None:
    """Suppress and subscribe as the rows say."""
    import_source = f"import {job.import_id}"
    values = {
        "account_id": account_id,
        "now": now,
        "source": job.source,
        "import_source": import_source,
        "actor": job.actor,
        "statuses": list(import_sql.suppressing(job.list_id is not None)),
    }
    session.execute(text(import_sql.SUPPRESS), values)
    if job.list_id is None:
        return
    session.execute(text("SELECT make_event_partition(:now)"), {"now": now})
    detail = orjson.dumps({"source": import_source}).decode()
    row = session.execute(
        text(import_sql.SUBSCRIBE), values | {"list_id": job.list_id, "detail": detail}
    ).one()
    counts.subscribed, counts.kept = row


def _with_values(torn: list[int], rows: list[Row]) -> list[Rejected]:
    if not torn:
        return []
    values = {row.number: row.values for row in rows}
    return [Rejected(number, "external_id", "external_id", values[number]) for number in torn]


def _reject(session: Session, account_id: int, job: Job, rejected: list[Rejected]) -> None:
    if not rejected:
        return
    rows = [
        {
            "number": one.number,
            "reason": one.reason,
            # A surrogate or a NUL of a broken file is no JSON.
            "row_values": [
                value.replace("\0", "").encode(errors="replace").decode() for value in one.values
            ],
        }
        for one in rejected
    ]
    session.execute(
        text(import_sql.REJECT),
        {
            "account_id": account_id,
            "import_id": job.import_id,
            "rows": orjson.dumps(rows).decode(),
        },
    )
