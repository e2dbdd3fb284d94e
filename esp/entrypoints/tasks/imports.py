"""Carries out the imports of an account, chunk by chunk, until none is due."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from dramatiq.middleware import Interrupt
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from esp.contacts import fields, import_claims, importing, imports
from esp.contacts.import_claims import Job, Lost
from esp.contacts.reading import mapping as mappings
from esp.contacts.reading.apply import applying
from esp.contacts.reading.rows import read_rows
from esp.contacts.reading.shape import Checkpoint, Row
from esp.entrypoints.tasks import wake
from esp.errors import N_, Invalid
from esp.files import store
from esp.runtime import Runtime

log = logging.getLogger(__name__)

# How often a chunk is tried again that another transaction was in the way of.
ATTEMPTS = 5


def run(runtime: Runtime, account_id: int) -> None:
    """Claim and finish one import after the other; a stop leaves the rest to the next worker."""
    while True:
        with runtime.transaction(account_id) as session:
            job = import_claims.claim(session, account_id, runtime.clock())
        if job is None:
            return
        try:
            with suppress(Lost):
                _carry_out(runtime, account_id, job)
                wake(runtime, "receivers", account_id)
        except Interrupt:
            with runtime.transaction(account_id) as session:
                import_claims.let_go(session, account_id, job.import_id)
            raise


def _carry_out(runtime: Runtime, account_id: int, job: Job) -> None:
    place = job.checkpoint
    # On the disk, without a name: gone with this process, however it goes.
    with tempfile.TemporaryFile() as stream:
        with runtime.transaction(account_id) as session:
            store.copy_to(session, account_id, job.file_id, stream)
            known = fields.types(session, account_id)
        try:
            mapping = mappings.Mapping.from_json(job.mapping)
            convert = applying(mapping, mapping.field_types(known))
            rows = read_rows(stream, job.dialect, place)
            for chunk in _ahead(rows, convert):
                _take(runtime, account_id, job, place, chunk)
                place = chunk.checkpoint
        except Invalid as error:
            _fail(runtime, account_id, job, place, error)
        except (DataError, IntegrityError):
            # It would be so at every attempt.
            log.exception("import %s stopped after row %s", job.import_id, place and place.number)
            row = place.number if place else 0
            wrong = Invalid(N_("Something went wrong on our side after row %(row)s."), row=row)
            _fail(runtime, account_id, job, place, wrong)
        else:
            with runtime.transaction(account_id) as session:
                import_claims.finish(session, account_id, job, place, runtime.clock())


def _ahead(rows: Iterator[Row], convert: importing.Convert) -> Iterator[importing.Chunk]:
    """Chunks, the next of which is read while the database works on one."""
    with ThreadPoolExecutor(1, thread_name_prefix="contact-file") as reader:
        coming = reader.submit(importing.collect, rows, convert)
        while chunk := coming.result():
            coming = reader.submit(importing.collect, rows, convert)
            yield chunk


def _take(
    runtime: Runtime,
    account_id: int,
    job: Job,
    before: Checkpoint | None,
    chunk: importing.Chunk,
) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with runtime.transaction(account_id) as session:
                importing.run_chunk(session, account_id, job, before, chunk, runtime.clock())
            return
        except OperationalError:
            # A deadlock, or the database starts anew: nothing of the chunk is in.
            if attempt == ATTEMPTS:
                raise


def _fail(
    runtime: Runtime, account_id: int, job: Job, place: Checkpoint | None, error: Invalid
) -> None:
    with runtime.transaction(account_id) as session:
        text = imports.as_error(error)
        import_claims.fail(session, account_id, job, place, text, runtime.clock())
