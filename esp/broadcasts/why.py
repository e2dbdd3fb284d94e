"""Answers why somebody did, or did not, get a broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.addresses import check
from esp.broadcasts.compose import get, lists_of
from esp.broadcasts.models import Broadcast
from esp.contacts.models import Contact, Subscription
from esp.delivery.models import LateOutcome, Recipient
from esp.suppression.models import Suppression


@dataclass(frozen=True)
class Answer:
    """`code` names the case; `recipient` is the ledger's row when there is one."""

    code: str
    email: str
    at: datetime | None = None
    recipient: Recipient | None = None
    late: LateOutcome | None = None
    suppression: Suppression | None = None


def why(session: Session, account_id: int, broadcast_id: int, address: str) -> Answer:
    """Looks in the ledger first, then at what kept the person out of it."""
    broadcast = get(session, account_id, broadcast_id)
    email = check(address).normalized or address.strip().lower()
    contact = session.scalar(
        select(Contact).where(Contact.account_id == account_id, Contact.email == email)
    )
    recipient = _recipient(session, account_id, broadcast_id, contact, email)
    suppression = session.scalar(
        select(Suppression).where(Suppression.account_id == account_id, Suppression.email == email)
    )
    if recipient is not None:
        late = session.scalar(
            select(LateOutcome).where(
                LateOutcome.account_id == account_id,
                LateOutcome.broadcast_id == broadcast_id,
                LateOutcome.seq == recipient.seq,
            )
        )
        code = "bounced" if late and late.kind == "bounced" else recipient.state
        return Answer(code, email, recipient.at, recipient, late, suppression)
    if broadcast.started_at is None:
        return Answer("not_started", email, broadcast.send_at, suppression=suppression)
    if contact is None:
        return Answer("unknown", email, suppression=suppression)
    code, at = _kept_out(session, broadcast, contact)
    return Answer(code, email, at, suppression=suppression)


def _recipient(
    session: Session, account_id: int, broadcast_id: int, contact: Contact | None, email: str
) -> Recipient | None:
    rows = select(Recipient).where(
        Recipient.account_id == account_id, Recipient.broadcast_id == broadcast_id
    )
    if contact is not None:
        found = session.scalar(rows.where(Recipient.contact_id == contact.id))
        if found is not None:
            return found
    # The contact may have been deleted, or have had this address then.
    return session.scalar(rows.where(Recipient.email == email).limit(1))


def _kept_out(
    session: Session, broadcast: Broadcast, contact: Contact
) -> tuple[str, datetime | None]:
    include, _ = lists_of(session, broadcast.account_id, broadcast.id)
    rows = session.scalars(
        select(Subscription).where(
            Subscription.account_id == broadcast.account_id,
            Subscription.contact_id == contact.id,
            Subscription.list_id.in_(include),
        )
    ).all()
    if not rows:
        return "not_on_list", None
    subscribed = [row for row in rows if row.state == "subscribed"]
    if subscribed:
        # On the list now, but after the moment whose audience was taken.
        if broadcast.snapshot_finished_at is None:
            return "not_yet", None
        return "subscribed_later", min(row.changed_at for row in subscribed)
    if any(row.state == "pending" for row in rows):
        return "pending", None
    return "unsubscribed", max(row.unsubscribed_at or row.changed_at for row in rows)
