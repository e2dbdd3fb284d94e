"""Tables of broadcasts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func, text

from esp.accounts.models import OfAccount
from esp.contacts.models import List
from esp.db import AccountId, CreatedAt, Table


class Broadcast(OfAccount, Table):
    """One message to the people of some lists, from draft to report."""

    __tablename__ = "broadcasts"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'scheduled', 'preparing', 'sending', 'paused', 'sent',"
            " 'cancelled', 'held', 'failed')",
            name="state",
        ),
        CheckConstraint("kind IN ('html', 'mjml', 'text')", name="kind"),
        CheckConstraint("rate_per_minute > 0", name="rate_per_minute"),
        Index(
            "ix_broadcasts_due",
            "send_at",
            "account_id",
            postgresql_where=text("state = 'scheduled'"),
        ),
        Index(
            "ix_broadcasts_active",
            "account_id",
            "id",
            postgresql_where=text(
                "finished_at IS NULL AND state IN ('preparing', 'sending', 'cancelled')"
            ),
        ),
    )

    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="draft")
    kind: Mapped[str] = mapped_column(server_default="html")
    subject: Mapped[str] = mapped_column(server_default="")
    preheader: Mapped[str] = mapped_column(server_default="")
    body: Mapped[str] = mapped_column(server_default="")
    text: Mapped[str | None]
    # Whether what the message lacks of the required footer is put below it.
    add_footer: Mapped[bool] = mapped_column(server_default="false")
    from_name: Mapped[str] = mapped_column(server_default="")
    from_address: Mapped[str] = mapped_column(server_default="")
    reply_to: Mapped[str] = mapped_column(server_default="")
    transport_id: Mapped[int | None]
    # Other source addresses than the transport's: a pool's, or a single one of it.
    pool_id: Mapped[int | None]
    source_address: Mapped[str] = mapped_column(server_default="")
    rate_per_minute: Mapped[int | None]
    # Raised by each save, so that two open tabs don't overwrite each other.
    version: Mapped[int] = mapped_column(server_default="1")
    # Start of sending; for `send now` the end of the undo window.
    send_at: Mapped[datetime | None]
    # State to return to when a pause ends.
    paused_from: Mapped[str | None]
    hold_reason: Mapped[str] = mapped_column(server_default="")
    # Audience snapshot: the last contact taken, and whether all are.
    snapshot_contact_id: Mapped[int] = mapped_column(server_default="0")
    snapshot_seq: Mapped[int] = mapped_column(server_default="0")
    snapshot_finished_at: Mapped[datetime | None]
    created_by_user_id: Mapped[int | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BroadcastList(Table):
    """A list whose people get, or must not get, a broadcast."""

    __tablename__ = "broadcast_lists"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "broadcast_id"],
            ["broadcasts.account_id", "broadcasts.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["account_id", "list_id"], [List.account_id, List.id], ondelete="CASCADE"
        ),
        CheckConstraint("side IN ('include', 'exclude')", name="side"),
        Index("ix_broadcast_lists_account_id_list_id", "account_id", "list_id"),
    )

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(primary_key=True)
    side: Mapped[str] = mapped_column(server_default="include")
