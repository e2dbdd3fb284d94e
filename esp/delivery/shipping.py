"""Moving facts from journals to the database, each exactly once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from psycopg import errors
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from esp import journal
from esp.db import enter_account
from esp.delivery.facts import (
    HITS,
    Fact,
    Hit,
    NoticeOutcome,
    RecipientOutcome,
    Unsubscribed,
    decode,
)
from esp.delivery.hits import record_hits
from esp.delivery.leave import leave
from esp.delivery.ledger import record_outcomes
from esp.delivery.notices import record_notices
from esp.journal import Record

log = logging.getLogger(__name__)

Transaction = Callable[[None], AbstractContextManager[Session]]

_CHUNK = 1000
_TRIES = 5


def shipped_offset(session: Session, name: str) -> int:
    """How far the journal is shipped; nobody else ships it until this transaction ends."""
    locked = text("SELECT shipped_offset FROM journals WHERE name = :name FOR UPDATE")
    offset = session.scalar(locked, {"name": name})
    if offset is None:
        session.execute(
            text("INSERT INTO journals (name) VALUES (:name) ON CONFLICT DO NOTHING"),
            {"name": name},
        )
        # Somebody else's row, should there be one, is seen only now.
        offset = session.scalar(locked, {"name": name})
    return int(offset or 0)


def _known_offset(session: Session, name: str) -> int:
    offset = session.scalar(
        text("SELECT shipped_offset FROM journals WHERE name = :name"), {"name": name}
    )
    return int(offset or 0)


def ship(session: Session, name: str, facts: Sequence[tuple[int, Fact]]) -> int:
    """Store the facts that are not stored yet, and how far that is; both with the caller's commit.

    `facts`, each with the offset behind it, follow one another without a gap. The new offset.
    """
    offset = shipped_offset(session, name)
    if not facts or facts[-1][0] <= offset:
        return offset
    store(session, [fact for end, fact in facts if end > offset])
    _move(session, name, facts[-1][0])
    return facts[-1][0]


def _move(session: Session, name: str, offset: int) -> None:
    session.connection().exec_driver_sql(
        "UPDATE journals SET shipped_offset = %(end)s, updated_at = now() WHERE name = %(name)s",
        {"end": offset, "name": name},
    )


def _decoded(records: Iterable[Record]) -> list[tuple[int, Fact]]:
    """What the records say; what can't be read is logged and left out."""
    found = []
    for record in records:
        try:
            found.append((record.end, decode(record.fact)))
        except (ValueError, TypeError):
            log.exception("A journal holds what is no fact, before offset %s", record.end)
    return found


def store(session: Session, facts: Sequence[Fact]) -> None:
    """Store facts of any kind and account; leaves the session in some account."""
    record_outcomes(session, [one for one in facts if isinstance(one, RecipientOutcome)])
    notices = [one for one in facts if isinstance(one, NoticeOutcome)]
    by_account = attrgetter("account_id")
    for account_id, found in groupby(sorted(notices, key=by_account), key=by_account):
        enter_account(session, account_id)
        record_notices(session, account_id, list(found))
    for one in facts:
        if isinstance(one, Unsubscribed):
            enter_account(session, one.account_id)
            leave(session, one.account_id, one.broadcast_id, one.seq, one.at, one.source)
    record_hits(session, [one for one in facts if isinstance(one, Hit)])


def ship_file(transaction: Transaction, folder: Path, name: str) -> int:
    """Ship a journal from its file, as far as it is written; the offset reached."""
    while True:
        # Looking takes no lock and writes nothing: most of the time there is nothing to ship.
        with transaction(None) as session:
            offset = _known_offset(session, name)
        if not journal.read(folder, name, offset, 1):
            return offset
        again(lambda: _ship_chunk(transaction, folder, name, _CHUNK))


def _ship_chunk(transaction: Transaction, folder: Path, name: str, limit: int) -> int:
    try:
        with transaction(None) as session:
            found = journal.read(folder, name, shipped_offset(session, name), limit)
            offset = ship(session, name, _decoded(found))
            if found and found[-1].end > offset:
                _move(session, name, found[-1].end)
                return found[-1].end
            return offset
    except (DataError, IntegrityError):
        if limit > 1:
            return _ship_chunk(transaction, folder, name, 1)
        # One bad fact must not keep all later ones from the database.
        log.exception("A fact of journal %s can't be stored and is passed over", name)
        with transaction(None) as session:
            offset = shipped_offset(session, name)
            found = journal.read(folder, name, offset, 1)
            if not found:
                return offset
            _move(session, name, found[0].end)
            return found[0].end


def ship_hits(transaction: Transaction, folder: Path) -> None:
    """Ship what the public doors of this host have heard, and delete what is shipped.

    Any process may call it at any time.
    """
    for orphan in journal.orphans(folder, HITS):
        try:
            ship_file(transaction, folder, orphan.name)
        except BaseException:
            orphan.close()
            raise
        orphan.remove()
        forget(transaction, orphan.name)
    for name in journal.names(folder, HITS):
        journal.drop_shipped(folder, name, ship_file(transaction, folder, name))


def forget(transaction: Transaction, name: str) -> None:
    """Nothing of the journal is left: after its files, its offset may go."""
    with transaction(None) as session:
        session.execute(text("DELETE FROM journals WHERE name = :name"), {"name": name})


def again(work: Callable[[], int]) -> int:
    """`work` done once more where PostgreSQL ended it to resolve a deadlock."""
    for _ in range(_TRIES):
        try:
            return work()
        except DBAPIError as error:
            if not isinstance(error.orig, errors.DeadlockDetected | errors.SerializationFailure):
                raise
    return work()
