"""Reads broadcasts for pages, programs and the ticker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.broadcasts.models import Broadcast
from esp.delivery import ledger
from esp.delivery.models import Recipient


def page(
    session: Session,
    account_id: int,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Broadcast]:
    """The newest first; `before` is the number of the last one seen."""
    query = select(Broadcast).where(Broadcast.account_id == account_id)
    if state:
        query = query.where(Broadcast.state == state)
    if before is not None:
        query = query.where(Broadcast.id < before)
    return list(session.scalars(query.order_by(Broadcast.id.desc()).limit(limit)))


def one(session: Session, account_id: int, broadcast_id: int) -> Broadcast:
    """The row as the database has it now."""
    return session.get_one(Broadcast, (account_id, broadcast_id), populate_existing=True)


def due(session: Session, account_id: int, now: datetime) -> list[int]:
    """Scheduled broadcasts whose time has come."""
    return list(
        session.scalars(
            select(Broadcast.id)
            .where(
                Broadcast.account_id == account_id,
                Broadcast.state == "scheduled",
                Broadcast.send_at <= now,
            )
            .order_by(Broadcast.send_at)
        )
    )


def on_the_way(session: Session, account_id: int, limit: int = 20) -> list[Broadcast]:
    """Those that have begun and are not through, the oldest first."""
    return list(
        session.scalars(
            select(Broadcast)
            .where(
                Broadcast.account_id == account_id,
                Broadcast.state.in_(("preparing", "sending", "paused", "held")),
                Broadcast.started_at.is_not(None),
            )
            .order_by(Broadcast.started_at, Broadcast.id)
            .limit(limit)
        )
    )


def active(session: Session, account_id: int) -> list[Broadcast]:
    """Those that are being written down, sent, or tidied up after a cancel."""
    return list(
        session.scalars(
            select(Broadcast)
            .where(
                Broadcast.account_id == account_id,
                Broadcast.finished_at.is_(None),
                Broadcast.state.in_(("preparing", "sending", "cancelled")),
            )
            .order_by(Broadcast.id)
        )
    )


def recipients(
    session: Session,
    account_id: int,
    broadcast_id: int,
    *,
    state: str | None = None,
    email: str = "",
    after: int = 0,
    limit: int = 50,
) -> Sequence[Recipient]:
    """The ledger in its own order; `after` is the last seq seen, `email` a beginning."""
    query = select(Recipient).where(
        Recipient.account_id == account_id,
        Recipient.broadcast_id == broadcast_id,
        Recipient.seq > after,
    )
    if state:
        query = query.where(Recipient.state == state)
    if email:
        query = query.where(Recipient.email.startswith(email.lower(), autoescape=True))
    return session.scalars(query.order_by(Recipient.seq).limit(limit)).all()


def has_work_left(session: Session, account_id: int, broadcast_id: int) -> bool:
    """Whether somebody is not written down yet, or has no final state."""
    written = session.scalar(
        select(Broadcast.snapshot_finished_at).where(
            Broadcast.account_id == account_id, Broadcast.id == broadcast_id
        )
    )
    return written is None or not ledger.is_through(session, account_id, broadcast_id)
