"""Keeps the counts that reports read, in the transaction that stores what is counted."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.engagement.models import BroadcastCount


def add(session: Session, account_id: int, broadcast_id: int, amounts: Mapping[str, int]) -> None:
    """Add each amount (which may be negative) to the count of its name."""
    rows = [
        {"account_id": account_id, "broadcast_id": broadcast_id, "name": name, "count": amount}
        # Sorted: two writers must not wait for each other in a circle.
        for name, amount in sorted(amounts.items())
        if amount
    ]
    if not rows:
        return
    statement = insert(BroadcastCount)
    session.execute(
        statement.on_conflict_do_update(
            constraint="pk_broadcast_counts",
            set_={"count": BroadcastCount.count + statement.excluded.count},
        ),
        rows,
    )


def of_broadcast(session: Session, account_id: int, broadcast_id: int) -> dict[str, int]:
    """All counts of a broadcast by name; what never happened is not in it."""
    rows = session.execute(
        select(BroadcastCount.name, BroadcastCount.count).where(
            BroadcastCount.account_id == account_id, BroadcastCount.broadcast_id == broadcast_id
        )
    )
    return {name: number for name, number in rows.all()}
