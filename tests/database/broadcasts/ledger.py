"""A broadcast that has started, with its ledger written down, for tests of what comes after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from esp.broadcasts import audience
from esp.broadcasts.models import Broadcast
from esp.delivery.models import Batch, Deferral, Recipient
from tests.factories import make_broadcast

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def started(session: Session, account_id: int, *list_ids: int, state: str = "sending") -> int:
    """Everybody of the lists is queued."""
    broadcast_id = make_broadcast(session, account_id, list_ids, state="preparing")
    set_values(session, broadcast_id, started_at=audience.database_time(session))
    session.execute(text("SELECT make_ledger_partition(:id)"), {"id": broadcast_id})
    session.execute(
        text(
            "INSERT INTO dispatches (account_id, broadcast_id, content, settings,"
            " include_list_ids, exclude_list_ids, tracking)"
            " VALUES (:a, :b, '{}', '{}', '{}', '{}', 'all')"
        ),
        {"a": account_id, "b": broadcast_id},
    )
    while not audience.write_chunk(session, account_id, broadcast_id, 100, NOW).finished:
        pass
    set_values(session, broadcast_id, state=state)
    return broadcast_id


def set_values(session: Session, broadcast_id: int, **values: Any) -> None:
    session.execute(update(Broadcast).where(Broadcast.id == broadcast_id).values(**values))
    session.expire_all()


def outcome(session: Session, broadcast_id: int, email: str, **values: Any) -> int:
    """Give a recipient an outcome; the seq."""
    seq = session.scalar(
        update(Recipient)
        .where(Recipient.broadcast_id == broadcast_id, Recipient.email == email)
        .values(**values)
        .returning(Recipient.seq)
    )
    assert seq is not None
    return int(seq)


def defer(session: Session, account_id: int, broadcast_id: int, email: str) -> None:
    """A receiver asked to come back later."""
    seq = outcome(session, broadcast_id, email, state="deferred")
    provider_id = session.scalar(
        select(Recipient.provider_id).where(
            Recipient.broadcast_id == broadcast_id, Recipient.seq == seq
        )
    )
    session.execute(
        insert(Deferral).values(
            account_id=account_id,
            broadcast_id=broadcast_id,
            seq=seq,
            provider_id=provider_id,
            next_at=NOW,
            expires_at=NOW + timedelta(days=3),
        )
    )


def finish_batches(session: Session, broadcast_id: int) -> None:
    session.execute(update(Batch).where(Batch.broadcast_id == broadcast_id).values(state="done"))


def states(session: Session, broadcast_id: int) -> dict[str, tuple[str, str | None]]:
    """State and reason by address."""
    rows = session.execute(
        select(Recipient.email, Recipient.state, Recipient.reason).where(
            Recipient.broadcast_id == broadcast_id
        )
    )
    return {email: (state, reason) for email, state, reason in rows}
