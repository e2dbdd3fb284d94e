"""Brings the ledger of a cancelled broadcast to its end, and takes failed recipients up again."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from esp.broadcasts import move
from esp.broadcasts.models import Broadcast
from esp.delivery import ledger
from esp.engagement.record import count_all
from esp.errors import N_, Refused

# Rows of the ledger taken in one transaction.
_AT_ONCE = 5_000
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


def skip_rest(session: Session, account_id: int, broadcast_id: int, now: datetime) -> Step:
    """Mark some of what a cancelled broadcast did not send as skipped.

    What senders still hold is waited for: what they had begun must be told by its reply.
    """
    if ledger.skip_rest(session, account_id, broadcast_id, "cancelled", now, _AT_ONCE):
        return Step.more
    through = ledger.is_through(session, account_id, broadcast_id)
    return Step.done if through else Step.waiting


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
