"""A journal's unsubscribe, told to the database late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from esp.contacts.leave import Way
from esp.delivery.unsubscribe import unsubscribe


def leave(
    session: Session, account_id: int, broadcast_id: int, seq: int, at: datetime, source: str
) -> bool:
    """Unsubscribe the recipient from every list of that broadcast; False for an unknown recipient.

    `source` says by which way (one-click, page, mailto). Doing it twice changes nothing, and what
    the person did after `at` stands. Senders hear of it when the transaction is committed.
    """
    way = Way(source, at, is_late=True)
    return unsubscribe(session, account_id, broadcast_id, seq, way) is not None
