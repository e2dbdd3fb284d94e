"""Tables of delivery: what is to be sent, to whom, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func, text
from sqlalchemy.types import BigInteger

from esp.accounts.models import OfAccount
from esp.db import AccountId, CreatedAt, Table


class Dispatch(Table):
    """What the senders need of a broadcast: its frozen message, its lists, its brakes."""

    __tablename__ = "dispatches"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'paused', 'stopped')", name="state"),
        # Numbers of broadcasts are unique over all accounts: they partition the ledger.
        UniqueConstraint("broadcast_id"),
    )

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(server_default="open")
    # Prepared content and plan settings, as the compiler takes them.
    content: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    include_list_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    exclude_list_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    transport_id: Mapped[int | None]
    pool_id: Mapped[int | None]
    source_address: Mapped[str] = mapped_column(server_default="")
    tracking: Mapped[str]
    rate_per_minute: Mapped[int | None]
    # With a rate: the moment from which the next message may go.
    next_free_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class Recipient(Table):
    """The ledger: one row for each recipient, written before anything is sent.

    No foreign keys: a million rows would lock a million contacts, and the ledger outlives them.
    The state is in no index, so that its updates stay HOT.
    """

    __tablename__ = "recipients"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'deferred', 'sent', 'failed', 'skipped')", name="state"
        ),
        # Not led by the account, or a fresh partition's missing statistics make it look useful.
        Index("ix_recipients_contact_id", "contact_id", "broadcast_id"),
        {"postgresql_partition_by": "RANGE (broadcast_id)"},
    )

    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    contact_id: Mapped[int]
    email: Mapped[str]
    provider_id: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="queued")
    # Why it was skipped or failed, as a code: unsubscribed, suppressed, invalid, expired, …
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    code: Mapped[int | None] = mapped_column(SmallInteger)
    reply: Mapped[str | None]
    # Time of the last attempt; for a sent one the moment of the receiver's 250.
    at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    opens: Mapped[int] = mapped_column(Integer, server_default="0")
    clicks: Mapped[int] = mapped_column(Integer, server_default="0")


class Batch(Table):
    """A range of the ledger that one sending process works on at a time."""

    __tablename__ = "batches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "broadcast_id"],
            ["dispatches.account_id", "dispatches.broadcast_id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("state IN ('ready', 'leased', 'done')", name="state"),
        Index(
            "ix_batches_open",
            "account_id",
            "next_at",
            "broadcast_id",
            "lo",
            postgresql_where=text("state <> 'done'"),
        ),
        Index("ix_batches_owner", "owner", postgresql_where=text("state = 'leased'")),
    )

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True)
    lo: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hi: Mapped[int] = mapped_column(Integer)
    provider_id: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="ready")
    # The journal of the process that holds it: it is shipped before anybody takes over.
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Deferral(Table):
    """A recipient whose receiver said `later`."""

    __tablename__ = "deferrals"
    __table_args__ = (
        Index("ix_deferrals_due", "account_id", "next_at"),
        Index("ix_deferrals_owner", "owner", postgresql_where=text("owner IS NOT NULL")),
    )

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    provider_id: Mapped[int]
    next_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]


class LateOutcome(OfAccount, Table):
    """What came back after the receiver had said 250."""

    __tablename__ = "late_outcomes"
    __table_args__ = (
        UniqueConstraint("account_id", "broadcast_id", "seq", "kind"),
        CheckConstraint("kind IN ('bounced', 'complained')", name="kind"),
        Index("ix_late_outcomes_at", "account_id", "at"),
    )

    broadcast_id: Mapped[int]
    seq: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    is_hard: Mapped[bool]
    status: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime]


class Link(Table):
    """A target that was in a broadcast's mail: the only places its clicks may lead to."""

    __tablename__ = "links"

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    # May hold merge tags in path or query, filled for the person who clicks.
    target: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")


class Notice(OfAccount, Table):
    """A single message outside a broadcast: reset, confirmation, test send, `finished`."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'sent', 'failed')", name="state"),
        Index("ix_notices_due", "next_at", "account_id", postgresql_where=text("state = 'queued'")),
    )

    kind: Mapped[str]
    email: Mapped[str]
    mail_from: Mapped[str]
    # Complete and ready for DATA; emptied when final, because it may hold a secret link.
    message: Mapped[bytes] = mapped_column(LargeBinary)
    transport_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    code: Mapped[int | None] = mapped_column(SmallInteger)
    reply: Mapped[str | None]
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[CreatedAt]
    at: Mapped[datetime | None]


class Journal(Table):
    """How far a process's journal is shipped; moved in the transaction that stores its facts."""

    __tablename__ = "journals"

    name: Mapped[str] = mapped_column(primary_key=True)
    offset: Mapped[int] = mapped_column("shipped_offset", server_default="0")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Pace(Table):
    """How fast a pool may send to a provider: what people set, and what replies taught.

    Account 0 and pool 0 stand for the installation's own way out, so there are no foreign keys.
    """

    __tablename__ = "paces"

    account_id: Mapped[AccountId]
    pool_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    provider_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Set by people; None: the provider's default.
    max_connections: Mapped[int | None]
    messages_per_connection: Mapped[int | None]
    rate_per_minute: Mapped[int | None]
    # Learnt from replies: what is left of connections and rate, 0 to 1, and caps until a moment.
    share: Mapped[float] = mapped_column(server_default="1")
    cap_per_minute: Mapped[int | None]
    cap_connections: Mapped[int | None]
    cap_until: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    # Pauses in a row; each is longer than the one before.
    pauses: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    reason: Mapped[str] = mapped_column(server_default="")
    reply: Mapped[str] = mapped_column(server_default="")
    # Paused by a person, until a person lifts it.
    is_held: Mapped[bool] = mapped_column(server_default="false")
    # With a rate: the moment from which the next message may go.
    next_free_at: Mapped[datetime | None]
    warm_up_started_at: Mapped[datetime | None]
    # Days that are over and judged; on how many the curve stood still, since deferrals or
    # complaints rose.
    warm_up_judged_days: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    warm_up_held_days: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    # When replies last changed what is learnt.
    changed_at: Mapped[datetime | None]


class PaceHolder(Table):
    """A process that has, or wants, connections of a pool to a provider; gone when not renewed."""

    __tablename__ = "pace_holders"
    __table_args__ = (Index("ix_pace_holders_owner", "owner"),)

    account_id: Mapped[AccountId]
    pool_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    provider_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(primary_key=True)
    held: Mapped[int] = mapped_column(Integer)
    seen_until: Mapped[datetime]


class DeliveryMinute(Table):
    """What a provider answered to an account's mail in one minute, for the delivery page."""

    __tablename__ = "delivery_minutes"

    account_id: Mapped[AccountId]
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    provider_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sent: Mapped[int] = mapped_column(Integer, server_default="0")
    deferred: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")


class ReceiverReply(Table):
    """A text that a provider answers with, its numbers and names left out, and how often."""

    __tablename__ = "receiver_replies"
    __table_args__ = (Index("ix_receiver_replies_last_at", "account_id", "last_at"),)

    account_id: Mapped[AccountId]
    provider_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    kind: Mapped[str]
    code: Mapped[int] = mapped_column(SmallInteger)
    reply: Mapped[str]
    count: Mapped[int] = mapped_column(server_default="0")
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
