"""Reads the ledger in pages: by state, by what was done, by the beginning of an address."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from esp.delivery.models import Recipient
from esp.errors import N_, Invalid
from esp.reports.words import DEEDS, STATES

# What one may ask for, in the order of a recipient's life.
_ORDER = (
    *("queued", "deferred", "sent", "delivered", "bounced", "failed", "skipped"),
    *("opened", "clicked", "unsubscribed"),
)
WISHES = {key: {**STATES, **DEEDS}[key] for key in _ORDER}
_DEEDS: dict[str, ColumnElement[bool]] = {
    "delivered": (Recipient.state == "sent") & Recipient.bounced_at.is_(None),
    "bounced": Recipient.bounced_at.is_not(None),
    "opened": Recipient.opened_at.is_not(None),
    "clicked": Recipient.clicked_at.is_not(None),
    "unsubscribed": Recipient.unsubscribed_at.is_not(None),
}


def page(
    session: Session,
    account_id: int,
    broadcast_id: int,
    *,
    wish: str = "",
    email: str = "",
    after: int = 0,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Recipient]:
    """Up to `limit` rows after, or the nearest before, a seq; in the ledger's own order.

    `wish` is a key of WISHES (Invalid otherwise), `email` a beginning.
    """
    query = select(Recipient).where(
        Recipient.account_id == account_id,
        Recipient.broadcast_id == broadcast_id,
        Recipient.seq > after,
    )
    check_wish(wish)
    if wish:
        query = query.where(_DEEDS.get(wish, Recipient.state == wish))
    if email:
        query = query.where(Recipient.email.startswith(email.strip().lower(), autoescape=True))
    if before is None:
        return session.scalars(query.order_by(Recipient.seq).limit(limit)).all()
    backwards = query.where(Recipient.seq < before).order_by(Recipient.seq.desc()).limit(limit)
    return session.scalars(backwards).all()[::-1]


def check_wish(wish: str) -> None:
    """Invalid unless it is empty or a key of WISHES."""
    if wish and wish not in WISHES:
        raise Invalid(N_("There is no such state."), "state")
