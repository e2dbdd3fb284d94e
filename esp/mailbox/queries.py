"""Reading the local mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from esp.errors import NotFound
from esp.mailbox.models import MailboxMessage

PAGE = 50


class Listed(NamedTuple):
    """A line of the list."""

    id: int
    sender: str
    rcpt_to: str
    subject: str
    size: int
    broadcast_id: int | None
    received_at: datetime


class Page(NamedTuple):
    """Newest first; `before` continues it, None at the end."""

    messages: Sequence[Listed]
    before: int | None


def messages(
    session: Session,
    account_id: int,
    *,
    before: int | None = None,
    search: str = "",
    broadcast_id: int | None = None,
    limit: int = PAGE,
) -> Page:
    """Messages with `search` in recipient or subject; `before` is that of the page before."""
    of = MailboxMessage
    query = (
        select(of.id, of.sender, of.rcpt_to, of.subject, of.size, of.broadcast_id, of.received_at)
        .where(of.account_id == account_id)
        .order_by(of.id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(of.id < before)
    if broadcast_id is not None:
        query = query.where(of.broadcast_id == broadcast_id)
    if search:
        query = query.where(
            or_(
                of.rcpt_to.icontains(search, autoescape=True),
                of.subject.icontains(search, autoescape=True),
            )
        )
    found = [Listed(*row) for row in session.execute(query)]
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def message(session: Session, account_id: int, message_id: int) -> MailboxMessage:
    """One message with its raw form; NotFound."""
    found = session.get(MailboxMessage, (account_id, message_id))
    if found is None:
        raise NotFound
    return found
