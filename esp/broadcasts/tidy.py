"""Brings the ledger of a cancelled broadcast to its end, and takes failed recipients up again."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from esp.broadcasts import move
from esp.broadcasts.models import Broadcast
from esp.engagement.record import count_all
from esp.errors import N_, Refused

_LEASED = text("""
    SELECT EXISTS (SELECT FROM batches WHERE account_id = :account_id
            AND broadcast_id = :broadcast_id AND state = 'leased' AND lease_until > now())
        OR EXISTS (SELECT FROM deferrals WHERE account_id = :account_id
            AND broadcast_id = :broadcast_id AND lease_until > now())
""")
_SKIP = text("""
    WITH open AS (
        SELECT seq, state FROM recipients
        WHERE account_id = :account_id AND broadcast_id = :broadcast_id
        AND seq BETWEEN :lo AND :hi AND state IN ('queued', 'deferred')
    ), skipped AS (
        UPDATE recipients r SET state = 'skipped', reason = 'cancelled' FROM open
        WHERE r.account_id = :account_id AND r.broadcast_id = :broadcast_id AND r.seq = open.seq
        RETURNING open.state
    )
    SELECT count(*), count(*) FILTER (WHERE state = 'deferred') FROM skipped
""")
_REST = text("""
    SELECT lo, hi FROM batches WHERE account_id = :account_id AND broadcast_id = :broadcast_id
    AND state <> 'done' ORDER BY lo LIMIT 40
""")
_DONE = text("""
    UPDATE batches SET state = 'done', owner = NULL, lease_until = NULL
    WHERE account_id = :account_id AND broadcast_id = :broadcast_id AND lo BETWEEN :lo AND :hi
""")
_DEFERRED = text("""
    WITH gone AS (
        DELETE FROM deferrals WHERE account_id = :account_id AND broadcast_id = :broadcast_id
        RETURNING seq
    ), skipped AS (
        UPDATE recipients r SET state = 'skipped', reason = 'cancelled' FROM gone
        WHERE r.account_id = :account_id AND r.broadcast_id = :broadcast_id AND r.seq = gone.seq
        AND r.state = 'deferred' RETURNING r.seq
    )
    SELECT count(*) FROM skipped
""")
_FAILED = text("""
    WITH again AS (
        UPDATE recipients SET state = 'queued', reason = NULL
        WHERE account_id = :account_id AND broadcast_id = :broadcast_id
        AND state = 'failed' AND reason IS DISTINCT FROM 'invalid'
        RETURNING seq
    ), open AS (
        UPDATE batches b SET state = 'ready', next_at = now()
        WHERE b.account_id = :account_id AND b.broadcast_id = :broadcast_id
        AND EXISTS (SELECT FROM again WHERE again.seq BETWEEN b.lo AND b.hi)
    )
    SELECT count(*) FROM again
""")


class Step(Enum):
    """How a round of tidying ended."""

    waiting = "waiting"
    more = "more"
    done = "done"


def skip_rest(session: Session, account_id: int, broadcast_id: int) -> Step:
    """Mark some of what a cancelled broadcast did not send as skipped.

    Waits for senders that still hold a lease: what they had begun must be told by its reply.
    """
    ids = {"account_id": account_id, "broadcast_id": broadcast_id}
    if session.scalar(_LEASED, ids):
        return Step.waiting
    ranges = session.execute(_REST, ids).all()
    if ranges:
        span = ids | {"lo": ranges[0][0], "hi": ranges[-1][1]}
        skipped, deferred = session.execute(_SKIP, span).one()
        session.execute(_DONE, span)
        count_all(session, account_id, broadcast_id, {"skipped": skipped, "deferred": -deferred})
        return Step.more
    skipped = session.scalar(_DEFERRED, ids) or 0
    count_all(session, account_id, broadcast_id, {"skipped": skipped, "deferred": -skipped})
    return Step.done


def close(session: Session, account_id: int, broadcast_id: int, now: datetime) -> None:
    """Everybody has a final state."""
    session.execute(
        update(Broadcast)
        .where(Broadcast.account_id == account_id, Broadcast.id == broadcast_id)
        .values(
            finished_at=now, snapshot_finished_at=func.coalesce(Broadcast.snapshot_finished_at, now)
        )
    )


def retry_failed(session: Session, account_id: int, broadcast_id: int) -> int:
    """Queue again those who failed for another reason than a wrong address; how many they are.

    Each keeps its Message-ID: no receiver has taken it.
    """
    move.reopen(session, account_id, broadcast_id)
    ids = {"account_id": account_id, "broadcast_id": broadcast_id}
    total = int(session.scalar(_FAILED, ids) or 0)
    if not total:
        raise Refused(N_("Nobody is left to be tried again."))
    count_all(session, account_id, broadcast_id, {"failed": -total})
    return total
