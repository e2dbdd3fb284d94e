"""Reads the counts that are kept beside the events."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.engagement.models import BroadcastCount


def of_broadcast(session: Session, account_id: int, broadcast_id: int) -> dict[str, int]:
    """All counts of a broadcast by name; what never happened is not in it."""
    return of_broadcasts(session, account_id, [broadcast_id])[broadcast_id]


def of_broadcasts(
    session: Session, account_id: int, broadcast_ids: Sequence[int]
) -> dict[int, dict[str, int]]:
    """The same for several, in one query."""
    found: dict[int, dict[str, int]] = {broadcast_id: {} for broadcast_id in broadcast_ids}
    rows = session.scalars(
        select(BroadcastCount).where(
            BroadcastCount.account_id == account_id,
            BroadcastCount.broadcast_id.in_(broadcast_ids),
        )
    )
    for row in rows:
        found[row.broadcast_id][row.name] = row.count
    return found
