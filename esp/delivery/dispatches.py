"""What broadcasts tell the senders: open, pause, resume, stop, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from esp.delivery import frozen
from esp.delivery.models import Dispatch
from esp.delivery.pacing import slots
from esp.delivery.pacing.slots import Grant
from esp.delivery.plan import Content, PlanSettings

State = Literal["open", "paused", "stopped"]


def open_dispatch(
    session: Session,
    account_id: int,
    broadcast_id: int,
    *,
    content: Content,
    settings: PlanSettings,
    data: Mapping[str, Any],
    include_list_ids: Sequence[int],
    exclude_list_ids: Sequence[int] = (),
    transport_id: int | None = None,
    pool_id: int | None = None,
    source_address: str = "",
    tracking: str,
    rate_per_minute: int | None = None,
) -> None:
    """Freeze the message and let senders begin with the batches that are added.

    `data` is what merge tags reach besides `contact`, such as `account`. `tracking` is the
    account's setting of this moment. Makes the broadcast's part of the ledger too.
    """
    session.execute(text("SELECT make_ledger_partition(:id)"), {"id": broadcast_id})
    session.execute(
        insert(Dispatch).values(
            account_id=account_id,
            broadcast_id=broadcast_id,
            content=frozen.freeze_content(content),
            settings=frozen.freeze_settings(settings, data),
            include_list_ids=list(include_list_ids),
            exclude_list_ids=list(exclude_list_ids),
            transport_id=transport_id,
            pool_id=pool_id,
            source_address=source_address,
            tracking=tracking,
            rate_per_minute=rate_per_minute,
        )
    )


def pause(session: Session, account_id: int, broadcast_id: int) -> bool:
    """Begin no more envelopes; whether it was open."""
    return _move(session, account_id, broadcast_id, ("open",), "paused")


def resume(session: Session, account_id: int, broadcast_id: int) -> bool:
    """Go on; whether it was paused."""
    return _move(session, account_id, broadcast_id, ("paused",), "open")


def stop(session: Session, account_id: int, broadcast_id: int) -> bool:
    """Begin no more envelopes, for good; whether it was not stopped yet."""
    return _move(session, account_id, broadcast_id, ("open", "paused"), "stopped")


def _move(
    session: Session, account_id: int, broadcast_id: int, old: tuple[State, ...], new: State
) -> bool:
    return (
        session.execute(
            text(
                "UPDATE dispatches SET state = :new"
                " WHERE account_id = :account AND broadcast_id = :broadcast AND state = ANY(:old)"
                " RETURNING 1"
            ),
            {"account": account_id, "broadcast": broadcast_id, "new": new, "old": list(old)},
        ).first()
        is not None
    )


def change_rate(
    session: Session, account_id: int, broadcast_id: int, rate_per_minute: int | None
) -> None:
    """Another speed from now on; None: as fast as it goes."""
    session.execute(
        text(
            "UPDATE dispatches SET rate_per_minute = :rate, next_free_at = NULL"
            " WHERE account_id = :account AND broadcast_id = :broadcast"
        ),
        {"account": account_id, "broadcast": broadcast_id, "rate": rate_per_minute},
    )


# As in paces: of a lost server's last 200 ms nothing needs to be kept.
_GRANT = text("""
    WITH got AS (
        UPDATE dispatches SET next_free_at = greatest(next_free_at, :now) + :span
        WHERE account_id = :account AND broadcast_id = :broadcast AND state = 'open'
        AND (next_free_at IS NULL OR next_free_at <= :soon)
        RETURNING next_free_at - :span AS first
    )
    SELECT true AS won, first, set_config('synchronous_commit', 'off', true) FROM got
    UNION ALL
    SELECT false, next_free_at, '' FROM dispatches
    WHERE account_id = :account AND broadcast_id = :broadcast AND NOT EXISTS (SELECT FROM got)
""")


def grant(
    session: Session, account_id: int, broadcast_id: int, rate_per_minute: int, now: datetime
) -> Grant:
    """Take the next slots of a broadcast's rate; exact over all processes, and over restarts."""
    gap = timedelta(minutes=1) / rate_per_minute
    count = slots.most(gap)
    row = session.execute(
        _GRANT,
        {
            "account": account_id,
            "broadcast": broadcast_id,
            "now": now,
            "soon": now + slots.GRANT,
            "span": gap * count,
        },
    ).first()
    return slots.granted(row, count, gap, now)
