"""Tables of inbound mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func, text

from esp.accounts.models import OfAccount
from esp.db import Id, Table


class InboundMessage(OfAccount, Table):
    """A message that came to a keyed address; stored before the sender is told 250."""

    __tablename__ = "inbound_messages"
    __table_args__ = (
        CheckConstraint("state IN ('new', 'done')", name="state"),
        CheckConstraint("purpose IN ('bounce', 'unsubscribe')", name="purpose"),
        Index(
            "ix_inbound_messages_new", "account_id", "id", postgresql_where=text("state = 'new'")
        ),
    )

    purpose: Mapped[str]
    broadcast_id: Mapped[int]
    seq: Mapped[int] = mapped_column(Integer)
    mail_from: Mapped[str]
    rcpt_to: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(server_default="new")
    # What it turned out to be: bounce, delay, autoreply, unsubscribe, other.
    verdict: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PostmasterMessage(Table):
    """Mail to postmaster and abuse (RFC 2142): for the operator, of no account."""

    __tablename__ = "postmaster_messages"

    id: Mapped[Id]
    mail_from: Mapped[str]
    rcpt_to: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
