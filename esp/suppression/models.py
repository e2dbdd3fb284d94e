"""Tables of suppression."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from esp.accounts.models import OfAccount
from esp.db import CreatedAt, Table


class Suppression(OfAccount, Table):
    """An address that gets no marketing mail of this account, with the reason and the evidence."""

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("account_id", "email"),
        CheckConstraint(
            "reason IN ('bounce', 'complaint', 'unsubscribe', 'manual', 'import', 'erased')",
            name="reason",
        ),
        Index("ix_suppressions_account_id_created_at", "account_id", "created_at", "id"),
    )

    email: Mapped[str] = mapped_column(Text(collation="C"))
    reason: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="")
    evidence: Mapped[str] = mapped_column(server_default="")
    actor: Mapped[str] = mapped_column(server_default="")
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[CreatedAt]
