"""Tables of events and of the counts that reports read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from esp.db import AccountId, Table


class Event(Table):
    """Something a person did, or that happened to their mail; never changed."""

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('opened', 'clicked', 'subscribed', 'confirmed', 'unsubscribed',"
            " 'resubscribed', 'bounced', 'complained')",
            name="kind",
        ),
        Index("ix_events_contact_id", "account_id", "contact_id", "at"),
        Index("ix_events_broadcast_id", "account_id", "broadcast_id", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    contact_id: Mapped[int]
    broadcast_id: Mapped[int | None]
    seq: Mapped[int | None] = mapped_column(Integer)
    list_id: Mapped[int | None]
    link_number: Mapped[int | None] = mapped_column(Integer)
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class BroadcastCount(Table):
    """How often something happened to a broadcast, kept in the transaction that stores it."""

    __tablename__ = "broadcast_counts"

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # recipients, skipped, sent, deferred, failed, bounced, complained, unsubscribed,
    # opens, unique_opens, clicks, unique_clicks
    name: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(server_default="0")


class BroadcastHour(Table):
    """The same by hour, for charts over time."""

    __tablename__ = "broadcast_hours"

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(server_default="0")


class LinkCount(Table):
    """Clicks on one link of a broadcast."""

    __tablename__ = "link_counts"

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    clicks: Mapped[int] = mapped_column(server_default="0")
    unique_clicks: Mapped[int] = mapped_column(server_default="0")


class LinkClicker(Table):
    """Who clicked a link at least once: what makes a click unique."""

    __tablename__ = "link_clickers"

    account_id: Mapped[AccountId]
    broadcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
