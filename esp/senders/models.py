"""Tables of transports and providers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import text

from esp.accounts.models import OfAccount
from esp.db import CreatedAt, Id, Table


class Transport(OfAccount, Table):
    """An SMTP server that takes this account's mail."""

    __tablename__ = "transports"
    __table_args__ = (
        CheckConstraint("tls IN ('none', 'starttls', 'required', 'tls')", name="tls"),
        # At most one transport is the account's own default.
        Index(
            "uq_transports_account_id_default",
            "account_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    name: Mapped[str]
    host: Mapped[str]
    port: Mapped[int]
    tls: Mapped[str] = mapped_column(server_default="starttls")
    username: Mapped[str] = mapped_column(server_default="")
    # Encrypted with the installation's secret key.
    password: Mapped[str] = mapped_column(server_default="")
    max_connections: Mapped[int] = mapped_column(server_default="10")
    is_default: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]


class Provider(Table):
    """A receiver of mail, the same for all accounts: what counts for pacing and reports."""

    __tablename__ = "providers"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)


class DomainProvider(Table):
    """Which provider a domain's mail goes to."""

    __tablename__ = "domain_providers"

    domain: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    checked_at: Mapped[datetime | None]
