"""Table of the local mailbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func

from esp.accounts.models import OfAccount
from esp.db import Table


class MailboxMessage(OfAccount, Table):
    """A message that was sent, and kept here instead of leaving the machine."""

    __tablename__ = "mailbox_messages"
    __table_args__ = (
        Index("ix_mailbox_messages_rcpt_to", "account_id", "rcpt_to", "id"),
        Index("ix_mailbox_messages_broadcast_id", "account_id", "broadcast_id", "id"),
    )

    mail_from: Mapped[str]
    rcpt_to: Mapped[str]
    sender: Mapped[str] = mapped_column(server_default="")
    subject: Mapped[str] = mapped_column(server_default="")
    broadcast_id: Mapped[int | None]
    seq: Mapped[int | None]
    size: Mapped[int]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
