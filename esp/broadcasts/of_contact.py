"""What a contact was sent: the ledger seen from one person."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.broadcasts.models import Broadcast
from esp.delivery.models import Recipient


@dataclass(frozen=True)
class Sent:
    """A broadcast with the person's row of its ledger."""

    name: str
    broadcast: Broadcast
    recipient: Recipient


def recent(session: Session, account_id: int, contact_id: int, limit: int = 20) -> list[Sent]:
    """The newest broadcasts that had this contact in their audience."""
    rows = session.execute(
        select(Broadcast, Recipient)
        .join(
            Recipient,
            (Recipient.account_id == Broadcast.account_id)
            & (Recipient.broadcast_id == Broadcast.id),
        )
        .where(
            Broadcast.account_id == account_id,
            Recipient.account_id == account_id,
            Recipient.contact_id == contact_id,
        )
        .order_by(Recipient.broadcast_id.desc())
        .limit(limit)
    )
    return [Sent(broadcast.name, broadcast, recipient) for broadcast, recipient in rows]
