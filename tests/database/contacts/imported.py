"""Runs an import as the worker does, in a test's own transaction."""

from __future__ import annotations

import io
from typing import Any

from sqlalchemy.orm import Session

from esp.contacts import fields, import_claims, importing, imports
from esp.contacts.imports import Wishes
from esp.contacts.reading.apply import applying
from esp.contacts.reading.mapping import Mapping
from esp.contacts.reading.rows import read_rows
from esp.files import store


def prepared(
    session: Session,
    account_id: int,
    data: str | bytes,
    *,
    list_id: int | None = None,
    mapping: dict[str, Any] | None = None,
    update: bool = True,
    name: str = "people.csv",
) -> int:
    """Number of an import that waits for a worker."""
    raw = data.encode() if isinstance(data, str) else data
    file = store.keep(
        session, account_id, "contacts", name, "text/csv", io.BytesIO(raw), limit=10**9
    )
    row = imports.create(session, account_id, file, "ani@acme.example")
    wishes = Wishes(list_id, update, "")
    imports.map_columns(session, account_id, row.id, mapping or row.mapping, wishes)
    imports.start(session, account_id, row.id)
    return row.id


def carried_out(session: Session, account_id: int, data: str | bytes, now, **more: Any):
    """The import after all its chunks."""
    import_id = prepared(session, account_id, data, **more)
    job = import_claims.claim(session, account_id, now)
    assert job is not None
    stream = io.BytesIO()
    store.copy_to(session, account_id, job.file_id, stream)
    mapping = Mapping.from_json(job.mapping)
    convert = applying(mapping, mapping.field_types(fields.types(session, account_id)))
    place = job.checkpoint
    rows = read_rows(stream, job.dialect, place)
    while chunk := importing.collect(rows, convert):
        importing.run_chunk(session, account_id, job, place, chunk, now)
        # The worker's chunks are transactions of their own, at whose end this table is dropped.
        session.connection().exec_driver_sql("DROP TABLE IF EXISTS import_rows")
        place = chunk.checkpoint
    import_claims.finish(session, account_id, job, place, now)
    session.expire_all()
    return imports.get(session, account_id, import_id)
