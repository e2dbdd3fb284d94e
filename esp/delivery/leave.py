"""A person leaves by the link of a broadcast: the lists it went to, at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.engagement.record import Happening, Tally, add_events, count, hour_of


def leave(
    session: Session, account_id: int, broadcast_id: int, seq: int, at: datetime, source: str
) -> bool:
    """Unsubscribe the recipient from every list of that broadcast; False for an unknown recipient.

    `source` says by which way (one-click, page, mailto). Doing it twice changes nothing. Senders
    hear of it when the transaction is committed.
    """
    row = session.execute(
        text(
            "SELECT r.contact_id, d.include_list_ids FROM recipients r JOIN dispatches d"
            " ON d.account_id = r.account_id AND d.broadcast_id = r.broadcast_id"
            " WHERE r.account_id = :account AND r.broadcast_id = :broadcast AND r.seq = :seq"
            " AND d.account_id = :account"
        ),
        {"account": account_id, "broadcast": broadcast_id, "seq": seq},
    ).first()
    if row is None:
        return False
    contact_id, list_ids = row
    left = session.scalars(
        text(
            "UPDATE subscriptions SET state = 'unsubscribed', unsubscribed_at = :at,"
            " changed_at = :at, unsubscribed_broadcast_id = :broadcast"
            " WHERE account_id = :account AND contact_id = :contact AND list_id = ANY(:lists)"
            " AND state <> 'unsubscribed' AND changed_at <= :at RETURNING list_id"
        ),
        {
            "account": account_id,
            "contact": contact_id,
            "broadcast": broadcast_id,
            "lists": list_ids,
            "at": at,
        },
    ).all()
    for list_id in sorted(left):
        session.execute(
            text(
                "INSERT INTO consents (account_id, contact_id, list_id, action, source, at)"
                " VALUES (:account, :contact, :list, 'unsubscribe', :source, :at)"
            ),
            {
                "account": account_id,
                "contact": contact_id,
                "list": list_id,
                "source": source,
                "at": at,
            },
        )
    add_events(
        session,
        account_id,
        [
            Happening("unsubscribed", at, contact_id, broadcast_id, seq, list_id)
            for list_id in sorted(left)
        ],
    )
    first = session.execute(
        text(
            "UPDATE recipients SET unsubscribed_at = :at WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND seq = :seq AND unsubscribed_at IS NULL RETURNING 1"
        ),
        {"account": account_id, "broadcast": broadcast_id, "seq": seq, "at": at},
    ).first()
    if first is not None:
        count(session, account_id, {Tally(broadcast_id, "unsubscribed", hour_of(at)): 1})
    return True
